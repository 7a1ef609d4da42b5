"""Random lifetimes, expert runs and options, each from one seed.

Everything that can be in a log is in some of them: variants, sleep, several learning blocks of a
task, short and long regimes, constant tasks, plateaus, ties, negative and tiny numbers, missing and
incomplete experiences, repeated `exp_num`, several workers. `random.Random` and not numpy, because
its sequence for a seed is the same in every version.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from l2rl.runs.l2logger_log import COLUMNS, L2Log

Row = dict[str, Any]
TASK_NAMES = (
    ("ant_a", "bee_a", "cat_a", "dog_a", "elk_a"),
    ("ant_a", "ant_b", "bee_a", "bee_b", "cat_a"),
    ("t1_x", "t10_x", "t2_x", "t1_y", "t3_x"),
    ("Ant_A", "bee_B", "cat", "dog_a_b", "elk_1"),
)


@dataclass
class Case:
    """One comparison."""

    seed: int
    log: L2Log
    experts: list[L2Log]
    options: dict[str, Any]
    """By the original's names."""
    version: str


@dataclass
class Writer:
    """Collects the rows of one log."""

    random: random.Random
    column: str
    rows: list[Row] = field(default_factory=list)
    experience: int = 0
    block: int = 0

    def regime(self, task: str, kind: str, subtype: str, rewards: list[float], mess: Mess) -> None:
        for reward in rewards:
            times = 2 + self.random.randrange(2) if self.random.random() < mess.repeated else 1
            for time in range(times):
                self.row(task, kind, subtype, reward + time * mess.spread, mess)
            self.experience += 1 + (self.random.random() < mess.skipped)

    def row(self, task: str, kind: str, subtype: str, reward: float, mess: Mess) -> None:
        missing = self.random.random() < mess.missing
        complete = self.random.random() >= mess.incomplete
        minute, second = divmod(len(self.rows), 60)
        self.rows.append(
            {
                "block_num": self.block,
                "exp_num": self.experience,
                "worker_id": f"worker-{self.random.randrange(mess.workers)}",
                "block_type": kind,
                "block_subtype": subtype,
                "task_name": task,
                "task_params": '{"a": 1}' if mess.parameters and task[-1] == "a" else "{}",
                "exp_status": "complete" if complete else "incomplete",
                "timestamp": f"20260131T{minute // 60 % 24:02d}{minute % 60:02d}{second:02d}.5",
                "episode_step_count": 1 + self.random.randrange(100),
                self.column: float("nan") if missing else reward,
            }
        )

    def log(self, name: str) -> L2Log:
        columns = {key: [row[key] for row in self.rows] for key in self.rows[0]}
        types = {**COLUMNS, "episode_step_count": pa.int64(), self.column: pa.float64()}
        arrays = {
            key: pa.array(values, pa.string()).dictionary_encode()
            if pa.types.is_dictionary(types[key])
            else pa.array(values, types[key])
            for key, values in columns.items()
        }
        scenario = {"complexity": "1-low", "difficulty": "2-medium", "scenario_type": "custom"}
        return L2Log(name, pa.table(arrays), (self.column,), scenario)


@dataclass
class Mess:
    """How unlike a textbook log this one is: probabilities for each row."""

    missing: float = 0.0
    incomplete: float = 0.0
    repeated: float = 0.0
    skipped: float = 0.0
    spread: float = 0.0
    workers: int = 1
    parameters: bool = False


@dataclass
class Curve:
    """How the rewards of one task come about."""

    kind: str
    scale: float
    shift: float
    digits: int

    def rewards(self, source: random.Random, count: int, begin: float) -> list[float]:
        return [self.reward(source, begin + i / 100) for i in range(count)]

    def reward(self, source: random.Random, age: float) -> float:
        noise = source.random() - 0.5
        level = age / (1.0 + age)
        value = {
            "constant": 1.0,
            "noise": noise,
            "learning": level + 0.3 * noise,
            "forgetting": 1.0 - level + 0.3 * noise,
            "plateau": min(level + 0.2 * noise, 0.4),
            "ties": float(round(3 * (level + noise))),
            "success": float(level + noise > 0.5),
        }[self.kind]
        return round(self.shift + self.scale * value, self.digits)


def random_case(seed: int) -> Case:
    """The case of a seed; equal seeds give equal cases for ever."""
    source = random.Random(f"l2m {seed}")
    column = source.choice(["reward", "reward", "reward", "score"])
    names = list(source.choice(TASK_NAMES))[: 1 + source.randrange(5)]
    curves = {task: _curve(source) for task in names}
    mess = _mess(source)
    writer = Writer(source, column)
    for kind, subtype, tasks in _blocks(source, names):
        for task in tasks:
            count = _length(source, kind)
            rewards = curves[task].rewards(source, count, source.random() * 3)
            writer.regime(task, kind, subtype, rewards, mess)
        writer.block += 1 + (source.random() < 0.1)
    experts = list(_experts(source, column, curves, mess))
    return Case(
        seed=seed,
        log=writer.log(f"life-{seed}"),
        experts=experts,
        options=_options(source, column, names, curves),
        version="1.1" if any(r["block_subtype"] == "sleep" for r in writer.rows) else "1.0",
    )


def _blocks(source: random.Random, names: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Kind, subtype and tasks of each block: orderly evaluation around learning, or anything."""
    orderly, sleepy = source.random() < 0.6, source.random() < 0.25
    for number in range(1 + source.randrange(10)):
        learned = source.choice(names)
        if orderly:
            learned = names[number % len(names)] if source.random() < 0.8 else learned
            yield "test", _subtype(source, sleepy), _some(source, names, 0.9)
            yield "train", _subtype(source, sleepy and source.random() < 0.3), [learned]
        elif source.random() < 0.5:
            yield "test", _subtype(source, sleepy), _some(source, names, 0.6)
        else:
            yield "train", _subtype(source, sleepy), _some(source, names, 0.4)
    if orderly or source.random() < 0.5:
        yield "test", _subtype(source, sleepy), list(names)


def _subtype(source: random.Random, sleepy: bool) -> str:
    return "sleep" if sleepy and source.random() < 0.5 else "wake"


def _some(source: random.Random, names: list[str], share: float) -> list[str]:
    return [name for name in names if source.random() < share] or [source.choice(names)]


def _length(source: random.Random, kind: str) -> int:
    longest = source.choice([2, 6, 20, 60] if kind == "test" else [3, 12, 40, 120, 300])
    return 1 + source.randrange(longest)


def _curve(source: random.Random) -> Curve:
    kinds = ("constant", "noise", "learning", "learning", "forgetting", "plateau", "ties")
    return Curve(
        kind=source.choice([*kinds, "success"]),
        scale=source.choice([1.0, 1.0, 10.0, 250.0, 1e-4, 1e6]),
        shift=source.choice([0.0, 0.0, 0.0, -1.0, -500.0, 3.0]),
        digits=source.choice([17, 17, 17, 2, 6, 1]),
    )


def _mess(source: random.Random) -> Mess:
    def rarely(often: float) -> float:
        return often * source.random() if source.random() < 0.25 else 0.0

    return Mess(
        missing=rarely(0.3),
        incomplete=rarely(0.4),
        repeated=rarely(0.5),
        skipped=rarely(0.5),
        spread=source.choice([0.0, 0.1, 1e-3]),
        workers=source.choice([1, 1, 3]),
        parameters=source.random() < 0.3,
    )


def _experts(
    source: random.Random, column: str, curves: dict[str, Curve], mess: Mess
) -> Iterator[L2Log]:
    share = source.choice([0.0, 0.5, 1.0, 1.0])
    for task, curve in curves.items():
        if source.random() >= share:
            continue
        for number in range(1 + source.randrange(3)):
            writer = Writer(source, column)
            for block in range(1 + source.randrange(3)):
                begin = source.random() + block
                if source.random() < 0.5:
                    evaluated = curve.rewards(source, 1 + source.randrange(5), begin)
                    writer.regime(task, "test", "wake", evaluated, mess)
                    writer.block += 1
                learned = curve.rewards(source, 2 + source.randrange(200), begin)
                writer.regime(task, "train", "wake", learned, mess)
                writer.block += 1
            yield writer.log(f"expert-{task}-{number}")


def _options(
    source: random.Random, column: str, names: list[str], curves: dict[str, Curve]
) -> dict[str, Any]:
    options: dict[str, Any] = {
        "perf_measure": column,
        "variant_mode": source.choice(["aware", "aware", "agnostic"]),
        "ste_averaging_method": source.choice(["metrics", "metrics", "time"]),
        "aggregation_method": source.choice(["mean", "median"]),
        "maintenance_method": source.choice(["mrlep", "mrtlp", "both"]),
        "transfer_method": source.choice(["ratio", "contrast", "both"]),
        "normalization_method": source.choice(["task", "task", "run", "none"]),
        "smoothing_method": source.choice(
            ["flat", "flat", "flat", "hanning", "hamming", "bartlett", "blackman", "none"]
        ),
        "do_smooth_eval_data": source.random() < 0.3,
        "window_length": source.choice([None, None, 1, 3, 4, 7, 10, 25]),
        "clamp_outliers": source.random() < 0.4,
        "data_range": None,
    }
    if source.random() < 0.25:
        options["data_range"] = {task.lower(): _range(source, curves[task]) for task in names}
    return options


def _range(source: random.Random, curve: Curve) -> dict[str, float]:
    low = curve.shift - abs(curve.scale) * source.random()
    return {"min": low, "max": low + abs(curve.scale) * (0.5 + 2 * source.random())}
