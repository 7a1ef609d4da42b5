"""The one gradient step: terms add up, rules run in their order, effects are real."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from l2rl.component import Component
from l2rl.composition import Composition
from l2rl.engine.phase import Phase
from l2rl.engine.step import NonFiniteLossTerm, StepHooks, gradient_step
from l2rl.views import GradientView, LossView, UpdateView


def phase(**settings: object) -> Phase:
    """One weight vector (2,) under plain SGD with learning rate 1."""
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    return Phase(
        name="policy",
        network=None,
        parameters={"w": weight},
        roles={"w": "acting"},
        targets={},
        output_layers=frozenset(),
        optimizer=torch.optim.SGD([weight], lr=1.0),
        clip_parameters=[weight],
        **settings,  # type: ignore[arg-type]
    )


def hooks(*components: Component) -> StepHooks:
    for component in components:
        component.name = type(component).__name__.lower()
    return StepHooks.of(Composition(components, learner="ppo", offered=frozenset()))


class Pull(Component):
    """0.5 * strength * |w|^2 as a loss term."""

    strength = 0.5

    def term_tensors(self, phase: str) -> dict[str, torch.Tensor]:
        return {"strength": torch.tensor(self.strength)}

    def loss_terms(self, view: LossView) -> dict[str, torch.Tensor]:
        return {"pull": 0.5 * view.tensors["strength"] * (view.parameters["w"] ** 2).sum()}


class Silent(Pull):
    def term_tensors(self, phase: str) -> None:  # type: ignore[override]
        return None


class Broken(Pull):
    strength = float("nan")


def step(one: Phase, used: StepHooks) -> torch.Tensor:
    gradient_step(one, one.parameters["w"].sum(), {}, used, env_steps=0)
    return one.parameters["w"].detach()


def test_without_components_it_is_a_plain_step() -> None:
    assert step(phase(), hooks()).tolist() == [0.0, -3.0]


def test_terms_add_up_and_are_logged() -> None:
    used = hooks(Pull())
    # gradient 1 + 0.5 * w
    assert step(phase(), used).tolist() == [-0.5, -2.0]
    assert used.drain_terms() == {"pull/pull": 0.5 * 0.5 * 5.0}
    assert used.drain_terms() == {}


def test_no_tensors_means_no_term() -> None:
    assert step(phase(), hooks(Silent())).tolist() == [0.0, -3.0]


def test_a_non_finite_term_names_its_component_and_moves_nothing() -> None:
    one = phase()
    with pytest.raises(NonFiniteLossTerm, match=r"component 'broken'.*'broken/pull'"):
        step(one, hooks(Broken()))
    assert one.parameters["w"].tolist() == [1.0, -2.0]


class Double(Component):
    gradient_stage = "conflict"

    def transform_gradients(self, view: GradientView) -> None:
        view.gradients["w"].mul_(2.0)


class AddOne(Component):
    gradient_stage = "projection"

    def transform_gradients(self, view: GradientView) -> None:
        view.gradients["w"].add_(1.0)


class Mask(Component):
    gradient_stage = "mask"

    def transform_gradients(self, view: GradientView) -> None:
        view.gradients["w"][0] = 0.0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_conflict_rules_then_projections_then_masks(order: tuple[int, ...]) -> None:
    listed = [(Double, AddOne, Mask)[i]() for i in order]
    # (1 * 2 + 1), first entry masked last
    assert step(phase(), hooks(*listed)).tolist() == [1.0, -5.0]


def test_the_clip_comes_after_the_rules() -> None:
    moved = step(phase(max_grad_norm=1.0), hooks(Double()))
    # the doubled gradient (2, 2) is clipped to norm 1
    assert torch.allclose(moved, torch.tensor([1.0, -2.0]) - 0.5**0.5, atol=1e-5)


class Watcher(Component):
    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self.seen: list[tuple[int, list[float]]] = []

    def after_step(self, view: UpdateView) -> None:
        self.seen.append((view.update, view.parameters["w"].tolist()))


def test_after_step_sees_the_moved_parameters_and_counts() -> None:
    one, watcher = phase(), Watcher()
    used = hooks(watcher)
    step(one, used)
    step(one, used)
    assert watcher.seen == [(0, [0.0, -3.0]), (1, [-1.0, -4.0])]
    assert one.updates == 2
