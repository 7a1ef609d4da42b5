"""All that holds on to the past on one agent, of every learner."""

from __future__ import annotations

from typing import Any

import pytest

from l2rl.component import Component
from l2rl.components.consolidation.bc_memory import BehaviouralCloningMemory
from l2rl.components.consolidation.distillation import Distillation
from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.consolidation.l2 import L2ToPreviousTask
from l2rl.components.consolidation.mas import MemoryAwareSynapses
from l2rl.components.consolidation.si import SynapticIntelligence
from l2rl.components.experts.pool import ExpertPool
from l2rl.components.plasticity.l2_init import L2Init
from tests.components.small_agents import parameters_of, small_agent

STEPS = {"ppo": 128, "ppo-box": 128, "dqn": 120, "sac": 60}


def everything() -> dict[str, Component]:
    both = {"strength": 0.1, "critic_strength": 0.1}
    few = {**both, "minimum_states": 16}
    made: dict[str, Component] = {
        "ewc": ElasticWeightConsolidation(ElasticWeightConsolidation.Config(**few)),
        "l2": L2ToPreviousTask(L2ToPreviousTask.Config(**both)),
        "si": SynapticIntelligence(SynapticIntelligence.Config(**both)),
        "mas": MemoryAwareSynapses(MemoryAwareSynapses.Config(**few)),
        "outputs": Distillation(Distillation.Config(**few, states="remembered")),
        "features": Distillation(Distillation.Config(**few, form="features")),
        "cloning": BehaviouralCloningMemory(
            BehaviouralCloningMemory.Config(strength=0.1, minimum_states=16)
        ),
        "birth": L2Init(L2Init.Config()),
    }
    for name, component in made.items():
        component.name = name
    return made


def terms_of_the_second_task(kind: str, *components: Component) -> dict[str, float]:
    """Means of every loss term that was logged while the second task was learned."""
    agent: Any = small_agent(kind, *components)
    steps = STEPS.get(kind, 60)
    agent.start_task(0, "a")
    agent.learn(steps)
    agent.end_task(0, "a")
    before = parameters_of(agent)
    agent.start_task(1, "b")
    agent.host.hooks.drain_terms()
    agent.learn(steps, reset_num_timesteps=False)
    after = parameters_of(agent)
    assert any(not before[name].equal(after[name]) for name in before)
    logged = agent.logger.name_to_value.items()
    return {name[6:]: value for name, value in logged if name.startswith("terms/")}


@pytest.mark.parametrize("kind", ["ppo", "ppo-box", "dqn", "sac", "td3", "tqc", "qrdqn", "crossq"])
def test_every_one_has_its_say(kind: str) -> None:
    found = terms_of_the_second_task(kind, *everything().values())
    assert {name.split("/")[0] for name in found} == set(everything())
    assert all(value > 0 for value in found.values()), found


@pytest.mark.parametrize("kind", ["ppo", "dqn"])
def test_a_new_expert_is_bound_by_its_birth_alone(kind: str) -> None:
    found = terms_of_the_second_task(kind, *everything().values(), ExpertPool())
    assert {name.split("/")[0] for name in found} == {"birth"}
