"""Task matrix, Continual World and LIBERO on tables worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lives import HandMade, expert

from l2rl.metrics.continual_world import continual_world, normalised_gain
from l2rl.metrics.figures import NotComputable
from l2rl.metrics.libero import auc, fwt, libero, nbt, nbt_without_last, success_table
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.task_matrix import task_matrix


def three_tasks(directory: Path, measure: str = "success") -> RunLog:
    """c = [[.8], [.6, .9], [.5, .7, 1]], FWT = .5, .6, .7."""
    life = HandMade(directory, measure).evaluate(a=0.2, b=0.1, c=0.0)
    life.learned("a", {"a": 0.8, "b": 0.3, "c": 0.2})
    life.learned("b", {"a": 0.6, "b": 0.9, "c": 0.4})
    return life.learned("c", {"a": 0.5, "b": 0.7, "c": 1.0}).run()


def values(figures: dict[str, object]) -> dict[str, float]:
    return {name: figure.value for name, figure in figures.items()}  # type: ignore[attr-defined]


# ---- LIBERO --------------------------------------------------------------------------------


def test_the_worked_example_of_libero(tmp_path: Path) -> None:
    table = success_table(three_tasks(tmp_path).matrix("success"))
    assert table.transfer.tolist() == pytest.approx([0.5, 0.6, 0.7])
    assert fwt(table).value == pytest.approx(0.6)
    assert [table.nbt(k) for k in range(3)] == pytest.approx([0.25, 0.2, 0.0])
    assert nbt(table).value == pytest.approx(0.15)
    assert nbt_without_last(table).value == pytest.approx(0.225)
    assert [table.auc(k) for k in range(3)] == pytest.approx([0.533333, 0.65, 0.7], abs=1e-6)
    assert auc(table).value == pytest.approx(0.627778, abs=1e-6)


def test_after_the_best_checkpoint_its_value_counts_and_others_are_measured_there(
    tmp_path: Path,
) -> None:
    life = HandMade(tmp_path, "success").learned("a", {"a": 1.0, "b": 0.0})
    life.learned("b", {"a": 0.9, "b": 0.2}, {"a": 0.6, "b": 0.8}, {"a": 0.1, "b": 0.5})
    table = success_table(life.run().matrix("success"))
    assert table.transfer[1] == pytest.approx(np.mean([0.0, 0.2, 0.8, 0.8]))
    assert table.success[1].tolist() == [0.6, 0.8]


def test_a_task_that_is_met_again_counts_once_and_that_is_said(tmp_path: Path) -> None:
    life = HandMade(tmp_path, "success").learned("a", {"a": 1.0, "b": 0.0})
    life.learned("b", {"a": 0.9, "b": 0.2}).learned("a", {"a": 0.0, "b": 0.1})
    figure = libero(life.run())["libero/nbt"]
    assert figure.value == pytest.approx((1.0 - 0.9) / 2)
    assert figure.note == "1 later phases of tasks that were met again are left out"


# ---- Continual World -----------------------------------------------------------------------


def test_the_worked_example_of_forward_transfer() -> None:
    assert normalised_gain(0.7, 0.5) == pytest.approx(0.4)
    with pytest.raises(NotComputable, match="top of the scale"):
        normalised_gain(0.7, 1.0)


def test_continual_world_by_hand(tmp_path: Path) -> None:
    life = HandMade(tmp_path / "run", "success").evaluate(a=0.0, b=0.2)
    life.learned("a", {"a": 0.4, "b": 0.2}, {"a": 0.8, "b": 0.4})
    life.learned("b", {"a": 0.6, "b": 0.8}, {"a": 0.5, "b": 0.8})
    curve = (0.0, 0.2, 0.4)
    experts = {t: expert(tmp_path / t, *curve, measure="success") for t in "ab"}
    figures = continual_world(life.run(**experts))
    assert figures["cw/performance"].value == pytest.approx((0.5 + 0.8) / 2)
    assert figures["cw/forgetting"].value == pytest.approx((0.8 - 0.5 + 0.0) / 2)
    # Areas 0.4 and 0.7, the experts' 0.2.
    gains = {"a": (0.4 - 0.2) / 0.8, "b": (0.7 - 0.2) / 0.8}
    assert figures["cw/forward_transfer"].parts == pytest.approx(gains)
    assert figures["cw/forward_transfer"].value == pytest.approx(sum(gains.values()) / 2)
    assert figures["cw/forward_transfer"].measure == "success"


def test_only_the_common_length_of_agent_and_expert_is_compared(tmp_path: Path) -> None:
    life = HandMade(tmp_path / "run", "success").evaluate(a=0.5).learned("a", {"a": 0.5})
    long = expert(tmp_path / "a", 0.0, 0.5, 1.0, 1.0, measure="success")
    figure = continual_world(life.run(a=long))["cw/forward_transfer"]
    assert figure.value == pytest.approx((0.5 - 0.25) / 0.75)


def test_an_agent_like_its_expert_transfers_nothing(tmp_path: Path) -> None:
    curve = (0.1, 0.3, 0.8)
    life = HandMade(tmp_path / "run", "success").evaluate(a=curve[0])
    life.learned("a", *({"a": value} for value in curve[1:]))
    figures = continual_world(life.run(a=expert(tmp_path / "a", *curve, measure="success")))
    assert figures["cw/forward_transfer"].value == pytest.approx(0.0)


def test_every_occurrence_of_a_task_is_a_phase(tmp_path: Path) -> None:
    life = HandMade(tmp_path, "success").learned("a", {"a": 1.0, "b": 0.0})
    life.learned("b", {"a": 0.2, "b": 0.6}).learned("a", {"a": 0.8, "b": 0.4})
    figures = continual_world(life.run())
    assert figures["cw/performance"].parts == {"a": 0.8, "b": 0.4, "a#2": 0.8}
    assert figures["cw/forgetting"].parts == pytest.approx({"a": 0.2, "b": 0.2, "a#2": 0.0})


def test_fifty_evaluations_of_a_phase_are_averaged_over_the_last_five(tmp_path: Path) -> None:
    rising = [{"a": i / 50} for i in range(1, 51)]
    figures = continual_world(HandMade(tmp_path, "success").learned("a", *rising).run())
    assert figures["cw/performance"].value == pytest.approx(np.mean([46, 47, 48, 49, 50]) / 50)


def test_returns_are_normalised_by_the_expert_and_that_is_said(tmp_path: Path) -> None:
    life = HandMade(tmp_path / "run").evaluate(a=-10.0).learned("a", {"a": 20.0})
    figures = continual_world(life.run(a=expert(tmp_path / "a", -10.0, 30.0, 50.0)))
    assert figures["cw/performance"].value == pytest.approx(0.5)
    assert figures["cw/performance"].measure == "normalised return"
    assert "a -10 to 50 (its expert at birth and at the end)" in figures["cw/performance"].note


def test_a_range_that_the_suite_states_needs_no_expert(tmp_path: Path) -> None:
    run = HandMade(tmp_path).learned("a", {"a": 20.0}).run()
    run.manifest["return_ranges"] = {"a": [0.0, 80.0]}
    figures = continual_world(run)
    assert figures["cw/performance"].value == pytest.approx(0.25)
    assert "the task's own range" in figures["cw/performance"].note


def test_without_success_range_and_expert_it_says_which_run_is_missing(tmp_path: Path) -> None:
    figures = continual_world(HandMade(tmp_path).learned("a", {"a": 20.0}).run())
    for figure in figures.values():
        assert figure.value is None
        assert figure.reason is not None
        assert "a reports no success" in figure.reason
        assert "no expert run for task a" in figure.reason


# ---- task matrix ---------------------------------------------------------------------------


def test_the_task_matrix_by_hand(tmp_path: Path) -> None:
    run = three_tasks(tmp_path / "run", "return")
    figures = values(task_matrix(run))  # type: ignore[arg-type]
    assert figures["matrix/average_performance"] == pytest.approx(2.2 / 3)
    assert figures["matrix/forgetting"] == pytest.approx((0.3 + 0.2) / 2)
    assert figures["matrix/forgetting_measure"] == pytest.approx((0.8 - 0.5 + 0.9 - 0.7) / 2)
    assert figures["matrix/backward_transfer"] == pytest.approx(-0.25)
    assert figures["matrix/backward_transfer_expanded"] == pytest.approx((-0.2 - 0.3 - 0.2) / 3)
    assert figures["matrix/forward_transfer"] == pytest.approx((0.3 - 0.1 + 0.4 - 0.0) / 2)
    averages = [0.8, 0.75, 2.2 / 3]
    assert figures["matrix/resilience"] == pytest.approx(averages[2] / averages[0])
    assert figures["matrix/incremental_plasticity"] == pytest.approx((averages[2] - 0.8) / 2)


def test_the_forgetting_measure_counts_from_the_best_later_phase(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learned("a", {"a": 0.5, "b": 0, "c": 0})
    life.learned("b", {"a": 0.9, "b": 0.5, "c": 0}).learned("c", {"a": 0.4, "b": 0.6, "c": 1})
    figures = values(task_matrix(life.run()))  # type: ignore[arg-type]
    assert figures["matrix/forgetting_measure"] == pytest.approx((0.5 - 0.1) / 2)
    assert figures["matrix/forgetting"] == pytest.approx((0.1 - 0.1) / 2)


def test_intransigence_is_what_the_expert_reaches_beyond_the_agent(tmp_path: Path) -> None:
    life = (
        HandMade(tmp_path / "run").learned("a", {"a": 0.5, "b": 0}).learned("b", {"a": 0, "b": 1})
    )
    run = life.run(a=expert(tmp_path / "a", 0.0, 0.8), b=expert(tmp_path / "b", 0.0, 0.9))
    figure = task_matrix(run)["matrix/intransigence"]
    assert figure.parts == pytest.approx({"a": 0.3, "b": -0.1})
    assert figure.direction == "lower"


def test_a_ratio_of_negative_performances_is_refused(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learned("a", {"a": -5.0, "b": -9}).learned("b", {"a": -6, "b": -1})
    figure = task_matrix(life.run())["matrix/resilience"]
    assert figure.value is None
    assert figure.reason == "a ratio of performances means nothing where one is negative"
