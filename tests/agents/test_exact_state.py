"""An agent's exact state, given to a new agent, makes it do what the first would have done."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback, ConvertCallback
from stable_baselines3.common.vec_env import DummyVecEnv

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.ppo import LifelongPPO
from l2rl.agents.sac import LifelongSAC
from l2rl.randomness import global_generator_states, restore_global_generators
from l2rl.state_codec import decode, encode
from tests.identity.test_bit_identity import BOX, DICT, DISCRETE, IMAGE, VECTOR, NoisyTarget
from tests.support.runs import differences

CASES: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "ppo": (LifelongPPO, VECTOR, DISCRETE, {"n_steps": 16, "batch_size": 16}),
    "ppo-image": (LifelongPPO, IMAGE, BOX, {"n_steps": 16, "batch_size": 16, "n_epochs": 1}),
    "ppo-sde": (LifelongPPO, VECTOR, BOX, {"n_steps": 16, "batch_size": 16, "use_sde": True}),
    "dqn": (LifelongDQN, VECTOR, DISCRETE, {"buffer_size": 40}),
    "dqn-n-step": (LifelongDQN, VECTOR, DISCRETE, {"buffer_size": 400, "n_steps": 3}),
    "dqn-dict": (LifelongDQN, DICT, DISCRETE, {"buffer_size": 40}),
    "dqn-image": (LifelongDQN, IMAGE, DISCRETE, {"buffer_size": 40}),
    "sac": (LifelongSAC, VECTOR, BOX, {"buffer_size": 40}),
    "sac-sde": (LifelongSAC, VECTOR, BOX, {"buffer_size": 40, "use_sde": True}),
}


def born(name: str) -> Any:
    algorithm, observation_space, action_space, settings = CASES[name]
    # DQN explores with the action space's own generator: no two agents may share one.
    action_space = copy.deepcopy(action_space)
    if algorithm is not LifelongPPO:
        settings = {"learning_starts": 10, "batch_size": 8, **settings}
    policy = "MultiInputPolicy" if observation_space is DICT else "MlpPolicy"
    if observation_space is IMAGE:
        policy = "CnnPolicy"
    env = DummyVecEnv([lambda: NoisyTarget(observation_space, action_space)] * 2)
    agent = algorithm(policy, env, seed=3, device="cpu", **settings)
    agent._setup_learn(1000)
    return agent


def iterate(agent: Any, times: int) -> None:
    callback: BaseCallback = ConvertCallback(None)
    callback.init_callback(agent)
    for _ in range(times):
        agent.iterate(callback)


@pytest.mark.parametrize("name", CASES)
def test_state_given_to_a_new_agent_continues_exactly(name: str) -> None:
    times = 3 if "ppo" in name else 30
    first = born(name)
    iterate(first, times)
    # Through the codec, as a checkpoint does; the environments are handed over as they are.
    state = decode(*encode(first.exact_state()))
    second = born(name)
    second.load_exact_state({**state})
    generators = global_generator_states()
    inner = [env.unwrapped for env in first.env.unwrapped.envs]
    before = [(env.steps, env.np_random.bit_generator.state) for env in inner]
    iterate(first, times)
    for env, (steps, generator) in zip(second.env.unwrapped.envs, before, strict=True):
        env.unwrapped.steps = steps
        env.unwrapped.np_random.bit_generator.state = generator
    restore_global_generators(generators)
    iterate(second, times)
    one, other = first.exact_state(), second.exact_state()
    del one["episodes"], other["episodes"]
    assert differences(decode(*encode(one)), decode(*encode(other))) == []


def test_the_given_state_stays_untouched() -> None:
    first, second = born("dqn"), born("dqn")
    iterate(first, 30)
    state = decode(*encode(first.exact_state()))
    kept = {
        n: {k: v.clone() for k, v in s.items() if isinstance(v, torch.Tensor)}
        for n, s in state["optimizers"]["q"]["state"].items()
    }
    second.load_exact_state(state)
    iterate(second, 10)
    for number, moments in kept.items():
        for key, value in moments.items():
            assert torch.equal(state["optimizers"]["q"]["state"][number][key], value)
