"""A run of ours as a log of the L2M community's format: what its readers would see.

A row is an episode, in the order of the tidy log; those of one evaluation are put together task by
task, because the readers take a regime to end where the task changes. An evaluation inside a
learning block splits it: train, test, train. Evaluations that belong to a sleep block have the
subtype `sleep`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2rl.runs.clock import read_clock, unix_times
from l2rl.runs.files import compact_json
from l2rl.runs.l2logger_log import WORD, L2Log
from l2rl.runs.log_views import Episodes, block_spans, episodes
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import read_log

WORKER = "worker-default"
SCENARIO_TYPES = ("condensed", "dispersed", "permuted", "alternating")
"""Kinds of scenario for which the format has a word; all others are `custom`. (It also has `ste`,
an agent that learns one task alone.)"""
PERFORMANCE = "reward"
"""What the return of an episode is called in the format."""


def view_of_run(run: RunDirectory, *, sleep_as_wake: bool = False) -> L2Log:
    """The run as a log, with the times of its clock. Raises `UserError` if the log is damaged."""
    manifest = run.manifest
    log = read_log(run.log_path)
    started = float(manifest["created_unix_time"])
    rows = episodes(log).row
    if run.clock_path.is_dir():
        times = unix_times(read_clock(run.clock_path), rows, otherwise=started)
    else:
        times = np.full(rows.shape, started)
    return l2logger_view(
        log,
        name=scenario_name(manifest),
        described=manifest.get("tasks", {}),
        timestamps=[_timestamp(time) for time in times.tolist()],
        scenario=_scenario(manifest),
        sleep_as_wake=sleep_as_wake,
    )


def l2logger_view(
    log: pa.Table,
    *,
    name: str = "run",
    described: Mapping[str, Any] | None = None,
    timestamps: Sequence[str] | None = None,
    scenario: Mapping[str, Any] | None = None,
    sleep_as_wake: bool = False,
) -> L2Log:
    """A tidy log in the format.

    `described` maps a task to its `variant` and `parameters`; `timestamps` has one text for each
    episode, in order. `sleep_as_wake` makes the evaluations of sleep blocks ordinary ones.
    """
    described = described or {}
    played = episodes(log)
    asleep = [span.index for span in block_spans(log) if span.kind == "sleep"]
    block, order = block_numbers(played)
    names = task_names(tuple(dict.fromkeys(played.task)), described)
    tasks = [played.task[i] for i in order.tolist()]
    sleep = np.isin(played.block, asleep) & (not sleep_as_wake)
    # As the original's logger does it, the time is that of writing the row, in order.
    columns: dict[str, pa.Array] = {
        "block_num": pa.array(block[order]),
        "exp_num": pa.array(np.arange(order.size)),
        "worker_id": _words([WORKER] * order.size),
        "block_type": _words(np.where(played.training[order], "train", "test").tolist()),
        "block_subtype": _words(np.where(sleep[order], "sleep", "wake").tolist()),
        "task_name": _words([names[task].lower() for task in tasks]),
        # The same text for all episodes of a task: readers fail when it varies in a regime.
        "task_params": _words(_parameters(tasks, described)),
        "exp_status": _words(["complete"] * order.size),
        "timestamp": pa.array(timestamps or [""] * order.size, pa.string()),
        "episode_step_count": pa.array(played.lengths[order]),
        PERFORMANCE: pa.array(played.returns[order]),
    }
    if _has_success(played):
        columns["success"] = pa.array(played.success[order])
    measures = tuple(name for name in (PERFORMANCE, "success") if name in columns)
    return L2Log(
        name=name,
        table=pa.table(columns),
        metrics_columns=measures,
        scenario=scenario or {"scenario_type": scenario_type("")},
        own_names={task: own.lower() for task, own in names.items()},
    )


def block_numbers(played: Episodes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The block of each episode, and the order of the episodes in the format.

    A block ends where training turns to evaluation, or the evaluation, the block of the curriculum
    or the task in training changes. In a block, episodes of one task stand together.
    """
    size = len(played.task)
    task = pa.array(played.task, pa.string()).dictionary_encode().indices.to_numpy()
    # Tasks of one evaluation share a block; a training block has one task.
    keys = [played.training, played.evaluation, played.block, np.where(played.training, task, -1)]
    cut = np.zeros(size, dtype=np.bool_)
    for key in keys:
        cut[1:] |= key[1:] != key[:-1]
    block = np.cumsum(cut, dtype=np.int64)
    _, first, member = np.unique(
        np.stack([block, task.astype(np.int64)]), axis=1, return_index=True, return_inverse=True
    )
    order = np.lexsort((np.arange(size), first[member.ravel()], block))
    return block, order


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


def scenario_name(manifest: Mapping[str, Any]) -> str:
    """`<experiment>_<variant>_seed<n>-<unixtime>`; the format allows no dot before the time."""
    name = f"{manifest['experiment']}_{manifest['variant']}_seed{manifest['seed']}"
    started = f"{float(manifest['created_unix_time']):.6f}".replace(".", "-")
    return f"{name.replace('.', '_')}-{started}"


def scenario_type(scenario: str) -> str:
    """The format's word for a kind of scenario."""
    return scenario if scenario in SCENARIO_TYPES else "custom"


def _scenario(manifest: Mapping[str, Any]) -> dict[str, Any]:
    # Complexity and difficulty are left out: nothing in a run says them, and readers complain
    # less of a missing word than of a wrong one.
    return {
        "author": "l2rl",
        "scenario_type": scenario_type(str(manifest.get("scenario", ""))),
        "scenario_version": "1",
        "curriculum_name": manifest["experiment"],
        "agent_name": manifest["variant"],
        "agent_seed": manifest["seed"],
        "config_sha256": manifest["config_sha256"],
    }


def _has_success(played: Episodes) -> bool:
    """A metrics column needs a value in every row, so one task without the notion removes it."""
    return bool(played.success.size) and bool(np.isfinite(played.success).all())


def _parameters(tasks: Iterable[str], described: Mapping[str, Any]) -> list[str]:
    texts = {
        task: compact_json(described.get(task, {}).get("parameters", {}))
        for task in dict.fromkeys(tasks)
    }
    return [texts[task] for task in tasks]


def _words(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.string()).dictionary_encode().cast(WORD)


def _timestamp(unix_time: float) -> str:
    return datetime.fromtimestamp(unix_time, UTC).strftime("%Y%m%dT%H%M%S.%f")


def _letters(text: str, otherwise: str) -> str:
    return re.sub(r"[^0-9a-zA-Z]", "", text) or otherwise
