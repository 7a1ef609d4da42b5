"""What learning one task does to another.

A target task evaluated before and after a gap, in which another task (the source) was learned,
gives a value: later through earlier terminal performance (`ratio`), or their difference through
their sum (`contrast`). It is forward transfer before the target's own first learning block and
backward transfer after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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
    """Gaps that the strict mode does not count, and why."""

    direction: Direction
    source: str
    target: str
    reason: str
    blocks: tuple[int, ...]
    """`block_num` of the later evaluation of each."""


@dataclass
class Transfer:
    """Both directions, by kind (`ratio` or `contrast`)."""

    forward: dict[str, Values] = field(default_factory=dict)
    backward: dict[str, Values] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True)
class _Gaps:
    """All gaps of one target and source in one direction, in order of time."""

    direction: Direction
    source: str
    target: str
    before: Ints
    after: Ints
    """(gaps,) regimes of the two evaluations."""
    target_trained: Bools
    """(gaps,) the target itself was learned in between too."""

    def only(self, keep: Bools) -> _Gaps:
        before, after, trained = self.before[keep], self.after[keep], self.target_trained[keep]
        return replace(self, before=before, after=after, target_trained=trained)


def transfer(
    prepared: Prepared,
    quantities: Quantities,
    counted: Bools,
    kinds: tuple[str, ...],
    corrections: Corrections,
) -> Transfer:
    """All transfer; `counted` says which regimes are considered."""
    found = Transfer({kind: {} for kind in kinds}, {kind: {} for kind in kinds})
    terminal = quantities.term_perf
    for gaps in _all_gaps(prepared, counted, corrections):
        if corrections.untrained_transfer:
            reason = f"{gaps.target} itself was learned in between"
            gaps = _leave_out(found, prepared, gaps, gaps.target_trained, reason)
        if corrections.positive_transfer:
            negative = (terminal[gaps.before] < 0) | (terminal[gaps.after] < 0)
            gaps = _leave_out(found, prepared, gaps, negative, "performance is negative")
        for kind in kinds:
            values = _values(kind, terminal[gaps.before], terminal[gaps.after])
            into = (found.forward if gaps.direction == "forward" else found.backward)[kind]
            if values:
                into.setdefault(gaps.source, {})[gaps.target] = values
    return found


def _values(kind: str, before: Floats, after: Floats) -> list[float]:
    """Ratio or contrast of each gap, unless it would divide by 0 or nothing is known."""
    dividend, divisor = (after, before) if kind == "ratio" else (after - before, before + after)
    known = (divisor != 0) & ~np.isnan(divisor) & ~np.isnan(dividend)
    values: list[float] = (dividend[known] / divisor[known]).tolist()
    return values


def _leave_out(
    found: Transfer, prepared: Prepared, gaps: _Gaps, which: Bools, reason: str
) -> _Gaps:
    """The gaps that stay; the others are noted."""
    if which.any():
        blocks = tuple(prepared.regimes.block[gaps.after[which]].tolist())
        found.left_out.append(LeftOut(gaps.direction, gaps.source, gaps.target, reason, blocks))
    return gaps.only(~which)


def _all_gaps(prepared: Prepared, counted: Bools, corrections: Corrections) -> Iterator[_Gaps]:
    """The gaps of every target, each with one source or, by the corrections, all sources."""
    regimes = prepared.regimes
    order = _by_appearance(prepared, counted)
    place_of = {task: place for place, task in enumerate(order)}
    places = np.array([place_of.get(task, -1) for task in regimes.tasks], dtype=np.int64)
    learned = np.flatnonzero(regimes.training & counted)
    for target in order:
        mine = regimes.of_task(target)
        evaluated = np.flatnonzero(mine & ~regimes.training & counted)
        own, others = learned[mine[learned]], learned[~mine[learned]]
        trained_in = np.searchsorted(evaluated, own)
        gap = np.searchsorted(evaluated, others)
        inside = (gap > 0) & (gap < evaluated.size)
        forward = others < (own[0] if own.size else NEVER)
        sources = places[regimes.task[others]]
        directions: tuple[Direction, Direction] = ("forward", "backward")
        for direction, chosen in zip(
            directions, (inside & forward, inside & ~forward), strict=True
        ):
            pairs = np.stack([gap[chosen], sources[chosen]], axis=1)
            pairs = _distinct(pairs, corrections.every_transfer_pair)
            for source in np.unique(pairs[:, 1]).tolist():
                numbers = pairs[pairs[:, 1] == source, 0]
                yield _Gaps(
                    direction=direction,
                    source=order[source],
                    target=target,
                    before=evaluated[numbers - 1],
                    after=evaluated[numbers],
                    target_trained=np.isin(numbers, trained_in),
                )


def _distinct(pairs: Ints, all_sources: bool) -> Ints:
    """Distinct `(gap, source)` in order; of each gap only the last source unless all are wanted."""
    distinct = np.unique(pairs, axis=0)
    if all_sources or not distinct.size:
        return distinct
    last = np.append(distinct[1:, 0] != distinct[:-1, 0], True)
    only_last: Ints = distinct[last]
    return only_last


def _by_appearance(prepared: Prepared, counted: Bools) -> list[str]:
    """The tasks of the regimes considered, in order of their first one."""
    regimes = prepared.regimes
    return [regimes.tasks[t] for t in dict.fromkeys(regimes.task[counted].tolist())]
