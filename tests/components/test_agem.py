"""`gradient.agem`: no step points against the gradient on earlier tasks."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from l2rl.component import Component
from l2rl.components.gradient.agem import AveragedGradientEpisodicMemory, without_conflict
from l2rl.views import GradientView
from tests.components.going_on import assert_goes_on
from tests.components.small_agents import same
from tests.components.test_task_balanced import KINDS, STEPS, balanced, through_tasks


def agem(**settings: Any) -> AveragedGradientEpisodicMemory:
    config = {"capacity_per_task": 60, "memory_batch_size": 32, **settings}
    return AveragedGradientEpisodicMemory(AveragedGradientEpisodicMemory.Config(**config))


@pytest.mark.parametrize(
    ("gradient", "reference", "expected"),
    [
        ([1.0, 0.0], [-1.0, 1.0], [0.5, 0.5]),
        ([1.0, 2.0], [3.0, 1.0], [1.0, 2.0]),
        ([2.0, 0.0], [0.0, 5.0], [2.0, 0.0]),
        ([3.0, -1.0, 2.0], [-2.0, 0.0, 0.0], [0.0, -1.0, 2.0]),
        ([1.0, 2.0], [0.0, 0.0], [1.0, 2.0]),
    ],
)
def test_the_projection_is_the_formula(
    gradient: list[float], reference: list[float], expected: list[float]
) -> None:
    result = without_conflict(torch.tensor(gradient), torch.tensor(reference))
    assert result.tolist() == pytest.approx(expected)


def test_it_never_conflicts_never_grows_and_is_the_nearest() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        g, r = torch.randn(2, 7, generator=generator)
        result = without_conflict(g, r)
        assert float(torch.dot(result, r)) >= -1e-5
        assert float(result.norm()) <= float(g.norm()) + 1e-5
        if float(torch.dot(g, r)) >= 0:
            assert torch.equal(result, g)
        else:
            others = torch.randn(50, 7, generator=generator) + g
            allowed = others[others @ r >= 0]
            assert ((allowed - g).norm(dim=1) >= (result - g).norm() - 1e-5).all()


class Turns(Component):
    """Before the rule: the gradient that raises the loss on earlier tasks."""

    name = "turns"
    order = -100

    def transform_gradients(self, view: GradientView) -> None:
        for gradient in view.gradients.values():
            gradient.mul_(-1.0)


class Watches(Component):
    """After the rule: what is left of the conflict with its reference."""

    name = "watches"
    gradient_stage = "projection"

    def __init__(self, rule: Remembers) -> None:
        super().__init__()
        self.rule = rule
        self.cosines: dict[str, list[float]] = {}

    def transform_gradients(self, view: GradientView) -> None:
        used = self.rule.last_reference.get(view.phase)
        if used is None:
            return
        flat = torch.cat([g.reshape(-1) for g in view.gradients.values()])
        cosine = torch.nn.functional.cosine_similarity(flat, used, dim=0)
        self.cosines.setdefault(view.phase, []).append(float(cosine))


class Remembers(AveragedGradientEpisodicMemory):
    """Keeps the last reference for the test."""

    name = "agem"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.last_reference: dict[str, torch.Tensor] = {}

    def _note(self, phase: str, gradient: torch.Tensor, reference: torch.Tensor) -> None:
        super()._note(phase, gradient, reference)
        self.last_reference[phase] = reference.clone()


@pytest.mark.parametrize("kind", KINDS)
def test_steps_of_a_running_agent_do_not_conflict(kind: str) -> None:
    rule = Remembers(agem().config)
    watches = Watches(rule)
    agent = through_tasks(kind, rule, Turns(), watches, tasks=2)
    phases = {"dqn": {"q"}, "sac": {"critic", "actor"}}.get(kind, {"policy"})
    assert set(watches.cosines) == phases
    for cosines in watches.cosines.values():
        assert min(cosines) > -1e-3
    metrics = agent.host.metrics()
    for phase in phases:
        assert metrics[f"agem/{phase}/projected_share"] > 0.3
        assert metrics[f"agem/{phase}/cosine_mean"] < 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_changes_in_the_first_task_or_where_nothing_is_selected(kind: str) -> None:
    plain = through_tasks(kind, Component(), tasks=1)
    assert same(through_tasks(kind, agem(), tasks=1), plain)
    off = agem(project_acting=False, project_critic=False)
    assert same(through_tasks(kind, off, tasks=2), through_tasks(kind, Component(), tasks=2))


@pytest.mark.parametrize("kind", KINDS)
def test_it_changes_what_is_learned_next(kind: str) -> None:
    one, other = through_tasks(kind, agem(), tasks=2), through_tasks(kind, Component(), tasks=2)
    assert not same(one, other)


@pytest.mark.parametrize("which", ["actor", "critic"])
def test_sac_networks_are_selected_by_role(which: str) -> None:
    rule = agem(project_acting=which == "actor", project_critic=which == "critic")
    agent = through_tasks("sac", rule, tasks=2)
    projected = {n for n in agent.host.metrics() if n.endswith("projected_share")}
    assert projected == {f"{rule.name}/{which}/projected_share"}


def test_ppo_values_can_be_left_out() -> None:
    rule = Remembers(agem(project_critic=False).config)
    agent = through_tasks("ppo", rule, tasks=2)
    acting = [n for n, r in agent._phases["policy"].roles.items() if r == "acting"]
    count = sum(agent._phases["policy"].parameters[n].numel() for n in acting)
    assert rule.last_reference["policy"].numel() == count


def test_rows_that_another_memory_adds_are_not_kept_twice() -> None:
    rule = agem(capacity_per_task=1000)
    through_tasks("ppo", rule, balanced(), tasks=2)
    assert set(rule.memory.rows("b")["belief"].tolist()) == {1}
    assert rule.memory.size("b") == STEPS["ppo"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_goes_on_bit_for_bit_in_mid_task(kind: str) -> None:
    assert_goes_on(kind, lambda: [agem()], STEPS[kind])
