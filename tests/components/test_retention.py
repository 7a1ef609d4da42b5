"""Two tasks in turn: with each component more is left of the answers on the first than without."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from l2rl.component import Component
from l2rl.components.consolidation.bc_memory import BehaviouralCloningMemory
from l2rl.components.consolidation.distillation import Distillation
from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.consolidation.l2 import L2ToPreviousTask
from l2rl.components.consolidation.mas import MemoryAwareSynapses
from l2rl.components.consolidation.si import SynapticIntelligence
from tests.components.consolidation import KINDS, forgetting

MAKERS: dict[str, Callable[[], Component]] = {
    "ewc": lambda: ElasticWeightConsolidation(ElasticWeightConsolidation.Config(minimum_states=32)),
    "l2": lambda: L2ToPreviousTask(L2ToPreviousTask.Config(strength=20)),
    "si": lambda: SynapticIntelligence(SynapticIntelligence.Config(strength=20)),
    "mas": lambda: MemoryAwareSynapses(MemoryAwareSynapses.Config(minimum_states=32)),
    "distillation-current": lambda: Distillation(
        Distillation.Config(strength=20, minimum_states=32)
    ),
    "distillation-remembered": lambda: Distillation(
        Distillation.Config(strength=20, minimum_states=32, states="remembered")
    ),
    "distillation-features": lambda: Distillation(
        Distillation.Config(strength=100, minimum_states=32, form="features")
    ),
    "bc_memory": lambda: BehaviouralCloningMemory(
        BehaviouralCloningMemory.Config(minimum_states=32)
    ),
}


@cache
def without(kind: str) -> float:
    return forgetting(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAKERS)
def test_more_is_left_of_the_first_task(name: str, kind: str) -> None:
    left = forgetting(kind, MAKERS[name]())
    assert 0 < left < 0.75 * without(kind)
