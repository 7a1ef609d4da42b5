"""How long the metrics of a long lifetime take: all families on a log of a million rows.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py [--rows 1000000]

Seconds for reading the log from disk, for every figure of metrics.json, and for the intervals of
a comparison of ten seeds. The log is ten tasks long; by its kinds of rows it is either mostly
training episodes, as real ones are, or nothing but evaluations.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.statistics import summarise
from l2rl.runs.part_table import parquet_bytes
from l2rl.runs.tidy_log import STORED_SCHEMA, read_log

TASKS = [f"task{i}" for i in range(10)]
BLOCK = '{"footprint":{"component_bytes":{},"gradient_steps":{"q":1},"parameters":9,'
BLOCK += '"state_bytes":{"policy":9}},"kind":"learn","unit":"env_steps"}'
Rows = list[tuple[object, ...]]


def lifetime(rows: int, fill: Callable[[Rows, int, int], None]) -> pa.Table:
    """Ten learning blocks, each filled up to its share of the rows."""
    log: Rows = []
    for block in range(len(TASKS)):
        begin = len(log)
        add(log, "block", "start", len(log) * 10, block, detail=BLOCK)
        while len(log) < (block + 1) * rows // len(TASKS) - 1:
            fill(log, block, begin)
        add(log, "block", "end", len(log) * 10, block, detail=BLOCK)
    columns = zip(*log, strict=True)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, STORED_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=STORED_SCHEMA)


def add(
    log: Rows,
    kind: str,
    metric: str,
    env_steps: int,
    block: int,
    value: float = 1.0,
    evaluation: int = -1,
    evaluated: str = "",
    detail: str = "",
) -> None:
    """One row of the tidy log."""
    place = (len(log), kind, block, evaluation, env_steps)
    log.append(("bench/mark", 0, *place, TASKS[block], evaluated, metric, value, detail))


def evaluate(log: Rows, block: int, begin: int) -> None:
    """One evaluation of all tasks."""
    steps, number = len(log) * 10, len(log)
    for task in TASKS:
        value = float((number * 2654435761) % 1000)
        for metric, said in (("return", value), ("success", value / 1000), ("episodes", 5.0)):
            add(log, "evaluation", metric, steps, block, said, number, task)


def mostly_episodes(log: Rows, block: int, begin: int) -> None:
    """A thousand episodes with a few scalars and a detection, then an evaluation."""
    for number in range(1000):
        steps = len(log) * 10
        if number % 10 == 0:
            add(log, "scalar", "plasticity.monitor/q/fau", steps, block, 0.5)
        else:
            detail = f'{{"environment":0,"episode":{number},"length":10,"phase":"train"}}'
            add(log, "episode", "return", steps, block, float(number), detail=detail)
    detail = f'{{"belief":{block},"component":"detector","kind":"new","previous_belief":0}}'
    add(log, "event", "change_detected", len(log) * 10, block, detail=detail)
    evaluate(log, block, begin)


def seconds(call: Callable[[], object]) -> float:
    """Of one call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    for name, fill in (("mostly episodes", mostly_episodes), ("only evaluations", evaluate)):
        table = lifetime(rows, fill)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "log.parquet").write_bytes(parquet_bytes(table))
            reading = seconds(partial(read_log, Path(folder)))
            log = read_log(Path(folder))
        computing = seconds(partial(compute_metrics, RunLog(log)))
        print(f"{name}: {log.num_rows:,} rows: read {reading:.2f} s, metrics {computing:.2f} s")
    values = np.random.default_rng(0).normal(size=10)
    took = seconds(lambda: summarise([values], "bench"))
    print(f"mean, IQM and median of ten seeds with intervals: {took * 1000:.0f} ms")


if __name__ == "__main__":
    main()
