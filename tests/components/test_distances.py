"""How far answers are apart: known numbers, derivatives, zeros, masks."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from l2rl.components.consolidation.distances import OutputDistance
from l2rl.views import Head

OLD = torch.tensor([[0.3, -1.2, 2.0], [0.0, 0.5, -0.5]])
NEW = torch.tensor([[1.0, 0.4, -0.7], [0.1, -2.0, 1.5]])


def distance(
    kind: Any,
    old: torch.Tensor,
    new: torch.Tensor,
    valid: torch.Tensor | None = None,
    role: Any = "acting",
    temperature: float = 2.0,
    q_distance: Any = "regression",
    **fields: Any,
) -> torch.Tensor:
    measured = OutputDistance(temperature, q_distance)
    return measured(Head(kind, role, old, **fields), Head(kind, role, new, **fields), valid)


@pytest.mark.parametrize(
    ("old", "new", "known"),
    [
        ((0.2, 0.5), (-0.1, 0.8), 0.23563),
        ((1.0, 2.0), (0.0, 1.0), None),
        ((0.0, 0.1), (3, 4), None),
    ],
)
def test_kl_of_gaussians(
    old: tuple[float, float], new: tuple[float, float], known: float | None
) -> None:
    heads = [
        Head("gaussian", "acting", torch.tensor([[m]]), torch.tensor([[s]])) for m, s in (old, new)
    ]
    found = float(OutputDistance(2.0, "regression")(heads[0], heads[1]))
    assert found == pytest.approx(float(kl_divergence(Normal(*old), Normal(*new))), rel=1e-5)
    if known is not None:
        assert found == pytest.approx(known, abs=1e-5)


def test_kl_of_gaussians_adds_dimensions() -> None:
    old = Head("gaussian", "acting", torch.tensor([[0.2, 1.0]]), torch.tensor([[0.5, 2.0]]))
    new = Head("gaussian", "acting", torch.tensor([[-0.1, 0.0]]), torch.tensor([[0.8, 1.0]]))
    second = float(kl_divergence(Normal(1.0, 2.0), Normal(0.0, 1.0)))
    assert float(OutputDistance(1, "softened")(old, new)) == pytest.approx(0.235629 + second)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 7.0])
def test_the_derivative_of_softened_probabilities(temperature: float) -> None:
    new = NEW.clone().requires_grad_()
    found = distance("categorical", OLD, new, temperature=temperature)
    expected = kl_divergence(
        Categorical(logits=OLD / temperature), Categorical(logits=NEW / temperature)
    )
    assert torch.allclose(found, temperature**2 * expected, rtol=1e-4)
    (gradient,) = torch.autograd.grad(found.sum(), [new])
    softened = [torch.softmax(z / temperature, dim=1) for z in (NEW, OLD)]
    assert torch.allclose(gradient, temperature * (softened[0] - softened[1]), atol=1e-5)


@pytest.mark.parametrize("kind", ["categorical", "bernoulli", "gaussian", "scalar"])
def test_equal_answers_are_at_distance_zero_with_no_slope(kind: str) -> None:
    scale = {"scale": OLD.exp()} if kind == "gaussian" else {}
    new = OLD.clone().requires_grad_()
    found = distance(kind, OLD, new, **scale)
    assert found.tolist() == pytest.approx([0.0, 0.0], abs=1e-7)
    (gradient,) = torch.autograd.grad(found.sum(), [new])
    assert float(gradient.abs().max()) < 1e-6


def test_choices_of_a_multi_discrete_space_are_compared_each_by_itself() -> None:
    whole = distance("multi_categorical", OLD, NEW, sizes=(2, 1))
    first = distance("categorical", OLD[:, :2], NEW[:, :2])
    assert torch.allclose(whole, first)


def test_yes_and_no_are_a_choice_of_two() -> None:
    found = distance("bernoulli", OLD, NEW, temperature=1.0)
    p, q = torch.sigmoid(OLD), torch.sigmoid(NEW)
    expected = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    assert torch.allclose(found, expected.sum(dim=1), rtol=1e-4)


def test_values_are_compared_as_they_are_or_as_a_policy() -> None:
    squared = (OLD - NEW).square().sum(dim=1)
    assert torch.allclose(distance("scalar", OLD, NEW), squared)
    softened = distance("scalar", OLD, NEW, q_distance="softened", temperature=1.0)
    assert torch.allclose(softened, distance("categorical", OLD, NEW, temperature=1.0))
    level = distance("scalar", OLD, OLD + 3.0, q_distance="softened")
    assert level.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    critic = distance("scalar", OLD, NEW, q_distance="softened", role="value")
    assert torch.allclose(critic, squared)


@pytest.mark.parametrize(
    ("kind", "q_distance"),
    [("categorical", "regression"), ("scalar", "softened"), ("scalar", "regression")],
)
def test_only_valid_actions_are_compared(kind: str, q_distance: str) -> None:
    valid = torch.tensor([[True, False, True], [True, False, True]])
    new = NEW.clone().requires_grad_()
    found = distance(kind, OLD, new, valid, q_distance=q_distance)
    few = distance(kind, OLD[:, [0, 2]], NEW[:, [0, 2]], q_distance=q_distance)
    assert torch.allclose(found, few, rtol=1e-5)
    (gradient,) = torch.autograd.grad(found.sum(), [new])
    assert gradient[:, 1].tolist() == [0.0, 0.0]
    assert bool(torch.isfinite(gradient).all())
    assert math.isfinite(float(found.detach().sum()))
