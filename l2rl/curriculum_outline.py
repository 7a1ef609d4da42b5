"""What a curriculum amounts to: totals per task, and its blocks with repetitions told once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from l2rl.curriculum import Block, Curriculum

LONGEST_PATTERN = 12
"""Stretches; what repeats only after more of them is not recognised as a repetition."""

H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True)
class Amount:
    """A number of env steps or episodes, as far as it is known."""

    value: float | None = 0
    """None: not known."""
    estimated: bool = False

    def __add__(self, other: Amount) -> Amount:
        if self.value is None or other.value is None:
            return Amount(None)
        return Amount(self.value + other.value, self.estimated or other.estimated)

    def __str__(self) -> str:
        if self.value is None:
            return "?"
        if self.estimated and 0 < self.value < 0.5:
            return "<1"
        return f"{'~' if self.estimated else ''}{round(self.value):,}"


@dataclass(frozen=True)
class Totals:
    """What is learned of one task, or of all of them."""

    blocks: int = 0
    env_steps: Amount = Amount()
    episodes: Amount = Amount()

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.blocks + other.blocks,
            self.env_steps + other.env_steps,
            self.episodes + other.episodes,
        )


def totals(curriculum: Curriculum, limits: Mapping[str, int | None]) -> dict[str, Totals]:
    """Totals of every task, also of those that are never learned.

    `limits`: env steps of each task's longest episode, None where unknown. A budget in one unit
    is estimated in the other as if all episodes took that long.
    """
    found = dict.fromkeys(curriculum.tasks, Totals())
    for _, block in curriculum.learning_blocks():
        found[block.task] += _amounts(block, limits.get(block.task))
    return found


def _amounts(block: Block, limit: int | None) -> Totals:
    exact = Amount(block.budget)
    if block.unit == "env_steps":
        return Totals(1, exact, Amount(block.budget / limit if limit else None, estimated=True))
    return Totals(1, Amount(block.budget * limit if limit else None, estimated=True), exact)


# ---- structure -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Stretch:
    """A learning block and the blocks after it that do not learn; the first may lack the former."""

    first_block: int
    blocks: tuple[Block, ...]

    @property
    def learn(self) -> Block | None:
        """Its learning block."""
        return self.blocks[0] if self.blocks[0].kind == "learn" else None

    @property
    def structure(self) -> Hashable:
        """What it is made of, whatever the task and the length of learning."""
        after = self.blocks[1:] if self.learn else self.blocks
        return self.learn and self.learn.unit, after


@dataclass(frozen=True)
class Run:
    """`times` the same pattern of structures, one after the other."""

    pattern: tuple[Stretch, ...]
    """The first of them."""
    stretches: tuple[Stretch, ...]
    """All of them."""

    @property
    def times(self) -> int:
        """How often the pattern occurs."""
        return len(self.stretches) // len(self.pattern)

    @property
    def block_range(self) -> tuple[int, int]:
        """Index of the first and of the last block."""
        last = self.stretches[-1]
        return self.stretches[0].first_block, last.first_block + len(last.blocks) - 1

    @property
    def learning(self) -> tuple[Block, ...]:
        """Its learning blocks."""
        return tuple(s.learn for s in self.stretches if s.learn is not None)


def runs(blocks: Sequence[Block]) -> list[Run]:
    """All blocks in order; what has the same structure again and again is one run."""
    stretches = list(_stretches(blocks))
    found = []
    for start, period, times in repetitions([s.structure for s in stretches]):
        part = tuple(stretches[start : start + period * times])
        found.append(Run(part[:period], part))
    return found


def _stretches(blocks: Sequence[Block]) -> Iterator[Stretch]:
    starts = [i for i, block in enumerate(blocks) if i == 0 or block.kind == "learn"]
    for start, end in zip(starts, [*starts[1:], len(blocks)], strict=True):
        yield Stretch(start, tuple(blocks[start:end]))


def repetitions(items: Sequence[H]) -> Iterator[tuple[int, int, int]]:
    """`(start, period, times)` of consecutive parts that together are all items.

    Each part is a pattern of `period` items, `times` in a row. From left to right the pattern that
    reaches farthest is taken, the shortest of those; it has period 1 where nothing repeats.
    """
    start = 0
    while start < len(items):
        best = (1, 1)
        for period in range(1, min(LONGEST_PATTERN, (len(items) - start) // 2) + 1):
            times = _times(items, start, period)
            if times > 1 and period * times > best[0] * best[1]:
                best = (period, times)
        yield start, *best
        start += best[0] * best[1]


def _times(items: Sequence[H], start: int, period: int) -> int:
    """How often the pattern at `start` occurs in a row."""
    end = start + period
    while end < len(items) and items[end] == items[end - period]:
        end += 1
    return (end - start) // period


def cycle(items: Sequence[H]) -> Sequence[H]:
    """The shortest beginning of which `items` are whole repetitions; all if there is none."""
    for period in range(1, len(items) // 2 + 1):
        if len(items) % period == 0 and _times(items, 0, period) == len(items) // period:
            return items[:period]
    return items


def strip(curriculum: Curriculum, task: str, signs: int) -> str:
    """When a task is learned, in at most `signs` signs of equally many learning blocks each.

    `.`: not at all, `-`: in less than half of the sign's blocks, `+`: in half or more, `#`: in all.
    """
    learned = [block.task == task for _, block in curriculum.learning_blocks()]
    per_sign = blocks_per_sign(len(learned), signs)
    parts = [learned[i : i + per_sign] for i in range(0, len(learned), per_sign)]
    return "".join(_sign(sum(part) / len(part)) for part in parts)


def blocks_per_sign(learning_blocks: int, signs: int) -> int:
    """How many learning blocks one sign of a strip stands for."""
    return max(1, -(-learning_blocks // signs))


def _sign(share: float) -> str:
    if share in (0, 1):
        return "#" if share else "."
    return "-" if share < 0.5 else "+"
