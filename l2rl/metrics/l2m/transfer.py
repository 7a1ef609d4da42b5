"""What learning one task does to another.

A target task evaluated before and after a gap, in which another task (the source) was learned,
gives a value: later through earlier terminal performance (`ratio`), or their difference through
their sum (`contrast`). It is forward transfer before the target's own first learning block and
backward transfer after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from l2rl.metrics.l2m.arrays import Bools, Floats, Ints
from l2rl.metrics.l2m.corrections import Corrections
from l2rl.metrics.l2m.preparation import Prepared
from l2rl.metrics.l2m.quantities import Quantities

Direction = Literal["forward", "backward"]
NEVER = np.iinfo(np.int64).max

Values = dict[str, dict[str, list[float]]]
"""Source -> target -> values in order of time."""


@dataclass(frozen=True)
class LeftOut:
    """A value that the strict mode does not count, and why."""

    direction: Direction
    source: str
    target: str
    block: int
    """`block_num` of the later evaluation."""
    reason: str


@dataclass
class Transfer:
    """Both directions, by kind (`ratio` or `contrast`)."""

    forward: dict[str, Values] = field(default_factory=dict)
    backward: dict[str, Values] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True)
class _Gap:
    """Two consecutive evaluations of a target between which a source was learned."""

    direction: Direction
    source: str
    target: str
    before: int
    after: int
    target_trained: bool


def transfer(
    prepared: Prepared,
    quantities: Quantities,
    counted: Bools,
    kinds: tuple[str, ...],
    corrections: Corrections,
) -> Transfer:
    """All transfer; `counted` says which regimes are considered."""
    found = Transfer({kind: {} for kind in kinds}, {kind: {} for kind in kinds})
    gaps = _gaps(prepared, counted, corrections)
    for gap in sorted(gaps, key=lambda gap: gap.after):
        reason = _why_left_out(gap, quantities.term_perf, corrections)
        if reason:
            block = int(prepared.regimes.block[gap.after])
            left_out = LeftOut(gap.direction, gap.source, gap.target, block, reason)
            found.left_out.append(left_out)
            continue
        before, after = (float(quantities.term_perf[i]) for i in (gap.before, gap.after))
        for kind in kinds:
            value = _value(kind, before, after)
            if value is not None:
                into = (found.forward if gap.direction == "forward" else found.backward)[kind]
                into.setdefault(gap.source, {}).setdefault(gap.target, []).append(value)
    return found


def _value(kind: str, before: float, after: float) -> float | None:
    """Ratio or contrast; None where it would divide by 0 or nothing is known."""
    divisor = before if kind == "ratio" else before + after
    if divisor == 0 or np.isnan(before) or np.isnan(after):
        return None
    return after / before if kind == "ratio" else (after - before) / divisor


def _why_left_out(gap: _Gap, terminal: Floats, corrections: Corrections) -> str:
    if gap.target_trained and corrections.untrained_transfer:
        return f"{gap.target} itself was learned in between"
    if corrections.positive_transfer and min(terminal[gap.before], terminal[gap.after]) < 0:
        return "performance is negative"
    return ""


def _gaps(prepared: Prepared, counted: Bools, corrections: Corrections) -> list[_Gap]:
    """Every gap of every target, with one source or, by the corrections, all sources."""
    regimes = prepared.regimes
    order = {task: place for place, task in enumerate(_by_appearance(prepared, counted))}
    learned = np.flatnonzero(regimes.training & counted)
    found: list[_Gap] = []
    for target in order:
        mine = regimes.of_task(target)
        evaluated = np.flatnonzero(mine & ~regimes.training & counted)
        own = learned[mine[learned]]
        first_own = int(own[0]) if own.size else NEVER
        others = learned[~mine[learned]]
        gap = np.searchsorted(evaluated, others)
        inside = (gap > 0) & (gap < evaluated.size)
        trained_in = set(np.searchsorted(evaluated, own).tolist())
        for direction, chosen in (
            ("forward", inside & (others < first_own)),
            ("backward", inside & (others > first_own)),
        ):
            places = np.array([order.get(t, -1) for t in regimes.tasks], dtype=np.int64)
            pairs = np.stack([gap[chosen], places[regimes.task[others[chosen]]]], axis=1)
            for place, source in _sources(pairs, corrections.every_transfer_pair):
                found.append(
                    _Gap(
                        direction=direction,  # type: ignore[arg-type]
                        source=list(order)[source],
                        target=target,
                        before=int(evaluated[place - 1]),
                        after=int(evaluated[place]),
                        target_trained=place in trained_in,
                    )
                )
    return found


def _sources(pairs: Ints, all_of_them: bool) -> list[list[int]]:
    """Distinct `(gap, source)`; of each gap only the last source unless all are wanted."""
    distinct = np.unique(pairs, axis=0)
    if not all_of_them and distinct.size:
        last = np.append(distinct[1:, 0] != distinct[:-1, 0], True)
        distinct = distinct[last]
    return [list(map(int, pair)) for pair in distinct]


def _by_appearance(prepared: Prepared, counted: Bools) -> list[str]:
    """The tasks of the regimes considered, in order of their first one."""
    regimes = prepared.regimes
    return [regimes.tasks[t] for t in dict.fromkeys(regimes.task[counted].tolist())]
