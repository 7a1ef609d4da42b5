"""`network.lifelong_norm`: the statistics, when they change, and for which task they are."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.surroundings import Surroundings
from l2rl.capabilities import MAIN_GRADIENT
from l2rl.component import Component
from l2rl.components.network.lifelong_norm import LifelongNormalisation
from l2rl.components.network.observation_norm import ObservationNorm
from l2rl.components.network.running_moments import RunningMoments
from l2rl.composition import CompositionError
from l2rl.errors import UserError
from l2rl.views import TransitionBatch, UpdateView
from tests.components.small_agents import goes_on_alike, same, small_agent

STEPS = {"ppo": 256, "ppo-box": 256, "dqn": 120, "sac": 80}
KINDS = tuple(STEPS)
BOUNDARIES = Surroundings(visibility="boundaries")


def norm(**settings: Any) -> LifelongNormalisation:
    settings = {"minimum_observations": 16, **settings}
    return LifelongNormalisation(LifelongNormalisation.Config(**settings))


def scale_observations(agent: Any, factor: float, offset: float) -> None:
    """From now on the environments show other numbers."""
    for env in agent.env.unwrapped.envs:
        guess = env.unwrapped
        observe = type(guess)._observe

        def other(guess: Any = guess, observe: Any = observe) -> Any:
            guess.seen = (factor * observe(guess) + offset).astype(np.float32)
            return guess.seen

        guess._observe = other


# ---- statistics ------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(1, 1, 5), (11, 37, 2, 64), (300,)])
def test_merged_moments_are_those_of_all_rows_pooled(sizes: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    batches = [generator.normal(3.0, 2.0 + i, (n, 4)) for i, n in enumerate(sizes)]
    moments = RunningMoments((4,))
    for batch in batches:
        moments.merge(batch)
    pooled = np.concatenate(batches)
    assert moments.count == len(pooled)
    assert np.abs(moments.mean - pooled.mean(axis=0)).max() < 5e-15 * 10
    assert np.abs(moments.variance / np.maximum(pooled.var(axis=0), 1e-9) - 1).max() < 1e-13


def test_the_module_normalises_and_clips() -> None:
    module = ObservationNorm((2,), 3.0, torch.device("cpu"))
    module.mean.copy_(torch.tensor([1.0, -2.0]))
    module.scale.copy_(torch.tensor([2.0, 0.5]))
    out = module(torch.tensor([[2.0, 0.0], [100.0, -100.0]]))
    assert out.tolist() == [[2.0, 1.0], [3.0, -3.0]]


# ---- running agents --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_all_networks_see_normalised_observations_and_listeners_raw_ones(kind: str) -> None:
    class Listens(Component):
        seen: list[np.ndarray]

        def on_transitions(self, batch: TransitionBatch) -> None:
            self.seen.append(batch.flat(batch.observations))

    component, listener = norm(), Listens()
    listener.seen = []
    agent = small_agent(kind, component, listener)
    scale_observations(agent, 5.0, 100.0)
    agent.learn(STEPS[kind])
    agent.learn(8, reset_num_timesteps=False)
    raw = np.concatenate(listener.seen)[10:]
    assert raw.mean() == pytest.approx(100, abs=3)
    module = component._norm
    assert all(m.norm is module for m in agent.policy.modules() if hasattr(m, "norm"))
    normalised = module(torch.as_tensor(raw))
    assert float(normalised.mean()) == pytest.approx(0.0, abs=0.3)
    assert float(normalised.std()) == pytest.approx(1.0, abs=0.3)
    if hasattr(agent, "replay_buffer"):
        assert agent.replay_buffer.observations[20:30].mean() > 50
    extractors = [n for n in agent.policy.state_dict() if n.endswith("norm.mean")]
    assert len(extractors) == {"dqn": 2, "sac": 3}.get(kind, 3)
    assert all(torch.equal(agent.policy.state_dict()[n], module.mean) for n in extractors)


class FirstRatios(Component):
    """The log ratio of new over old probabilities in the first minibatch of each rollout."""

    needs = (MAIN_GRADIENT,)

    def __init__(self) -> None:
        super().__init__()
        self.distances: list[float] = []
        self.collected = False

    def on_transitions(self, batch: TransitionBatch) -> None:
        self.collected = True

    def transform_batch(self, batch: Any, view: UpdateView) -> Any:
        if self.collected:
            self.collected = False
            policy: Any = self.policy
            with torch.no_grad():
                _, log_prob, _ = policy.evaluate_actions(batch["observations"], batch["actions"])
            self.distances.append(float((log_prob - batch["old_log_prob"]).abs().max()))
        return batch


@pytest.mark.parametrize("kind", ["ppo", "ppo-box"])
def test_a_policy_is_judged_on_the_very_numbers_on_which_it_acted(kind: str) -> None:
    component, ratios = norm(), FirstRatios()
    agent = small_agent(kind, component, ratios)
    ratios.policy = agent.policy
    scale_observations(agent, 5.0, 10.0)
    agent.learn(512)
    assert len(ratios.distances) == 4
    assert max(ratios.distances) < 1e-5
    assert float(component._norm.mean.abs().max()) > 5, "statistics are in use"

    class Early(LifelongNormalisation):
        """What would happen if they changed with the experience itself."""

        def on_transitions(self, batch: TransitionBatch) -> None:
            super().on_transitions(batch)
            self._put(*self._statistics(self._moments[self._key]))

    early, ratios = Early(component.config), FirstRatios()
    agent = small_agent(kind, early, ratios)
    ratios.policy = agent.policy
    scale_observations(agent, 5.0, 10.0)
    agent.learn(128)
    assert ratios.distances[0] > 1e-3


def two_tasks(component: Any, kind: str = "dqn", **settings: Any) -> Any:
    """The second task shows larger numbers; stops in its middle."""
    agent = small_agent(kind, component, **settings)
    agent.start_task(0, "a")
    agent.learn(100)
    agent.end_task(0, "a")
    agent.start_task(1, "b")
    scale_observations(agent, 1.0, 50.0)
    agent.learn(200, reset_num_timesteps=False)
    return agent


@pytest.mark.parametrize(
    ("mode", "mean"), [("lifelong", 33.0), ("per_task", 50.0), ("frozen_first_task", 0.0)]
)
def test_each_mode_has_its_tasks(mode: str, mean: float) -> None:
    component = norm(mode=mode)
    two_tasks(component)
    assert component._norm.mean.tolist() == pytest.approx([mean] * 4, abs=2.0)


def test_in_an_evaluation_the_label_decides_and_otherwise_the_current_task() -> None:
    component = norm(mode="per_task")
    agent = two_tasks(component)
    for label, mean in (("a", 0.0), ("b", 50.0), ("never seen", 50.0)):
        with agent.evaluating(0, label):
            assert component._norm.mean.tolist() == pytest.approx([mean] * 4, abs=2.0)
        assert component._norm.mean.tolist() == pytest.approx([50.0] * 4, abs=2.0)
    unlabelled = norm(mode="per_task")
    agent = two_tasks(unlabelled, surroundings=BOUNDARIES)
    assert set(unlabelled._moments) == {"context 0", "context 1"}
    with agent.evaluating(0, "a"):
        assert unlabelled._norm.mean.tolist() == pytest.approx([50.0] * 4, abs=2.0)


def test_replayed_rows_are_normalised_as_their_own_task_was() -> None:
    component = norm(mode="per_task")
    agent = two_tasks(component)
    beliefs = torch.tensor([0, 1, 1])
    batch = {"belief": beliefs}
    component.transform_batch(batch, None)  # type: ignore[arg-type]
    rows = torch.full((3, 4), 50.0)
    out = component._norm(rows)
    assert float(out[0].min()) == component.config.clip, "far outside of task a"
    assert out[1:].abs().max() < 2
    assert component._norm(rows[:2]).abs().max() < 2, "another batch"
    agent.host.settle()
    assert component._norm(rows).abs().max() < 2
    component.transform_batch({"belief": torch.tensor([1, 1])}, None)  # type: ignore[arg-type]
    assert component._norm.of_rows is None


def test_a_new_task_keeps_the_statistics_until_it_has_enough() -> None:
    component = norm(mode="per_task", minimum_observations=150)
    agent = small_agent("dqn", component)
    agent.learn(100)
    assert component._norm.mean.tolist() == [0.0] * 4
    assert component._norm.scale.tolist() == [1.0] * 4
    agent.learn(100, reset_num_timesteps=False)
    assert component._norm.mean.tolist() != [0.0] * 4


def test_what_each_mode_needs_is_asked_for() -> None:
    hidden = Surroundings()
    small_agent("dqn", norm(), surroundings=hidden)
    for mode in ("per_task", "frozen_first_task"):
        with pytest.raises(CompositionError, match="TASK_BOUNDARY"):
            small_agent("dqn", norm(mode=mode), surroundings=hidden)


class Odd(gym.Env[Any, Any]):
    action_space = spaces.Discrete(2)

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.observation_space = space

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return self.observation_space.sample(), {}


@pytest.mark.parametrize(
    ("space", "policy"),
    [
        (spaces.Box(0, 255, (36, 36, 3), np.uint8), "CnnPolicy"),
        (spaces.Discrete(5), "MlpPolicy"),
        (spaces.Dict({"a": spaces.Box(0, 1, (2,))}), "MultiInputPolicy"),
    ],
)
def test_pictures_and_dictionaries_are_refused(space: Any, policy: str) -> None:
    env = make_vec_env(lambda: Odd(space), 1)
    with pytest.raises(UserError, match=r"normalises vectors[\s\S]*flatten"):
        LifelongDQN(policy, env, components=[norm()], seed=0, buffer_size=10)


@pytest.mark.parametrize("mode", ["lifelong", "per_task", "frozen_first_task"])
@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_its_state_goes_on_bit_for_bit(kind: str, mode: str) -> None:
    one, theirs = norm(mode=mode), norm(mode=mode)
    agent = two_tasks(one, kind)
    other = small_agent(kind, theirs).learn(4)
    scale_observations(other, 1.0, 50.0)
    assert goes_on_alike(agent, other, 60)
    assert torch.equal(one._norm.mean, theirs._norm.mean)
    assert one.metrics() == theirs.metrics()


def test_it_changes_what_is_learned() -> None:
    assert not same(small_agent("dqn", norm()).learn(120), small_agent("dqn").learn(120))
