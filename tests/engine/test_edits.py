"""Network edits are whole or not at all, and targets and optimiser state follow."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from l2rl.engine.edits import BadEdit, apply_edit, lent
from l2rl.engine.phase import Phase
from l2rl.views import NetworkEdit


def trained_phase() -> Phase:
    """Two weights under Adam, after one step, with a target."""
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([a, b], lr=0.1)
    (a.sum() + b.sum()).backward()
    optimizer.step()
    return Phase(
        name="q",
        network=None,
        parameters={"a": a, "b": b},
        roles={"a": "acting", "b": "acting"},
        targets={"a": torch.zeros(2), "b": torch.zeros(3)},
        output_layers=frozenset({"b"}),
        optimizer=optimizer,
    )


NEW = {"q": {"a": torch.tensor([5.0, 6.0])}}


def test_values_targets_and_moments_of_exactly_the_edited_follow() -> None:
    phase = trained_phase()
    b_before = phase.parameters["b"].detach().clone()
    apply_edit({"q": phase}, NetworkEdit("reset", NEW))
    assert phase.parameters["a"].tolist() == phase.targets["a"].tolist() == [5.0, 6.0]
    assert torch.equal(phase.parameters["b"], b_before)
    assert phase.targets["b"].tolist() == [0.0] * 3
    assert phase.parameters["a"] not in phase.optimizer.state
    assert phase.parameters["b"] in phase.optimizer.state


def test_targets_and_optimiser_can_be_kept_or_given() -> None:
    phase = trained_phase()
    apply_edit({"q": phase}, NetworkEdit("r", NEW, targets="keep", optimizer="keep"))
    assert phase.targets["a"].tolist() == [0.0, 0.0]
    assert phase.parameters["a"] in phase.optimizer.state
    moments = {
        "exp_avg": torch.tensor([1.0, 2.0]),
        "exp_avg_sq": torch.tensor([3.0, 4.0]),
        "step": torch.tensor(7.0),
    }
    targets = {"q": {"a": torch.tensor([8.0, 9.0])}}
    apply_edit(
        {"q": phase}, NetworkEdit("r", NEW, targets=targets, optimizer={"q": {"a": moments}})
    )
    assert phase.targets["a"].tolist() == [8.0, 9.0]
    assert phase.read_optimizer()["a"]["exp_avg_sq"].tolist() == [3.0, 4.0]
    phase.optimizer.state[phase.parameters["a"]]["exp_avg"].add_(1.0)
    assert moments["exp_avg"].tolist() == [1.0, 2.0], "the given state must stay untouched"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"q": {"a": torch.zeros(2), "b": torch.zeros(2)}}, "shape"),
        ({"q": {"a": torch.zeros(2), "c": torch.zeros(2)}}, "no parameter q/c"),
        ({"policy": {"a": torch.zeros(2)}}, "no phase 'policy'"),
        ({"q": {"a": torch.zeros(2), "b": torch.full((3,), float("nan"))}}, "non-finite"),
    ],
)
def test_a_bad_edit_changes_nothing(values: dict[str, dict[str, torch.Tensor]], told: str) -> None:
    phase = trained_phase()
    before = phase.flat_row()
    with pytest.raises(BadEdit, match=told):
        apply_edit({"q": phase}, NetworkEdit("bad", values))
    assert torch.equal(phase.flat_row(), before)
    assert len(phase.optimizer.state) == 2


def test_lent_values_are_given_back_even_after_an_error() -> None:
    phase = trained_phase()
    before = phase.flat_row()

    def interrupted() -> None:
        with lent({"q": phase}, NEW):
            assert phase.parameters["a"].tolist() == [5.0, 6.0]
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        interrupted()
    assert torch.equal(phase.flat_row(), before)
