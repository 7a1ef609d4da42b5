"""Agents under action masks: nothing invalid is ever done, and masks stay with their states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer, RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack, VecMonitor, VecNormalize

from l2rl.action_masks import NoValidAction
from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.ppo import LifelongPPO
from l2rl.agents.sac import LifelongSAC
from l2rl.agents.surroundings import Surroundings
from l2rl.component import Batch, Component
from l2rl.components.replay.reservoir import Reservoir
from l2rl.composition import CompositionError
from l2rl.envs.gymnasium_ids import SUITE as GYMNASIUM
from l2rl.envs.minigames import SUITE as MINIGAMES
from l2rl.errors import UserError
from l2rl.evaluation import Evaluator
from l2rl.views import BufferView, LossView, UpdateView
from tests.support.masked_env import InvalidActionTaken, shown_masks

CLASSES: dict[str, Any] = {"ppo": LifelongPPO, "dqn": LifelongDQN}
SETTINGS: dict[str, dict[str, Any]] = {
    "ppo": {"n_steps": 16, "batch_size": 24, "n_epochs": 2},
    "dqn": {"learning_starts": 20, "batch_size": 16, "buffer_size": 90},
}


def shown(n_envs: int = 3, **parameters: Any) -> VecEnv:
    name = "l2rl-test/ShownMasks-method-v0"
    return GYMNASIUM.make(name, parameters=parameters, n_envs=n_envs, seed=1)


def agent_in(env: VecEnv, learner: str, *components: Component, **settings: Any) -> Any:
    dictionary = isinstance(env.observation_space, spaces.Dict)
    merged = {"action_masks": True, "seed": 0, "device": "cpu", **SETTINGS[learner], **settings}
    policy = "MultiInputPolicy" if dictionary else "MlpPolicy"
    return CLASSES[learner](policy, env, components=components, **merged)


# ---- nothing invalid is done ---------------------------------------------------------------
# Environments of `shown` stop at an invalid action with `InvalidActionTaken`.


@pytest.mark.parametrize("learner", CLASSES)
@pytest.mark.parametrize("offers", ["method", "info"])
def test_learning_and_evaluation_take_valid_actions_only(learner: str, offers: str) -> None:
    name = f"l2rl-test/ShownMasks-{offers}-v0"

    def make(task: str, seed: int) -> VecEnv:
        return GYMNASIUM.make(name, parameters={}, n_envs=3, seed=seed)

    agent = agent_in(make("", 0), learner).learn(400)
    for deterministic in (True, False):
        evaluator = Evaluator(make, seed=0, episodes=6, deterministic=deterministic)
        assert len(evaluator.evaluate(agent, "any", 0).returns) == 6
    with pytest.raises(InvalidActionTaken):
        agent_in(make("", 0), learner, action_masks=False).learn(400)


class InvalidActions(BaseCallback):
    """Counts the invalid actions of finished minigames."""

    def __init__(self) -> None:
        super().__init__()
        self.episodes = self.invalid = 0

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "episode" in info:
                self.episodes += 1
                self.invalid += info["invalid_actions"]
        return True


def minigames(n_envs: int = 2, seed: int = 0) -> VecEnv:
    return MINIGAMES.make("DefeatRoaches", parameters={"limit_s": 8}, n_envs=n_envs, seed=seed)


@pytest.mark.parametrize("learner", CLASSES)
def test_minigames_count_no_invalid_action_also_behind_wrappers(learner: str) -> None:
    for env, masks in (
        (minigames(), True),
        (VecNormalize(VecFrameStack(VecMonitor(minigames()), 2)), True),
        (minigames(), False),
    ):
        count = InvalidActions()
        agent_in(env, learner, action_masks=masks).learn(200, callback=count)
        assert count.episodes > 3
        assert (count.invalid == 0) == masks


@pytest.mark.parametrize("learner", CLASSES)
def test_evaluation_counts_no_invalid_action_either(learner: str) -> None:
    agent = agent_in(minigames(), learner)
    if learner == "dqn":
        agent.exploration_rate = 0.5
    infos: list[dict[str, Any]] = []
    env = minigames(seed=3)
    step_wait = env.step_wait

    def noted() -> Any:
        answer = step_wait()
        infos.extend(info for info in answer[3] if "episode" in info)
        return answer

    env.step_wait = noted  # type: ignore[method-assign]
    Evaluator(lambda task, seed: env, seed=0, episodes=6, deterministic=False).evaluate(
        agent, "any", 0
    )
    assert len(infos) >= 6
    assert sum(info["invalid_actions"] for info in infos) == 0


@pytest.mark.parametrize("learner", CLASSES)
def test_heads_of_several_tasks_obey_masks(learner: str) -> None:
    told = Surroundings(visibility="labels", labels=("a", "b"))
    agent = agent_in(shown(), learner, surroundings=told, multi_head=True)
    for index, label in enumerate(("a", "b")):
        agent.start_task(index, label)
        agent.learn(150)
        agent.end_task(index, label)


def test_a_callback_that_predicts_meanwhile_sees_no_masks_of_the_environment() -> None:
    class Predicts(BaseCallback):
        actions: set[int] = set()  # noqa: RUF012

        def _on_step(self) -> bool:
            seen = np.zeros((40, 5), np.float32)
            self.actions |= set(self.model.predict(seen)[0].tolist())
            return True

    agent_in(shown(1), "ppo").learn(32, callback=Predicts())
    assert Predicts.actions == {0, 1, 2, 3, 4}


# ---- masks stay with their states ----------------------------------------------------------


class Watcher(Component):
    """Checks every batch against the masks that its observations show."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.rows = self.ends = self.partial = 0

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        next_state = "next_observations" in batch
        seen = batch["next_observations" if next_state else "observations"]
        seen = seen["shown"] if isinstance(seen, dict) else seen
        expected = torch.from_numpy(shown_masks(seen))
        masks = batch["next_action_masks" if next_state else "action_masks"]
        if next_state:
            ended = batch["dones"].reshape(-1) > 0
            expected[ended] = True
            self.ends += int(ended.sum())
        assert masks.dtype == torch.bool
        assert torch.equal(masks, expected)
        self.rows += len(masks)
        self.partial += int((~masks).any(1).sum())
        return batch


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "ppo": ("ppo", {}),
    "ppo-dict": ("ppo", {"kind": "dict"}),
    "dqn": ("dqn", {}),
    "dqn-dict": ("dqn", {"kind": "dict"}),
    "dqn-n-step": ("dqn", {"n_steps": 3}),
    "dqn-reservoir": ("dqn", {"reservoir": True}),
}


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("name", KINDS)
def test_every_row_of_a_batch_has_the_mask_of_its_own_state(name: str, n_envs: int) -> None:
    learner, settings = KINDS[name]
    settings = dict(settings)
    env = shown(n_envs, kind=settings.pop("kind", "vector"))
    watcher = Watcher()
    # Twice around the buffer, so that old transitions are overwritten or moved.
    components = [watcher, Reservoir()] if settings.pop("reservoir", False) else [watcher]
    agent_in(env, learner, *components, **settings).learn(260)
    assert watcher.partial > watcher.rows / 2
    assert watcher.ends > 0 or learner == "ppo"


def test_masks_cost_the_packed_ring_one_byte_an_action_and_are_absent_without() -> None:
    def row_bytes(masks: bool) -> int:
        return agent_in(
            shown(), "dqn", Reservoir(), action_masks=masks
        ).replay_buffer.ring.row_bytes

    assert row_bytes(False) < row_bytes(True) <= row_bytes(False) + 8
    plain = agent_in(shown(), "dqn", action_masks=False)
    assert type(plain.replay_buffer) is ReplayBuffer
    assert type(agent_in(shown(), "ppo", action_masks=False).rollout_buffer) is RolloutBuffer


def test_heads_stay_unmasked_in_front_of_components() -> None:
    class Reader(Component):
        seen: list[torch.Tensor] = []  # noqa: RUF012

        def loss_terms(self, view: LossView) -> dict[str, torch.Tensor]:
            head = view.heads(view.parameters, view.batch["observations"], None)["action"]
            self.seen.append(head.values[~view.batch["action_masks"]].detach())
            return {}

    agent_in(shown(), "ppo", Reader()).learn(48)
    invalid = torch.cat(Reader.seen)
    assert len(invalid) > 20
    assert invalid.abs().max() < 10.0


# ---- predicting, saving --------------------------------------------------------------------


@pytest.mark.parametrize("learner", CLASSES)
@pytest.mark.parametrize("deterministic", [True, False])
def test_predict_takes_masks_of_one_observation_or_of_a_batch(
    learner: str, deterministic: bool
) -> None:
    agent = agent_in(shown(), learner)
    mask = np.array([False, False, True, False, False])
    for _ in range(5):
        one, _ = agent.predict(
            np.ones(5, np.float32), deterministic=deterministic, action_masks=mask
        )
        assert (np.shape(one), int(one)) == ((), 2)
        batch, _ = agent.predict(
            np.ones((4, 5), np.float32),
            deterministic=deterministic,
            action_masks=np.tile(mask, (4, 1)),
        )
        assert batch.tolist() == [2, 2, 2, 2]
    unmasked = [agent.predict(np.ones((99, 5), np.float32))[0] for _ in range(9)]
    assert len(np.unique(unmasked)) > (1 if learner == "ppo" else 0)


def test_random_actions_are_uniform_over_the_valid_ones() -> None:
    agent = agent_in(shown(), "dqn")
    agent.exploration_rate = 1.0
    masks = np.tile([True, False, True, False, True], (3000, 1))
    actions, _ = agent.predict(np.ones((3000, 5), np.float32), action_masks=masks)
    counts = np.bincount(actions, minlength=5)
    assert counts[[1, 3]].tolist() == [0, 0]
    assert (abs(counts[[0, 2, 4]] - 1000) < 130).all()


@pytest.mark.parametrize("learner", CLASSES)
def test_sb3s_save_and_load_keep_the_setting(learner: str, tmp_path: Path) -> None:
    agent = agent_in(shown(), learner).learn(60)
    agent.save(tmp_path / "model")
    loaded = CLASSES[learner].load(tmp_path / "model", env=shown())
    assert loaded.action_masks
    loaded.learn(100)


def test_sb3s_replay_buffer_file_keeps_masks(tmp_path: Path) -> None:
    agent = agent_in(shown(), "dqn").learn(60)
    agent.save_replay_buffer(tmp_path / "buffer")
    again = agent_in(shown(), "dqn", Watcher())
    again.load_replay_buffer(tmp_path / "buffer")
    again._logger = agent._logger
    again.train(gradient_steps=20, batch_size=16)


# ---- mistakes ------------------------------------------------------------------------------


def test_continuous_actions_have_no_masks() -> None:
    pendulum = make_vec_env("Pendulum-v1")
    for learner in (LifelongSAC, LifelongPPO):
        with pytest.raises(UserError, match="cannot be masked"):
            learner("MlpPolicy", pendulum, action_masks=True)


@pytest.mark.parametrize("learner", CLASSES)
def test_an_environment_without_masks_is_one_clear_error(learner: str) -> None:
    with pytest.raises(UserError, match="offers no action masks"):
        agent_in(make_vec_env("CartPole-v1"), learner).learn(100)


@pytest.mark.parametrize("learner", CLASSES)
def test_nothing_valid_names_environment_and_step_instead_of_nan(learner: str) -> None:
    env = GYMNASIUM.make(
        "l2rl-test/ShownMasks-method-v0", parameters={"empty_after": 11}, n_envs=3, seed=0
    )
    with pytest.raises(NoValidAction, match=r"ShownMasks-method-v0\) has no valid action at env"):
        agent_in(env, learner).learn(100)


def test_predict_refuses_masks_that_it_cannot_obey() -> None:
    with pytest.raises(UserError, match="made without"):
        agent_in(shown(), "ppo", action_masks=False).predict(
            np.ones(5, np.float32), action_masks=np.ones(5, bool)
        )
    with pytest.raises(NoValidAction, match="given to `predict`"):
        agent_in(shown(), "dqn").predict(np.ones(5, np.float32), action_masks=np.zeros(5, bool))


def test_a_replay_component_that_would_lose_masks_is_refused() -> None:
    class Plain(Component):
        provides = ("REPLAY_BUFFER",)

        def make_replay_buffer(self, view: BufferView) -> ReplayBuffer:
            return ReplayBuffer(view.capacity, view.observation_space, view.action_space)

    with pytest.raises(CompositionError, match="keeps no action masks"):
        agent_in(shown(), "dqn", Plain())


def test_a_buffer_of_an_unknown_kind_is_refused() -> None:
    class Own(ReplayBuffer):
        pass

    with pytest.raises(UserError, match="Own does not keep action masks"):
        agent_in(shown(), "dqn", replay_buffer_class=Own)


# ---- learning ------------------------------------------------------------------------------


class Returns(BaseCallback):
    """Returns of all episodes."""

    def __init__(self) -> None:
        super().__init__()
        self.returns: list[float] = []

    def _on_step(self) -> bool:
        self.returns += [i["episode"]["r"] for i in self.locals["infos"] if "episode" in i]
        return True


LEARNING: dict[str, tuple[int, int, dict[str, Any]]] = {
    "ppo": (
        16,
        16_000,
        {
            "n_steps": 32,
            "batch_size": 128,
            "n_epochs": 6,
            "learning_rate": 1e-3,
            "gamma": 0.9,
            "ent_coef": 0.03,
        },
    ),
    "dqn": (
        8,
        6_000,
        {
            "learning_starts": 200,
            "buffer_size": 10_000,
            "batch_size": 64,
            "gradient_steps": 2,
            "learning_rate": 1e-3,
            "target_update_interval": 400,
            "exploration_fraction": 0.5,
        },
    ),
}
"""Environments, env steps, settings."""


@pytest.mark.exhaustive
@pytest.mark.parametrize("learner", CLASSES)
def test_move_to_beacon_is_learned_at_least_as_fast(learner: str) -> None:
    """Mean return in the last half: six seeds of PPO 4.1 without masks and 4.6 with them (0.9 is
    for luck), four of DQN 0.1 and 0.5. An invalid action is a free no-op in this game."""
    n_envs, env_steps, settings = LEARNING[learner]

    def earned(masks: bool) -> float:
        env = MINIGAMES.make("MoveToBeacon", parameters={"limit_s": 30}, n_envs=n_envs, seed=1)
        returns = Returns()
        agent = agent_in(env, learner, action_masks=masks, seed=1, **settings)
        agent.learn(env_steps, callback=returns)
        return float(np.mean(returns.returns[len(returns.returns) // 2 :]))

    assert earned(masks=True) > max(0.9 * earned(masks=False), 0.05)
