"""Jump-start, area, recovery, learning time, sleep: by hand, beside experts made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lives import HandMade, expert

from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.learning_curves import Curve
from l2rl.metrics.plasticity import block_plasticity, plasticity
from l2rl.metrics.transfer import transfer
from l2rl.metrics.wake_sleep import wake_sleep


def test_a_curve_is_straight_between_its_points() -> None:
    curve = Curve(np.array([0, 10, 30]), np.array([0.0, 1.0, 0.0]))
    assert curve.mean_until(10) == pytest.approx(0.5)
    assert curve.mean_until(20) == pytest.approx((5 + 7.5) / 20)
    assert curve.mean_until(1000) == pytest.approx(0.5)
    assert curve.mean_until(0) == 0.0
    assert curve.reaches(0.5) == pytest.approx(5)
    assert curve.reaches(0.0) == 0
    assert curve.reaches(1.5) is None


def two_tasks(directory: Path) -> HandMade:
    life = HandMade(directory).evaluate(a=1.0, b=2.0)
    life.learned("a", {"a": 5.0, "b": 4.0})
    return life.learned("b", {"a": 3.0, "b": 8.0}, {"a": 2.0, "b": 8.0})


def test_the_jump_start_is_against_a_newborn_expert(tmp_path: Path) -> None:
    run = two_tasks(tmp_path / "run").run(b=expert(tmp_path / "b", 1.0, 6.0, 8.0))
    assert transfer(run)["transfer/jump_start"].value == pytest.approx(4.0 - 1.0)


def test_without_an_expert_the_jump_start_is_against_the_agents_own_birth(tmp_path: Path) -> None:
    figure = transfer(two_tasks(tmp_path).run())["transfer/jump_start"]
    assert figure.value == pytest.approx(4.0 - 2.0)
    assert "own evaluation before any learning" in figure.note


def test_the_area_between_curves_is_per_env_step(tmp_path: Path) -> None:
    run = two_tasks(tmp_path / "run").run(b=expert(tmp_path / "b", 0.0, 4.0, 8.0))
    figure = transfer(run)["transfer/area_between_curves"]
    # (4 + 8) / 2 and 8, against 2 and 6.
    assert figure.value == pytest.approx((6.0 + 8.0) / 2 - (2.0 + 6.0) / 2)


def test_without_an_expert_there_is_no_area_and_it_is_said_which_is_missing(tmp_path: Path) -> None:
    figure = transfer(two_tasks(tmp_path).run())["transfer/area_between_curves"]
    assert figure.value is None
    assert figure.reason == "no expert run for task b was given"


def test_an_evaluation_from_before_other_learning_is_no_beginning(tmp_path: Path) -> None:
    life = HandMade(tmp_path).evaluate(a=1.0, b=2.0).learned("a", {"a": 5.0, "b": 4.0})
    life.live(10).learned("b", {"b": 8.0})
    figure = transfer(life.run())["transfer/jump_start"]
    assert figure.value is None
    assert figure.reason == "b was not evaluated when its learning began"


def test_recovery_is_timed_to_the_level_at_which_the_task_was_left(tmp_path: Path) -> None:
    life = two_tasks(tmp_path).learned("a", {"a": 4.0, "b": 7.0}, {"a": 6.0, "b": 7.0})
    figures = transfer(life.run())
    assert figures["transfer/recovery_env_steps"].value == pytest.approx(15.0)
    assert figures["transfer/recovered"].value == 1.0


def test_who_never_recovers_gives_a_lower_bound(tmp_path: Path) -> None:
    life = two_tasks(tmp_path).learned("a", {"a": 4.0, "b": 7.0}, {"a": 4.5, "b": 7.0})
    figures = transfer(life.run())
    assert figures["transfer/recovery_env_steps"].value == 20
    assert figures["transfer/recovery_env_steps"].note == "a lower bound: 1 of 1 never recovered"
    assert figures["transfer/recovered"].value == 0.0


def test_learning_takes_half_the_time_of_a_fresh_agent(tmp_path: Path) -> None:
    life = HandMade(tmp_path / "run").evaluate(a=0.0, b=0.0).learned("a", {"a": 1.0, "b": 0.0})
    life.learned("b", {"a": 0, "b": 10.0}, {"a": 0, "b": 10.0})
    run = life.run(b=expert(tmp_path / "b", 0.0, 5.0, 10.0))
    figures = plasticity(run)
    # Level 9: after 9 env steps, and after 18.
    assert figures["plasticity/learning_time_ratio"].value == pytest.approx(0.5)
    assert figures["plasticity/terminal_difference"].value == pytest.approx(0.0)


def test_who_never_reaches_the_level_is_known_to_be_slower_only(tmp_path: Path) -> None:
    life = HandMade(tmp_path / "run").evaluate(a=0.0, b=0.0).learned("a", {"a": 1.0, "b": 0.0})
    life.learned("b", {"a": 0, "b": 1.0}, {"a": 0, "b": 2.0})
    figure = plasticity(life.run(b=expert(tmp_path / "b", 0.0, 10.0, 10.0)))[
        "plasticity/learning_time_ratio"
    ]
    assert figure.value == pytest.approx(20 / 9)
    assert "a lower bound: on 1 of 1 tasks" in figure.note


def test_each_task_learned_less_well_than_fresh_is_a_falling_trend(tmp_path: Path) -> None:
    life = HandMade(tmp_path / "run").learned("a", {"a": 1.0})
    for task, reached in (("b", 0.9), ("c", 0.6), ("d", 0.3)):
        life.learned(task, {task: reached})
    experts = {task: expert(tmp_path / task, 0.0, 1.0) for task in "bcd"}
    figures = plasticity(life.run(**experts))
    assert figures["plasticity/terminal_difference"].value == pytest.approx(-0.4)
    assert figures["plasticity/terminal_trend"].value == pytest.approx(-0.3)


def test_the_monitor_is_read_block_by_block(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learn("a").live(10)
    name = "plasticity.monitor/q/dormant_0.025"
    life.scalar(name, 0.1).live(10).scalar(name, 0.3).learn("b").live(10).scalar(name, 0.6)
    life.scalar("plasticity.monitor/q/unheard_of", 1.0)
    run = life.run()
    figures = plasticity(run)
    assert figures["plasticity/q/dormant_0.025"].value == 0.6
    assert figures["plasticity/q/dormant_0.025"].direction == "lower"
    assert figures["plasticity/q/dormant_0.025/change"].value == pytest.approx(0.3)
    assert not any("unheard_of" in name for name in figures)
    rows = block_plasticity(run)
    assert rows == [
        {"block": 0, "task": "a", "q/dormant_0.025": pytest.approx(0.2)},
        {"block": 1, "task": "b", "q/dormant_0.025": pytest.approx(0.6)},
    ]
    assert compute_metrics(run)["plasticity"] == rows


def test_sleep_is_judged_by_the_evaluations_around_it(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learned("a", {"a": 0.8, "b": 0.0})
    life.learned("b", {"a": 0.4, "b": 0.6})
    life.sleep().evaluate(a=0.7, b=0.5)
    life.learned("c", {"a": 0.6, "b": 0.4, "c": 1.0})
    figures = wake_sleep(life.run())
    assert figures["sleep/change"].value == pytest.approx((0.3 - 0.1) / 2)
    assert figures["sleep/change_old_tasks"].value == pytest.approx(0.3)
    assert figures["sleep/change_current_task"].value == pytest.approx(-0.1)
    awake = {"a in block 1": -0.4, "a in block 3": -0.1, "b in block 3": -0.1}
    assert figures["sleep/change_old_tasks_awake"].parts == pytest.approx(awake)


def test_an_evaluation_from_before_the_last_learning_says_nothing_of_sleep(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learned("a", {"a": 0.8}).live(10).sleep().evaluate(a=0.9)
    figure = wake_sleep(life.run())["sleep/change"]
    assert figure.value is None
    assert figure.reason is not None
    assert "right before" in figure.reason
