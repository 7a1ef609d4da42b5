"""Detections against true changes, and what a lifetime costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lives import HandMade

from l2rl.metrics.detection import detection
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.scalability import block_costs, scalability


def watched(directory: Path) -> RunLog:
    """a, b, c, a: the second change found late and called wrongly, the third one missed, and two
    false alarms."""
    life = HandMade(directory).learn("a").live(40).detect("new", 1).live(60)
    life.learn("b").live(10).detect("new", 2).live(90)
    life.learn("c").live(30).detect("recurring", 3).live(10).detect("unknown", 3).live(60)
    return life.learn("a").live(100).run()


def test_detections_by_hand(tmp_path: Path) -> None:
    figures = detection(watched(tmp_path))
    assert figures["detection/delay_env_steps"].value == pytest.approx((10 + 30) / 2)
    assert figures["detection/missed"].value == pytest.approx(1 / 3)
    assert figures["detection/false_alarms_per_million_env_steps"].value == pytest.approx(5000)
    assert figures["detection/false_alarms_per_million_env_steps"].note == "2 in 400 env steps"
    assert figures["detection/new_or_recurring_accuracy"].value == pytest.approx(0.5)


def test_the_identity_is_judged_under_the_best_matching(tmp_path: Path) -> None:
    figure = detection(watched(tmp_path))["detection/identity_accuracy"]
    # Belief 0 held for 40 steps of a, 1 for 60 of a and 10 of b, 2 for 90 of b and 30 of c,
    # 3 for 70 of c and 100 of a. With 3 = a (100), c would have nothing.
    assert figure.value == pytest.approx((60 + 90 + 70) / 400)
    assert figure.note == "matching: 1 = a, 2 = b, 3 = c"


def test_a_detector_that_knows_all_is_perfect(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learn("a").live(100)
    life.learn("b").detect("new", 1).live(100).learn("a").detect("recurring", 0).live(100)
    figures = detection(life.run())
    assert figures["detection/delay_env_steps"].value == 0
    assert figures["detection/missed"].value == 0
    assert figures["detection/identity_accuracy"].value == 1
    assert figures["detection/new_or_recurring_accuracy"].value == 1


def test_what_came_just_before_a_change_is_no_detection_of_it(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learn("a").live(100).detect("new", 1).learn("b").live(100)
    figures = detection(life.run())
    assert figures["detection/missed"].value == 1
    assert figures["detection/false_alarms_per_million_env_steps"].value == 5000


def test_a_detection_belongs_to_the_latest_change_before_it(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learn("a").live(100).learn("b").live(100)
    figures = detection(life.learn("c").live(10).detect("new", 1).live(90).run())
    assert figures["detection/missed"].parts == {"b at 100": 1.0, "c at 200": 0.0}
    assert figures["detection/delay_env_steps"].value == 10
    assert figures["detection/false_alarms_per_million_env_steps"].value == 0


def test_another_block_of_the_same_task_is_no_change(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learn("a").live(100).learn("a").live(10).detect("new", 1).live(90)
    figures = detection(life.run())
    assert figures["detection/missed"].value is None
    assert figures["detection/missed"].reason == "the task never changed"


@pytest.mark.parametrize(("provides", "missed"), [(["CHANGE_EVENTS"], 1.0), (["EXPERTS"], None)])
def test_silence_is_failure_only_of_a_detector(
    tmp_path: Path, provides: list[str], missed: float | None
) -> None:
    run = HandMade(tmp_path).learn("a").live(100).learn("b").live(100).run()
    run.manifest["components"] = {"one": {"type": "some.type", "provides": provides}}
    assert detection(run)["detection/missed"].value == missed


def test_two_detectors_have_figures_of_their_own(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learn("a").live(100).learn("b").live(10).detect("new", 1, "fast")
    figures = detection(life.live(40).detect("new", 1, "slow").live(50).run())
    assert figures["detection/delay_env_steps/fast"].value == 10
    assert figures["detection/delay_env_steps/slow"].value == 50
    assert figures["detection/delay_env_steps"].value is None
    assert "fast, slow" in str(figures["detection/delay_env_steps"].reason)


def size(steps: int, buffer: int, experts: int) -> dict[str, Any]:
    return {
        "parameters": 1000,
        "gradient_steps": {"critic": steps, "actor": steps // 2},
        "state_bytes": {"policy": 4000, "optimizers": 8000, "learner": buffer},
        "component_bytes": {"pool": experts},
    }


def test_costs_by_hand(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learn("a").live(100).end(size(50, 1000, 0))
    life.learn("b").live(100).end(size(100, 1000, 3000))
    life.learn("a").live(100).end(size(150, 1000, 3000))
    run = life.run()
    figures = scalability(run)
    assert figures["scalability/env_steps"].value == 300
    assert figures["scalability/parameters"].value == 1000
    assert figures["scalability/gradient_steps"].value == 150
    assert figures["scalability/gradient_steps_per_env_step"].value == 0.5
    assert figures["scalability/state_bytes"].value == 16000
    assert figures["scalability/state_bytes/pool"].value == 3000
    assert figures["scalability/state_bytes_per_task"].value == pytest.approx(3000)
    rows = block_costs(run)
    assert [row["tasks_met"] for row in rows] == [1, 2, 2]
    assert [row["total_bytes"] for row in rows] == [13000, 16000, 16000]


def test_a_block_under_way_has_no_size_and_that_is_said(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learn("a").live(100).evaluate(a=1.0)
    life.log.flush()
    figures = scalability(RunLog(life.run().table))
    assert figures["scalability/parameters"].value is None
    assert "no block has ended" in str(figures["scalability/parameters"].reason)
