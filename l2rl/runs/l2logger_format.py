"""Export to the log format of the L2M community, version 1.1 (l2logger 1.8.2, MIT).

    l2logger/<experiment>_<variant>_seed<n>-<unixtime>/
        logger_info.json  scenario_info.json
        worker-default/<block_num>-<train|test>/data-log.tsv

A row is an episode, in the order of the tidy log; those of one evaluation are put together task by
task, because the readers take a regime to end where the task changes. An evaluation inside a
learning block splits it: train, test, train. Evaluations that belong to a sleep block have the
subtype `sleep`; l2metrics then judges maintenance and transfer by those alone, and finds none if
they are few. `sleep_as_wake` exports them as ordinary evaluations instead.
Timestamps are UTC. The original writes local time, which runs backwards once a year.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l2rl.runs.clock import read_clock, unix_times
from l2rl.runs.files import compact_json, write_json
from l2rl.runs.log_views import Episodes, block_spans, episodes
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import read_log

WORKER = "worker-default"
COLUMNS = (
    "block_num",
    "exp_num",
    "worker_id",
    "block_type",
    "block_subtype",
    "task_name",
    "task_params",
    "exp_status",
    "timestamp",
)
"""The columns that every reader expects, in this order; others follow in alphabetical order."""


SCENARIO_TYPES = ("condensed", "dispersed", "permuted", "alternating")
"""Kinds of scenario for which the format has a word; all others are `custom`. (It also has `ste`,
an agent that learns one task alone.)"""


@dataclass(frozen=True)
class L2Block:
    """Consecutive episodes that form one block of the format."""

    number: int
    block_type: str
    """`train` or `test`."""
    subtype: str
    """`wake` or `sleep`."""
    members: NDArray[np.int64]
    """Indices into `Episodes`, task by task."""


def export_l2logger(run: RunDirectory, *, sleep_as_wake: bool = False) -> Path:
    """Write the run's episodes in the L2M format and return the directory to give to l2metrics.

    Replaces an earlier export. Works on unfinished runs. Raises `UserError` if the log is damaged.
    """
    manifest = run.manifest
    log = read_log(run.log_path)
    played = episodes(log)
    sleeping = frozenset(span.index for span in block_spans(log) if span.kind == "sleep")
    blocks = l2_blocks(played, frozenset() if sleep_as_wake else sleeping)
    fresh = run.l2logger_path.with_name("l2logger.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    target = fresh / scenario_name(manifest)
    target.mkdir(parents=True)
    _write_information(target, manifest, played)
    _write_blocks(target, run, played, blocks)
    _replace(run.l2logger_path, fresh)
    return run.l2logger_path / target.name


def scenario_name(manifest: Mapping[str, Any]) -> str:
    """`<experiment>_<variant>_seed<n>-<unixtime>`; the format allows no dot before the time."""
    name = f"{manifest['experiment']}_{manifest['variant']}_seed{manifest['seed']}"
    started = f"{float(manifest['created_unix_time']):.6f}".replace(".", "-")
    return f"{name.replace('.', '_')}-{started}"


def scenario_type(scenario: str) -> str:
    """The format's word for a kind of scenario."""
    return scenario if scenario in SCENARIO_TYPES else "custom"


def task_names(tasks: tuple[str, ...], described: Mapping[str, Any]) -> dict[str, str]:
    """Every task's name in the format: `<task>_<variant>`, letters and digits only.

    A task called `roaches_few` that is the variant `few` does not say so twice. Two tasks that
    would become the same (readers ignore case) are told apart by a number.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for task in tasks:
        named = str(described.get(task, {}).get("variant", "default"))
        variant = _letters(named, "default")
        base, number = _letters(task.removesuffix(f"_{named}"), "task"), 1
        name = f"{base}_{variant}"
        while name.lower() in taken:
            number += 1
            name = f"{base}{number}_{variant}"
        taken.add(name.lower())
        names[task] = name
    return names


def l2_blocks(played: Episodes, sleep_blocks: frozenset[int]) -> Iterator[L2Block]:
    """The episodes cut where training turns to evaluation, the evaluation, the block of the
    curriculum or the task in training changes."""
    keys = [
        (
            bool(training),
            int(evaluation),
            int(block),
            # Tasks of one evaluation share a block; a training block has one task.
            task if training else "",
        )
        for training, evaluation, block, task in zip(
            played.training, played.evaluation, played.block, played.task, strict=True
        )
    ]
    cuts = [i for i in range(len(keys)) if i == 0 or keys[i] != keys[i - 1]]
    for number, (start, end) in enumerate(pairwise([*cuts, len(keys)])):
        yield L2Block(
            number=number,
            block_type="train" if keys[start][0] else "test",
            subtype="sleep" if keys[start][2] in sleep_blocks else "wake",
            members=_task_by_task(played.task, start, end),
        )


def _task_by_task(tasks: tuple[str, ...], start: int, end: int) -> NDArray[np.int64]:
    """The indices of a stretch, episodes of one task together, tasks in order of appearance."""
    order = list(dict.fromkeys(tasks[start:end]))
    indices = sorted(range(start, end), key=lambda i: order.index(tasks[i]))
    return np.array(indices, dtype=np.int64)


def _write_information(target: Path, manifest: Mapping[str, Any], played: Episodes) -> None:
    columns = ["reward", *(["success"] if _has_success(played) else [])]
    write_json(
        target / "logger_info.json", {"metrics_columns": columns, "log_format_version": "1.1"}
    )
    # Complexity and difficulty are left out: nothing in a run says them, and readers complain
    # less of a missing word than of a wrong one.
    scenario = {
        "author": "l2rl",
        "scenario_type": scenario_type(str(manifest.get("scenario", ""))),
        "scenario_version": "1",
        "curriculum_name": manifest["experiment"],
        "agent_name": manifest["variant"],
        "agent_seed": manifest["seed"],
        "config_sha256": manifest["config_sha256"],
    }
    write_json(target / "scenario_info.json", scenario)


def _write_blocks(
    target: Path, run: RunDirectory, played: Episodes, blocks: Iterable[L2Block]
) -> None:
    manifest = run.manifest
    described = manifest.get("tasks", {})
    words = _TaskWords(task_names(tuple(dict.fromkeys(played.task)), described), described)
    stamps = _timestamps(run, played.row, float(manifest["created_unix_time"]))
    episode_number = 0
    for block in blocks:
        path = target / WORKER / f"{block.number}-{block.block_type}" / "data-log.tsv"
        path.parent.mkdir(parents=True)
        path.write_text(_block_text(block, played, words, stamps, episode_number))
        episode_number += len(block.members)


@dataclass(frozen=True)
class _TaskWords:
    names: Mapping[str, str]
    described: Mapping[str, Any]

    def parameters(self, task: str) -> str:
        """The same text for all episodes of a task: readers fail when it varies in a regime."""
        return compact_json(self.described.get(task, {}).get("parameters", {}))


def _block_text(
    block: L2Block,
    played: Episodes,
    words: _TaskWords,
    stamps: list[str],
    first_episode: int,
) -> str:
    """The data-log.tsv of one block, header included."""
    with_success = _has_success(played)
    extra = ["episode_step_count", "reward", *(["success"] if with_success else [])]
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow([*COLUMNS, *extra])
    for number, i in enumerate(block.members.tolist(), start=first_episode):
        task = played.task[i]
        # As the original's logger does it, the time is that of writing the row, in order.
        row = [block.number, number, WORKER, block.block_type, block.subtype, words.names[task]]
        row += [words.parameters(task), "complete", stamps[number]]
        row += [int(played.lengths[i]), float(played.returns[i])]
        writer.writerow([*row, float(played.success[i])] if with_success else row)
    return text.getvalue()


def _has_success(played: Episodes) -> bool:
    """A metrics column needs a value in every row, so one task without the notion removes it."""
    return bool(played.success.size) and bool(np.isfinite(played.success).all())


def _timestamps(run: RunDirectory, rows: NDArray[np.int64], started: float) -> list[str]:
    """`%Y%m%dT%H%M%S.%f` in UTC for each episode in the order of the export."""
    if run.clock_path.is_dir():
        times = unix_times(read_clock(run.clock_path), rows, otherwise=started)
    else:
        times = np.full(rows.shape, started)
    return [datetime.fromtimestamp(t, UTC).strftime("%Y%m%dT%H%M%S.%f") for t in times.tolist()]


def _letters(text: str, otherwise: str) -> str:
    return re.sub(r"[^0-9a-zA-Z]", "", text) or otherwise


def _replace(target: Path, fresh: Path) -> None:
    """Put `fresh` in the place of `target`; what a crash leaves is swept by the next export."""
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
