"""Resets leave alone what consolidation found important."""

from __future__ import annotations

from typing import Any

import pytest

from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.consolidation.mas import MemoryAwareSynapses
from l2rl.components.consolidation.si import SynapticIntelligence
from l2rl.components.plasticity.reset_layers import ResetLayers

from .small_agents import parameters_of, small_agent


@pytest.mark.parametrize("kind", ["ppo", "dqn"])
@pytest.mark.parametrize(
    "consolidation", [ElasticWeightConsolidation, MemoryAwareSynapses, SynapticIntelligence]
)
def test_importance_is_told_for_every_protected_parameter(kind: str, consolidation: Any) -> None:
    keeper = consolidation(consolidation.Config(strength=1.0))
    agent = small_agent(kind, keeper)
    agent.start_task(0, "a")
    agent.learn(128)
    agent.end_task(0, "a")
    said = keeper.parameter_importance()
    assert set(said) == {"policy" if kind == "ppo" else "q"}
    for phase, by_name in said.items():
        for name, importance in by_name.items():
            assert importance.shape == agent._phases[phase].parameters[name].shape
        assert sum(float(i.sum()) for i in by_name.values()) > 0
        assert all(bool((i >= 0).all()) for i in by_name.values())


def test_the_most_important_entries_survive_a_reset() -> None:
    keeper = ElasticWeightConsolidation()
    config = ResetLayers.Config(
        when="task_end", acting_layers="all", critic_layers=0, spare_important=0.5
    )
    agent = small_agent("dqn", keeper, ResetLayers(config))
    agent.start_task(0, "a")
    agent.learn(128)
    before = parameters_of(agent)
    agent.end_task(0, "a")
    after = parameters_of(agent)
    name = next(n for n, p in before.items() if p.shape == (16, 16))
    kept = before[name] == after[name]
    assert float(kept.float().mean()) == pytest.approx(0.5, abs=0.02)
    # What was drawn anew has lost its importance, and the rest has kept it.
    importance = keeper.parameter_importance()["q"][name.removeprefix("q/")]
    assert float(importance[~kept].abs().sum()) == 0.0
    assert float(importance[kept].sum()) > 0.0
