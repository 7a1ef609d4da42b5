"""`consolidation.si`: the path integral, what counts as learning, and what edits do to the path."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from l2rl.capabilities import MAIN_GRADIENT, TASK_BOUNDARY
from l2rl.component import Component
from l2rl.components.consolidation.si import SynapticIntelligence
from l2rl.engine.phase import Phase
from l2rl.views import GradientView, NetworkEdit, TaskEvent
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
)
from tests.components.small_agents import (
    bound,
    hand_made_phase,
    same,
    small_agent,
)

OFFERED = (TASK_BOUNDARY, MAIN_GRADIENT)


def si(**settings: Any) -> SynapticIntelligence:
    return SynapticIntelligence(SynapticIntelligence.Config(**settings))


def no_answers(*arguments: Any) -> dict[str, Any]:
    return {}


def quadratic(curvature: float, optimum: float = 0.0) -> Any:
    return lambda theta: 0.5 * curvature * (theta - optimum).square().sum()


def begun(
    theta: list[float], lr: float = 0.1, **settings: Any
) -> tuple[Phase, SynapticIntelligence]:
    phase = hand_made_phase(no_answers, lr=lr, theta=theta)
    component = si(**settings)
    bound(component, phase, *OFFERED)
    return phase, component


# ---- the path integral -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("curvature", "way", "rate", "known"),
    [(3.0, 3.0, 0.1, 15.882), (3.0, 3.0, 0.01, 13.706), (1.0, 2.0, 0.4, 0)],
)
def test_omega_on_a_quadratic_under_sgd_is_the_closed_form(
    curvature: float, way: float, rate: float, known: float
) -> None:
    phase, component = begun([way], lr=rate)
    descend(phase, component, quadratic(curvature), int(8 / (curvature * rate)), *OFFERED)
    omega = component.metrics()["q/path_sum"]
    assert omega == pytest.approx(0.5 * curvature * way**2 / (1 - 0.5 * curvature * rate), rel=1e-3)
    if known:
        assert omega == pytest.approx(known, rel=1e-3)


@pytest.mark.parametrize(("curvature", "rate"), [(3.0, 0.01), (3.0, 0.1), (0.8, 0.05)])
def test_importance_approaches_half_the_curvature(curvature: float, rate: float) -> None:
    phase, component = begun([3.0], lr=rate, damping=1e-6, strength=1.0)
    descend(phase, component, quadratic(curvature), int(8 / (curvature * rate)), *OFFERED)
    component.on_task_end(END)
    expected = curvature / 2 / (1 - 0.5 * curvature * rate)
    assert component.metrics()["q/importance_mean"] == pytest.approx(expected, rel=2e-3)
    assert expected == pytest.approx(curvature / 2, rel=1.5 * curvature * rate)
    put(phase, float(phase.parameters["theta"].detach()) + 2.0)
    assert penalty(component, phase) == pytest.approx(expected * 4, rel=2e-3)


def test_the_applied_change_counts_not_the_gradient() -> None:
    # Adam's first step is the learning rate, whatever the gradient; here also clipped to 1.
    phase, component = begun([3.0])
    phase.optimizer = torch.optim.Adam([phase.parameters["theta"]], lr=0.25)
    phase.clip_parameters, phase.max_grad_norm = [phase.parameters["theta"]], 1.0
    descend(phase, component, quadratic(8.0), 1, *OFFERED)
    assert component.metrics()["q/path_sum"] == pytest.approx(8 * 3 * 0.25, rel=1e-5)


def test_the_tasks_gradient_counts_not_the_penaltys() -> None:
    phase, component = begun([1.0], strength=5.0, damping=1e-3)
    descend(phase, component, quadratic(2.0), 20, *OFFERED)
    component.on_task_end(END)
    put(phase, 0.5)
    importance = component.metrics()["q/importance_mean"]
    anchor = float(component._anchors["q"].values)
    descend(phase, component, quadratic(2.0, 3.0), 1, *OFFERED)
    task = 2.0 * (0.5 - 3.0)
    whole = task + 2 * 5.0 * importance * (0.5 - anchor)
    assert component.metrics()["q/path_sum"] == pytest.approx(-task * -0.1 * whole, rel=1e-4)
    assert whole != pytest.approx(task, rel=0.01)


def test_negative_contributions_are_dropped_and_tasks_add_up() -> None:
    phase, component = begun([1.0], damping=0.5)
    descend(phase, component, lambda theta: -theta.sum(), 2, *OFFERED)
    put(phase, 0.8)
    assert component.metrics()["q/path_sum"] == pytest.approx(0.2)
    component.on_task_end(END)
    first = component.metrics()["q/importance_mean"]
    assert first == pytest.approx(0.2 / (0.2**2 + 0.5))
    component._anchors["q"].path.fill_(-3.0)
    component.on_task_end(END)
    assert component.metrics()["q/importance_mean"] == pytest.approx(first)
    component._anchors["q"].path.fill_(1.0)
    component.on_task_end(END)
    assert component.metrics()["q/importance_mean"] == pytest.approx(first + 1 / 0.5)


# ---- what is no learning ---------------------------------------------------------------------


def test_steps_on_a_components_own_loss_are_no_learning() -> None:
    phase, component = begun([1.0])
    descend(phase, component, quadratic(2.0), 3, *OFFERED)
    before = component.metrics()["q/path_sum"]
    descend(phase, component, quadratic(2.0), 3, *OFFERED, own=False)
    assert component.metrics()["q/path_sum"] == before > 0


def test_a_reset_begins_the_way_of_its_entries_anew() -> None:
    phase, component = begun([3.0, 3.0], damping=1e-6)
    descend(phase, component, quadratic(2.0), 5, *OFFERED)
    path = component._anchors["q"].path.clone()
    kept = float(phase.parameters["theta"][0].detach())
    component.on_network_edited(edit(phase, kept, 3.0))
    assert component._anchors["q"].path.tolist() == [float(path[0]), 0.0]
    descend(phase, component, quadratic(2.0), 200, *OFFERED)
    component.on_task_end(END)
    expected = 1.0 / (1 - 0.1)
    assert component._anchors["q"].importance.tolist() == pytest.approx([expected] * 2, rel=1e-3)


def test_an_exchange_of_experts_is_no_learning_and_each_has_its_own_way() -> None:
    phase, component = begun([3.0], damping=1e-6)
    descend(phase, component, quadratic(2.0), 4, *OFFERED)
    first = component.metrics()["q/path_sum"]
    resting = float(phase.parameters["theta"].detach())
    component.on_network_edited(edit(phase, -8.0, sets=(0, 1)))
    assert component.metrics()["q/path_sum"] == 0.0
    descend(phase, component, quadratic(4.0), 200, *OFFERED)
    component.on_task_end(END)
    assert component.metrics()["q/importance_mean"] == pytest.approx(2 / (1 - 0.2), rel=1e-3)
    component.on_network_edited(edit(phase, resting, sets=(1, 0)))
    assert component.metrics()["q/path_sum"] == first
    assert component.term_tensors("q") is None
    descend(phase, component, quadratic(2.0), 200, *OFFERED)
    component.on_task_end(END)
    assert component.metrics()["q/importance_mean"] == pytest.approx(1 / (1 - 0.1), rel=1e-3)


def test_an_exchange_before_any_step_leaves_no_trace() -> None:
    phase, component = begun([1.0])
    component.on_network_edited(edit(phase, 3.0, sets=(0, 1)))
    component.on_network_edited(edit(phase, 1.0, sets=(1, 0)))
    descend(phase, component, quadratic(2.0), 200, *OFFERED)
    component.on_task_end(END)
    assert component.metrics()["q/importance_mean"] == pytest.approx(1 / 0.9, rel=0.01)


# ---- in running agents -----------------------------------------------------------------------


class Witness(Component):
    """Sums up by itself what each step contributes."""

    needs = (MAIN_GRADIENT,)
    name = "witness"

    def __init__(self) -> None:
        super().__init__()
        self.total: dict[str, float] = {}
        self.clipped = 0

    def transform_gradients(self, view: GradientView) -> None:
        assert view.main_gradients is not None
        self.gradients = {n: g.clone() for n, g in view.main_gradients.items()}
        self.before = {n: p.detach().clone() for n, p in view.parameters.items()}
        self.clipped += sum(float(g.square().sum()) for g in view.gradients.values()) > 0.01

    def after_step(self, view: Any) -> None:
        for name, gradient in self.gradients.items():
            if self.agent.phases[view.phase].roles[name] == "acting":
                change = view.parameters[name].detach() - self.before[name]
                part = -float((gradient.double() * change.double()).sum())
                self.total[view.phase] = self.total.get(view.phase, 0.0) + part


@pytest.mark.parametrize("kind", KINDS)
def test_in_an_agent_omega_is_the_sum_of_all_steps(kind: str) -> None:
    component, witness = si(), Witness()
    settings = {} if kind == "sac" else {"max_grad_norm": 0.1}
    agent = small_agent(kind, component, witness, **settings)
    agent.start_task(0, "a")
    agent.learn(STEPS[kind])
    phase = ACTING[kind]
    assert component.metrics()[f"{phase}/path_sum"] == pytest.approx(witness.total[phase], rel=1e-3)
    assert witness.total[phase] != 0
    assert witness.clipped or kind == "sac"
    agent.end_task(0, "a")
    agent.learn(STEPS[kind], reset_num_timesteps=False)
    assert component.metrics()[f"{phase}/penalty"] > 0


def test_it_holds_critics_where_wanted_and_only_then() -> None:
    drifts = []
    for strength in (1e-6, 100.0):
        component = si(strength=0, critic_strength=strength)
        agent = small_agent("sac", component)
        agent.learn(60)
        agent.end_task(0, "a")
        agent.learn(60, reset_num_timesteps=False)
        metrics = component.metrics()
        assert not any(name.startswith("actor/") for name in metrics)
        drifts.append(metrics["critic/anchor_drift_rms"])
    assert drifts[1] < drifts[0]


class Exchanges(Component):
    """Puts another set of parameters in place at each start of a task but the first."""

    needs = (TASK_BOUNDARY,)
    name = "exchanges"
    due = False

    def on_task_start(self, event: TaskEvent) -> None:
        self.due = event.index > 0

    def propose_network_edit(self, view: Any) -> NetworkEdit | None:
        if not self.due:
            return None
        self.due = False
        values = {n: p.fresh_parameters(self.rng.torch) for n, p in view.phases.items()}
        return NetworkEdit("test", {n: v for n, v in values.items() if v}, parameter_set=(0, 1))


def test_a_new_expert_of_a_running_agent_is_bound_by_nothing() -> None:
    component = si()
    agent = small_agent("dqn", component, Exchanges())
    agent.start_task(0, "a")
    agent.learn(100)
    agent.end_task(0, "a")
    assert "q/penalty" in component.metrics()
    agent.start_task(1, "b")
    assert "q/penalty" not in component.metrics()
    assert component.metrics()["q/path_sum"] == 0
    assert torch.equal(component._anchors["q"].start, component._anchors["q"].live())


def consolidated(kind: str, *components: Component) -> Any:
    agent = small_agent(kind, *components)
    agent.learn(STEPS[kind] // 2)
    agent.end_task(0, "a")
    return agent.learn(STEPS[kind] // 2, reset_num_timesteps=False)


@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_is_as_if_it_were_not_there(kind: str) -> None:
    assert same(consolidated(kind, si(strength=0)), consolidated(kind))


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
def test_its_state_lives_on_exactly(kind: str) -> None:
    lives_on_exactly(kind, lambda: si(strength=1.0, critic_strength=0.5))
