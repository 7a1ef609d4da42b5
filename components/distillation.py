"""How far two networks are apart in what they say, and a copy of parameters that learns by itself.

For components that teach one network by another: the distance is the Kullback-Leibler divergence
from the teacher's distribution to the student's, KL(teacher || student), by the kind of head; a
scalar counts as the mean of a unit-variance Gaussian, so that it is half the squared difference.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import torch
from torch.nn import functional

from l2rl.views import Head, Role

_DECAYS: Final = (0.9, 0.999)
_EPSILON: Final = 1e-8


def head_distance(teacher: Head, student: Head) -> torch.Tensor:
    """KL(teacher || student) of each row, (batch,); no gradient reaches the teacher."""
    wanted, said = teacher.values.detach(), student.values
    if teacher.kind == "categorical":
        return _categorical(wanted, said)
    if teacher.kind == "multi_categorical":
        parts = zip(*(torch.split(v, list(teacher.sizes), 1) for v in (wanted, said)), strict=True)
        return torch.stack([_categorical(a, b) for a, b in parts]).sum(0)
    if teacher.kind == "bernoulli":
        gain = functional.logsigmoid(wanted) - functional.logsigmoid(said)
        loss = functional.logsigmoid(-wanted) - functional.logsigmoid(-said)
        return (wanted.sigmoid() * gain + (-wanted).sigmoid() * loss).sum(1)
    if teacher.kind == "gaussian":
        assert teacher.scale is not None
        assert student.scale is not None
        return _gaussian(wanted, teacher.scale.detach(), said, student.scale)
    return 0.5 * (wanted - said).square().sum(1)


def _categorical(wanted: torch.Tensor, said: torch.Tensor) -> torch.Tensor:
    logarithm = wanted.log_softmax(1)
    return (logarithm.exp() * (logarithm - said.log_softmax(1))).sum(1)


def _gaussian(
    wanted: torch.Tensor, wanted_scale: torch.Tensor, said: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    ratio = (wanted_scale / scale).square()
    return 0.5 * (ratio + ((wanted - said) / scale).square() - 1.0 - ratio.log()).sum(1)


def distance(
    teacher: Mapping[str, Head], student: Mapping[str, Head], roles: Collection[Role]
) -> torch.Tensor:
    """Sum over the heads of these roles, (batch,)."""
    parts = [head_distance(teacher[n], student[n]) for n in teacher if teacher[n].role in roles]
    return torch.stack(parts).sum(0)


def frozen(heads: Mapping[str, Head], rows: torch.Tensor | slice) -> dict[str, Head]:
    """These rows of heads, without gradient."""
    return {
        name: Head(
            head.kind,
            head.role,
            head.values.detach()[rows],
            None if head.scale is None else head.scale.detach()[rows],
            head.sizes,
        )
        for name, head in heads.items()
    }


class Student:
    """A second set of some of a network's parameters, moved by an Adam of its own.

    Everything is a flat row (P,) in the order of the given parameters: `row`, and the two moments.
    """

    def __init__(self, parameters: Mapping[str, torch.Tensor], learning_rate: float) -> None:
        """Starts as a copy of `parameters`, at least one."""
        self.learning_rate = learning_rate
        self._shapes = {name: p.shape for name, p in parameters.items()}
        self.row = self.flat(parameters).requires_grad_()
        self.forget_moments()

    def flat(self, by_name: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """A new row (P,) of these parameters' values among `by_name`."""
        return torch.cat([by_name[name].detach().reshape(-1) for name in self._shapes])

    def named(self, row: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """The parameters by name, as views that gradients flow through; or those of another row."""
        sizes = [shape.numel() for shape in self._shapes.values()]
        parts = torch.split(self.row if row is None else row, sizes)
        return {n: p.view(s) for (n, s), p in zip(self._shapes.items(), parts, strict=True)}

    def values(self) -> dict[str, torch.Tensor]:
        """A copy of the parameters by name, without gradient."""
        return {name: value.detach().clone() for name, value in self.named().items()}

    def put(self, by_name: Mapping[str, torch.Tensor]) -> None:
        """Take over these values."""
        self.row = self.flat(by_name).requires_grad_()

    def forget_moments(self) -> None:
        """Adam begins anew."""
        self.steps = 0
        self.first = torch.zeros_like(self.row, requires_grad=False)
        self.second = torch.zeros_like(self.first)

    def step(self, loss: torch.Tensor, free: torch.Tensor | None = None) -> None:
        """One step of Adam on a scalar; entries that are not `free` (P,) bool stay."""
        (gradient,) = torch.autograd.grad(loss, self.row)
        if free is not None:
            gradient = gradient * free
        self.steps += 1
        one, two = _DECAYS
        self.first.mul_(one).add_(gradient, alpha=1 - one)
        self.second.mul_(two).addcmul_(gradient, gradient, value=1 - two)
        scale = (self.second / (1 - two**self.steps)).sqrt_().add_(_EPSILON)
        with torch.no_grad():
            rate = self.learning_rate / (1 - one**self.steps)
            self.row.addcdiv_(self.first, scale, value=-rate)

    def state_dict(self) -> dict[str, Any]:
        return {
            "row": self.row.detach(),
            "first": self.first,
            "second": self.second,
            "steps": self.steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        device = self.row.device
        self.row = state["row"].to(device, copy=True).requires_grad_()
        self.first = state["first"].to(device, copy=True)
        self.second = state["second"].to(device, copy=True)
        self.steps = state["steps"]
