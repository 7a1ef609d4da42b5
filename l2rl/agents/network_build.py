"""One component's changes to the structure of networks, while the agent is built."""

from __future__ import annotations

from collections.abc import Mapping

from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from l2rl.component import Component
from l2rl.randomness import derive_seed, forked_generators, torch_generator
from l2rl.views import NetworkBuildView


def modify_networks(
    component: Component, agent: BaseAlgorithm, networks: Mapping[str, nn.Module], seed: int
) -> None:
    """Call `component.modify_network`. The global generators, which new layers draw from, are
    seeded for it and put back afterwards."""
    view = NetworkBuildView(
        networks=networks,
        observation_space=agent.observation_space,
        action_space=agent.action_space,
        generator=torch_generator(seed, "modify_network", component.name),
    )
    with forked_generators(derive_seed(seed, "modify_network", component.name, "global")):
        component.modify_network(view)
