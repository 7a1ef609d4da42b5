"""The drawn numbers are those of the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from l2rl.report.component_figures import plasticity_panels, timeline_figure
from l2rl.report.curves import moving_mean, thinned
from l2rl.report.learning_figures import evaluation_figure, training_figure
from l2rl.report.life import Life, read_life
from l2rl.report.matrix_figures import block_rows, own_scale
from l2rl.report.style import number
from l2rl.report.text_summary import text_summary
from l2rl.runs.log_views import Series
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import read_log


@pytest.fixture
def life(finished_run: RunDirectory) -> Life:
    return read_life(read_log(finished_run.log_path))


def test_a_moving_mean_ignores_what_is_missing() -> None:
    values = np.array([1.0, np.nan, 3.0, 5.0])
    np.testing.assert_allclose(moving_mean(values, 3), [1.0, 2.0, 4.0, 4.0])
    assert np.isnan(moving_mean(np.array([np.nan]), 5)).all()


def test_thinning_keeps_peaks_and_order() -> None:
    values = np.zeros(50_000)
    values[[17, 33_333]] = [9.0, -9.0]
    thin = thinned(Series(np.arange(50_000), values), limit=100)
    assert len(thin.values) <= 100
    assert (thin.values.max(), thin.values.min()) == (9.0, -9.0)
    assert (np.diff(thin.env_steps) > 0).all()


def test_each_task_has_a_panel_with_its_evaluations(life: Life) -> None:
    figure = evaluation_figure(life)
    assert figure is not None
    curves = {t["name"]: t for t in figure["data"] if t.get("line", {}).get("width") == 2}
    assert list(curves) == ["beacon", "shards", "roaches"]
    drawn = curves["shards"]["y"]
    np.testing.assert_allclose(drawn, life.matrix.column("shards"), rtol=1e-5)
    assert len({curve["yaxis"] for curve in curves.values()}) == 3


def test_episodes_that_end_together_are_one_point_of_the_curve(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "exp", "base", 0, "")
    log = run.open_log()
    for count in range(8):
        log.append_episode(
            phase="train",
            episode=count,
            environment=count % 4,
            episode_return=float(count),
            length=100,
            env_steps=400 * (1 + count // 4),
            trained_task="a",
        )
    log.flush()
    figure = training_figure(read_life(read_log(run.log_path)))
    assert figure is not None
    curve = next(t for t in figure["data"] if t["mode"] == "lines")
    assert (curve["x"], curve["y"]) == ([400, 800, None], [1.5, 5.5, None])


def test_true_boundaries_and_detections_are_marked(life: Life) -> None:
    figure = training_figure(life)
    assert figure is not None
    marks = {s["legendgroup"]: s["path"] for s in figure["layout"]["shapes"] if s["type"] == "path"}
    assert marks["true change"] == " ".join(
        f"M {step},0 L {step},1" for step in (20_000, 40_000, 60_000)
    )
    assert marks["detected change"].count("M") == len(life.named("change_detected"))


def test_boundaries_follow_from_the_blocks_when_no_event_tells(life: Life) -> None:
    bare = replace(life, events=())
    assert bare.boundaries() == life.boundaries()


def test_the_timeline_shows_experts_and_ratio_until_the_end(life: Life) -> None:
    figure = timeline_figure(life)
    assert figure is not None
    stairs = {t["name"]: t for t in figure["data"]}
    levels = [level for level, _ in groupby(stairs["expert in use"]["y"])]
    assert levels == [0.0, 1.0, 2.0, 0.0], "from birth on, and a new expert takes over at once"
    assert stairs["expert in use"]["x"][0] == 0
    assert stairs["expert in use"]["x"][-1] == life.env_steps
    assert {"replay ratio set", "replay ratio realised", "detected: recurring"} <= set(stairs)


def test_plasticity_is_grouped_by_quantity_with_a_curve_per_network(life: Life) -> None:
    panels = plasticity_panels(life)
    assert [panel.title.split("(")[1] for panel in panels[:3]] == [
        "fau)",
        "dormant_0.025)",
        "effective_rank)",
    ]
    assert all(set(panel.curves) == {"actor", "critic"} for panel in panels)


def test_the_table_of_blocks_shows_what_was_left(life: Life) -> None:
    rows = block_rows(life)
    assert [row.name for row in rows] == [
        "before learning",
        "after learning beacon",
        "after learning shards",
        "after learning roaches",
        "after sleep",
        "after learning beacon",
    ]
    learned = life.matrix.learned_at[life.matrix.tasks.index("shards")]
    assert rows[2].cells[1].text == number(float(life.matrix.column("shards")[learned]))
    assert [cell.learned_here for cell in rows[2].cells] == [False, True, False]


def test_every_task_is_shaded_on_its_own_scale() -> None:
    shares = own_scale(np.array([[-10.0, 3.0], [0.0, 3.0], [np.nan, 3.0]]))
    np.testing.assert_array_equal(shares, [[0.0, 0.5], [1.0, 0.5], [np.nan, 0.5]])


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), (0.0, "0"), (12.345678, "12.35"), (-123456.7, "-123 457")],
)
def test_figures_for_readers(value: float | None, text: str) -> None:
    assert number(value).replace("\u202f", " ") == text


def test_the_text_summary_has_tasks_and_metrics_with_their_cadence(
    finished_run: RunDirectory,
) -> None:
    text = text_summary(finished_run)
    for word in ("beacon", "shards", "roaches", "forgetting", "min-ACC", "complete"):
        assert word in text
    assert "every 2\u202f000 env steps" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_markup_in_a_name_is_not_read_by_the_terminal(
    tmp_path: Path, run_maker: Callable[..., RunDirectory]
) -> None:
    assert "[red]a[/x]" in text_summary(run_maker(tmp_path, tasks=("[red]a[/x]", "b")))
