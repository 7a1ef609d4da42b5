"""What an SB3 user has still works on our agents."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecNormalize

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.ppo import LifelongPPO
from l2rl.agents.sac import LifelongSAC
from l2rl.agents.start_from import start_from
from l2rl.component import Component
from l2rl.errors import UserError
from l2rl.views import TransitionBatch


def ppo(**settings: object) -> LifelongPPO:
    env = make_vec_env("CartPole-v1", 2, seed=0)
    return LifelongPPO(
        "MlpPolicy", env, n_steps=16, batch_size=16, seed=0, device="cpu", **settings
    )


class Counter(BaseCallback):
    steps = 0

    def _on_step(self) -> bool:
        self.steps += 1
        return self.steps < 20


class Listener(Component):
    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self.batches: list[TransitionBatch] = []

    def on_transitions(self, batch: TransitionBatch) -> None:
        self.batches.append(batch)


def test_callbacks_run_once_a_step_and_can_stop_also_beside_a_listening_component() -> None:
    for components in ([], [Listener()]):
        counter = Counter()
        ppo(components=components).learn(1000, callback=counter)
        assert counter.steps == 20


def test_evaluate_policy_and_predict_work() -> None:
    mean, _ = evaluate_policy(ppo(), make_vec_env("CartPole-v1", 1, seed=1), n_eval_episodes=2)
    assert mean > 0


def test_save_and_load_as_sb3_does(tmp_path: Path) -> None:
    agent = ppo().learn(64)
    agent.save(tmp_path / "ours")
    loaded = LifelongPPO.load(tmp_path / "ours", env=agent.env)
    observations = np.zeros((2, 4), np.float32)
    assert np.array_equal(
        loaded.predict(observations, deterministic=True)[0],
        agent.predict(observations, deterministic=True)[0],
    )
    loaded.learn(64)


def test_vec_normalize_works() -> None:
    env = VecNormalize(make_vec_env("CartPole-v1", 2, seed=0))
    LifelongDQN("MlpPolicy", env, learning_starts=20, seed=0, device="cpu").learn(100)


def test_transitions_show_the_true_last_observation_and_how_episodes_end() -> None:
    env = make_vec_env("CartPole-v1", 2, seed=0, env_kwargs={"max_episode_steps": 12})
    listener = Listener()
    agent = LifelongPPO(
        "MlpPolicy", env, n_steps=64, batch_size=32, seed=0, device="cpu", components=[listener]
    )
    agent.learn(128)
    (batch,) = listener.batches
    assert batch.observations.shape == batch.next_observations.shape == (64, 2, 4)
    assert batch.rewards.dtype == np.float32
    assert (batch.first_index, batch.env_steps) == (0, 128)
    ended = batch.terminated | batch.truncated
    assert ended.any()
    assert not (batch.terminated & batch.truncated).any()
    on = ~ended[:-1]
    assert np.array_equal(batch.next_observations[:-1][on], batch.observations[1:][on])
    assert not np.array_equal(batch.next_observations[:-1][~on], batch.observations[1:][~on])
    # PPO adds the bootstrap value of time-outs in place; components see the true reward.
    assert (batch.rewards == 1.0).all()
    with pytest.raises(ValueError, match="read-only"):
        batch.rewards[0] = 1.0


# ---- starting from a model of theirs -------------------------------------------------------


def test_an_agent_starts_from_a_saved_sb3_model(tmp_path: Path) -> None:
    env = make_vec_env("Pendulum-v1", 1, seed=0)
    theirs = SAC("MlpPolicy", env, learning_starts=10, seed=3, device="cpu").learn(40)
    theirs.save(tmp_path / "model.zip")
    ours = LifelongSAC("MlpPolicy", env, seed=0, device="cpu")
    start_from(ours, tmp_path / "model.zip")
    for name, value in theirs.policy.state_dict().items():
        assert torch.equal(ours.policy.state_dict()[name], value)


def test_only_tensors_are_read_from_the_file(tmp_path: Path) -> None:
    """The pickled `data` of the zip is replaced by rubbish: nobody may notice."""
    PPO("MlpPolicy", make_vec_env("CartPole-v1", 1), device="cpu").save(tmp_path / "model.zip")
    with (
        zipfile.ZipFile(tmp_path / "model.zip") as source,
        zipfile.ZipFile(tmp_path / "changed.zip", "w") as target,
    ):
        for name in source.namelist():
            target.writestr(name, b"rubbish" if name == "data" else source.read(name))
    start_from(ppo(), tmp_path / "changed.zip")


def test_code_in_the_tensor_file_is_not_executed(tmp_path: Path) -> None:
    import pickle

    class Malicious:
        def __reduce__(self) -> object:
            return (Path.touch, (tmp_path / "executed",))

    with zipfile.ZipFile(tmp_path / "model.zip", "w") as target:
        target.writestr("policy.pth", pickle.dumps(Malicious()))
    with pytest.raises(UserError, match="not"):
        start_from(ppo(), tmp_path / "model.zip")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_what_is_no_model_is_one_clear_error(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"start_from: .*model\.zip"):
        start_from(ppo(), path)


def test_a_model_of_another_shape_is_refused(tmp_path: Path) -> None:
    env = make_vec_env("CartPole-v1", 1)
    PPO("MlpPolicy", env, device="cpu", policy_kwargs={"net_arch": [8]}).save(tmp_path / "m.zip")
    with pytest.raises(UserError, match="network"):
        start_from(ppo(), tmp_path / "m.zip")
