"""Typed views of the tidy log: what metrics, exports and the report read instead of raw rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from l2rl.errors import UserError


@dataclass(frozen=True)
class Episodes:
    """Every finished episode, in order of the log; all arrays have one entry per episode."""

    row: NDArray[np.int64]
    env_steps: NDArray[np.int64]
    """Env steps of the lifetime at its end."""
    block: NDArray[np.int64]
    evaluation: NDArray[np.int64]
    """Number of the evaluation, -1 for training."""
    task: tuple[str, ...]
    """The task that was played."""
    training: NDArray[np.bool_]
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    """Env steps of the episode."""
    success: NDArray[np.float64]
    """0 or 1; NaN where the task has no such notion."""


@dataclass(frozen=True)
class Series:
    """One number over the lifetime."""

    env_steps: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Event:
    """One row of kind `event` or `block`."""

    row: int
    env_steps: int
    block: int
    name: str
    value: float
    trained_task: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class BlockSpan:
    """One block of the curriculum as it was lived."""

    index: int
    kind: str
    task: str
    """Of a learning block, else ""."""
    start: int
    end: int
    """Env steps of the lifetime; of a block under way, those of the last row of the log."""
    start_row: int
    end_row: int
    """Row of the log that marks the end; of a block under way, the number of rows."""
    finished: bool
    footprint: dict[str, Any]
    """How large the agent was at the end (`l2rl.footprint`); {} for a block under way."""


def rows_of(log: pa.Table, **equals: str | int) -> pa.Table:
    """The rows in which every named column has the given value."""
    masks = [pc.equal(log[name], value) for name, value in equals.items()]
    mask = masks[0]
    for other in masks[1:]:
        mask = pc.and_(mask, other)
    return log.filter(mask)


def words(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    """A column of words as (rows,) codes and the word of each code."""
    # Not `combine_chunks`: of a table without rows it makes no array.
    array = pa.concat_arrays(
        [chunk.dictionary_encode() for chunk in column.unify_dictionaries().chunks]
        or [pa.array([], pa.string()).dictionary_encode()]
    )
    return array.indices.to_numpy().astype(np.int64), array.dictionary.to_pylist()


def episodes(log: pa.Table) -> Episodes:
    """Training and evaluation episodes."""
    table = rows_of(log, kind="episode", metric="return")
    details = details_of(table)
    training = np.array([d.get("phase") == "train" for d in details], dtype=np.bool_)
    trained, evaluated = table["trained_task"].to_pylist(), table["evaluated_task"].to_pylist()
    tasks = (t if phase else e for phase, t, e in zip(training, trained, evaluated, strict=True))
    return Episodes(
        row=table["row"].to_numpy(),
        env_steps=table["env_steps"].to_numpy(),
        block=table["block"].to_numpy().astype(np.int64),
        evaluation=table["evaluation"].to_numpy().astype(np.int64),
        task=tuple(tasks),
        training=training,
        returns=table["value"].to_numpy(),
        lengths=np.array([d.get("length", 0) for d in details], dtype=np.int64),
        success=np.array([d.get("success", np.nan) for d in details], dtype=np.float64),
    )


def details_of(table: pa.Table) -> list[dict[str, Any]]:
    """The column `detail`, read; rows without one give an empty dictionary.

    Raises `UserError` naming the first row whose detail is no JSON object.
    """
    texts = [text or "{}" for text in table["detail"].to_pylist()]
    try:
        # One parse of everything is several times faster than one parse a row.
        details = list(json.loads("[" + ",".join(texts) + "]"))
    except ValueError:
        details = []
    if len(details) == len(texts) and all(type(detail) is dict for detail in details):
        return details
    return [_detail(text, row) for text, row in zip(texts, table["row"].to_pylist(), strict=True)]


def _detail(text: str, row: int) -> dict[str, Any]:
    try:
        detail = json.loads(text)
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        raise UserError(f"row {row} of the log has a detail that is no JSON object: {text[:60]!r}")
    return detail


def scalars(log: pa.Table) -> dict[str, Series]:
    """Every metric of kind `scalar`, by name, sorted."""
    table = rows_of(log, kind="scalar")
    names = sorted(pc.unique(table["metric"]).to_pylist())
    codes = pc.index_in(table["metric"].cast(pa.string()), pa.array(names, pa.string())).to_numpy()
    steps, values = table["env_steps"].to_numpy(), table["value"].to_numpy()
    return {
        name: Series(steps[codes == code], values[codes == code]) for code, name in enumerate(names)
    }


def events(log: pa.Table, kind: str = "event") -> list[Event]:
    """Every row of kind `event` (or `block`, `span`), in order."""
    table = rows_of(log, kind=kind)
    return [
        Event(
            row=row["row"],
            env_steps=row["env_steps"],
            block=row["block"],
            name=row["metric"],
            value=row["value"],
            trained_task=row["trained_task"],
            detail=detail,
        )
        for row, detail in zip(table.to_pylist(), details_of(table), strict=True)
    ]


def block_spans(log: pa.Table) -> list[BlockSpan]:
    """The blocks in the order in which they began; the last one may still be under way."""
    rows = events(log, kind="block")
    ends = {event.block: event for event in rows if event.name == "end"}
    return list(_spans(rows, ends, last_env_steps(log), log.num_rows))


def _spans(
    rows: list[Event], ends: dict[int, Event], now: int, next_row: int
) -> Iterator[BlockSpan]:
    for event in rows:
        if event.name == "start":
            end = ends.get(event.block)
            yield BlockSpan(
                index=event.block,
                kind=str(event.detail.get("kind", "learn")),
                task=event.trained_task,
                start=event.env_steps,
                end=now if end is None else end.env_steps,
                start_row=event.row,
                end_row=next_row if end is None else end.row,
                finished=end is not None,
                footprint={} if end is None else dict(end.detail.get("footprint", {})),
            )


def last_env_steps(log: pa.Table) -> int:
    """Env steps of the lifetime at the last row; 0 for an empty log."""
    return int(pc.max(log["env_steps"]).as_py() or 0)
