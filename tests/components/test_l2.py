"""`consolidation.l2` and `plasticity.l2_init`: closed forms, anchors, edits, strengths."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from l2rl.agents.surroundings import Surroundings
from l2rl.capabilities import TASK_BOUNDARY
from l2rl.component import Component
from l2rl.components.consolidation.l2 import L2ToPreviousTask
from l2rl.components.plasticity.l2_init import L2Init
from l2rl.composition import CompositionError
from l2rl.views import NetworkEdit, NetworkView
from tests.components.consolidation import (
    ACTING,
    END,
    KINDS,
    STEPS,
    descend,
    edit,
    lives_on_exactly,
    penalty,
    put,
    terms,
)
from tests.components.small_agents import (
    bound,
    hand_made_phase,
    parameters_of,
    same,
    small_agent,
)


def l2(**settings: Any) -> L2ToPreviousTask:
    return L2ToPreviousTask(L2ToPreviousTask.Config(**settings))


def l2_init(**settings: Any) -> L2Init:
    return L2Init(L2Init.Config(**settings))


def no_answers(*arguments: Any) -> dict[str, Any]:
    return {}


# ---- L2 to the previous task -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("curvature", "strength", "anchor", "optimum"), [(2.0, 3.0, 1.0, 5.0), (0.5, 4.0, -2.0, 7.0)]
)
def test_the_minimum_is_that_of_ewc_with_importance_one(
    curvature: float, strength: float, anchor: float, optimum: float
) -> None:
    phase = hand_made_phase(no_answers, theta=[anchor])
    component = l2(strength=strength)
    bound(component, phase, TASK_BOUNDARY)
    assert component.term_tensors("q") is None
    component.on_task_end(END)
    descend(
        phase,
        component,
        lambda theta: 0.5 * curvature * (theta - optimum).square().sum(),
        120,
        TASK_BOUNDARY,
    )
    expected = (curvature * optimum + strength * anchor) / (curvature + strength)
    assert phase.parameters["theta"].tolist() == pytest.approx([expected], abs=1e-5)


def test_the_anchor_is_the_end_of_the_last_task_alone() -> None:
    phase = hand_made_phase(no_answers, theta=[1.0, -1.0])
    component = l2(strength=4.0)
    events = bound(component, phase, TASK_BOUNDARY)
    component.on_task_end(END)
    put(phase, 2.0, 2.0)
    assert penalty(component, phase) == 0.5 * 4 * (1 + 9)
    component.on_task_end(END)
    assert penalty(component, phase) == 0.0
    assert events[-1] == ("consolidated", {"number": 2})
    put(phase, 2.0, 2.5)
    (gradient,) = torch.autograd.grad(
        terms(component, phase)["penalty"], [phase.parameters["theta"]]
    )
    assert gradient.tolist() == [0.0, 4 * 0.5]


def test_a_reset_is_let_go_and_each_expert_has_its_anchor() -> None:
    phase = hand_made_phase(no_answers, theta=[1.0, 2.0])
    component = l2(strength=2.0)
    bound(component, phase, TASK_BOUNDARY)
    component.on_task_end(END)
    component.on_network_edited(edit(phase, 1.0, 9.0))
    put(phase, 4.0, 5.0)
    assert penalty(component, phase) == 9.0, "the redrawn entry is free"
    component.on_network_edited(edit(phase, 0.0, 0.0, sets=(0, 1)))
    assert component.term_tensors("q") is None
    component.on_network_edited(edit(phase, 2.0, 9.0, sets=(1, 0)))
    assert penalty(component, phase) == 1.0


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
def test_l2_holds_what_acts_and_lives_on_exactly(kind: str) -> None:
    drifts = []
    for strength in (1e-6, 100.0):
        component = l2(strength=strength)
        agent = small_agent(kind, component)
        agent.end_task(0, "a")
        agent.learn(STEPS[kind])
        drifts.append(component.metrics()[f"{ACTING[kind]}/anchor_drift_rms"])
    assert 0 < drifts[1] < 0.5 * drifts[0]
    lives_on_exactly(kind, lambda: l2(strength=1.0, critic_strength=1.0))


def consolidated(kind: str, *components: Component) -> Any:
    agent = small_agent(kind, *components)
    agent.learn(STEPS[kind] // 2)
    agent.end_task(0, "a")
    return agent.learn(STEPS[kind] // 2, reset_num_timesteps=False)


@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_is_as_if_it_were_not_there(kind: str) -> None:
    nothing = (l2(strength=0), l2_init(strength=0, critic_strength=0))
    assert same(consolidated(kind, *nothing), consolidated(kind))


def test_without_ends_of_tasks_it_says_what_is_missing() -> None:
    with pytest.raises(CompositionError, match="TASK_BOUNDARY or CHANGE_EVENTS"):
        small_agent("dqn", l2(), surroundings=Surroundings())


# ---- L2-init ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("curvature", "strength", "birth", "optimum"), [(2.0, 0.5, 1.0, 3.0), (3.0, 2.0, -1.0, 4.0)]
)
def test_the_minimum_lies_between_the_tasks_and_birth(
    curvature: float, strength: float, birth: float, optimum: float
) -> None:
    phase = hand_made_phase(no_answers, theta=[birth])
    component = l2_init(strength=strength)
    bound(component, phase)
    descend(phase, component, lambda theta: 0.5 * curvature * (theta - optimum).square().sum(), 120)
    expected = (curvature * optimum + 2 * strength * birth) / (curvature + 2 * strength)
    assert phase.parameters["theta"].tolist() == pytest.approx([expected], abs=1e-5)
    if curvature == 2.0:
        assert expected == pytest.approx(2.3333, abs=1e-4)


def test_birth_is_at_the_first_gradient_step_and_stays_through_ends_of_tasks() -> None:
    phase = hand_made_phase(no_answers, theta=[1.0])
    component = l2_init(strength=1.0)
    bound(component, phase, TASK_BOUNDARY)
    assert component.metrics() == {}
    put(phase, 2.0)
    assert penalty(component, phase) == 0.0, "what a run loads before it begins is its birth"
    put(phase, 5.0)
    component.on_task_end(END)
    assert penalty(component, phase) == 9.0
    assert component.metrics()["q/anchor_drift_rms"] == 3.0


def test_what_is_redrawn_is_born_again_and_each_expert_has_its_own_birth() -> None:
    phase = hand_made_phase(no_answers, theta=[1.0, 2.0])
    component = l2_init(strength=1.0)
    bound(component, phase)
    component.on_network_edited(edit(phase, 0.0, 2.0, sets=(3, 0)))
    assert penalty(component, phase) == 0.0
    put(phase, 3.0, 3.0)
    component.on_network_edited(edit(phase, 3.0, 7.0))
    assert penalty(component, phase) == 9.0, "entry 0 keeps its birth, entry 1 has a new one"
    component.on_network_edited(edit(phase, 4.0, 4.0, sets=(0, 1)))
    assert penalty(component, phase) == 0.0
    put(phase, 6.0, 4.0)
    assert penalty(component, phase) == 4.0
    component.on_network_edited(edit(phase, 1.0, 7.0, sets=(1, 0)))
    assert penalty(component, phase) == 1.0
    component.on_network_edited(edit(phase, 6.0, 5.0, sets=(0, 1)))
    assert penalty(component, phase) == 5.0


class RedrawsAll(Component):
    """Draws every parameter anew once."""

    name = "redraws"
    due = False

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        if not self.due:
            return None
        self.due = False
        drawn = {n: p.fresh_parameters(self.rng.torch) for n, p in view.phases.items()}
        return NetworkEdit("redrawn", {n: v for n, v in drawn.items() if v})


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
def test_a_running_agent_stays_nearer_to_its_birth(kind: str) -> None:
    distances: dict[float, dict[str, float]] = {}
    for strength in (0.0, 1.0):
        agent = small_agent(kind, l2_init(strength=strength, critic_strength=strength))
        born = parameters_of(agent)
        agent.learn(STEPS[kind])
        now = parameters_of(agent)
        distances[strength] = {
            phase: sum(
                float((now[n] - born[n]).square().sum()) for n in born if n.startswith(phase)
            )
            for phase in agent._phases
            if phase != "entropy"
        }
    for phase, free in distances[0.0].items():
        assert 0 < distances[1.0][phase] < 0.8 * free, phase


def test_the_penalty_after_a_reset_of_a_running_agent_is_zero_again() -> None:
    component, redraws = l2_init(), RedrawsAll()
    agent = small_agent("dqn", component, redraws)
    agent.learn(100)
    assert component.metrics()["q/penalty"] > 0
    redraws.due = True
    agent.host.settle()
    assert component.metrics()["q/penalty"] == 0


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_l2_init_lives_on_exactly(kind: str) -> None:
    lives_on_exactly(kind, lambda: l2_init(strength=0.1))
