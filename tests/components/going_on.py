"""Whether an agent goes on bit for bit from a stored state, in the middle of a task."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from l2rl.component import Component
from l2rl.randomness import global_generator_states, restore_global_generators
from l2rl.state_codec import decode, encode
from tests.components.small_agents import same, small_agent


def assert_goes_on(
    kind: str, make: Callable[[], list[Component]], steps: int, **settings: Any
) -> Any:
    """Run A straight through two tasks; run B from A's state in the middle of the second, stored
    and read back: the same parameters and component states at the end. Returns A."""
    whole = small_agent(kind, *make(), **settings)
    whole.start_task(0, "a")
    whole.learn(steps)
    whole.end_task(0, "a")
    whole.start_task(1, "b")
    whole.learn(steps, reset_num_timesteps=False)
    tree, tensors = encode(whole.exact_state())
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    world, draws = copy.deepcopy(whole.env), global_generator_states()
    whole.learn(steps, reset_num_timesteps=False)

    resumed = small_agent(kind, *make(), **settings)
    resumed.load_exact_state(decode(tree, tensors))
    resumed.env = world
    restore_global_generators(draws)
    resumed.learn(steps, reset_num_timesteps=False)
    assert same(whole, resumed)
    for one, other in zip(
        whole.host.composition.components, resumed.host.composition.components, strict=True
    ):
        assert alike(one.state_dict(), other.state_dict()), one.name
        assert one.metrics() == other.metrics()
    return whole


def alike(one: Any, other: Any) -> bool:
    """Whether two nested states are equal, bit for bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype) and np.array_equal(one, other)
    return bool(one == other)
