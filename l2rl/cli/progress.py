"""What a person sees while a run goes on; a line now and then when nobody watches a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from l2rl.config import LoadedExperiment
from l2rl.lifetime import Lifetime
from l2rl.lifetime_position import Observer

QUIET_INTERVAL_S = 30.0


@contextmanager
def observed(console: Console, loaded: LoadedExperiment | None = None) -> Iterator[Observer]:
    """An observer that fits where the output goes."""
    if not console.is_terminal:
        yield QuietObserver(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[steps]}"),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[score]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield TerminalObserver(progress)


class _Meter:
    """Env steps per second since the process began, and the share of the lifetime lived."""

    def __init__(self) -> None:
        self._began: tuple[float, int] | None = None

    def rate(self, lifetime: Lifetime) -> float:
        now = time.monotonic()
        if self._began is None:
            self._began = (now, lifetime.env_steps)
        seconds = now - self._began[0]
        return (lifetime.env_steps - self._began[1]) / seconds if seconds > 0 else 0.0


def lived_share(lifetime: Lifetime) -> float:
    """How much of the curriculum is behind, from 0 to 1, blocks of unknown length as equals."""
    total = lifetime.curriculum.total_env_steps()
    if total:
        return min(lifetime.env_steps / total, 1.0)
    return lifetime.position.block / len(lifetime.curriculum.blocks)


def _place(lifetime: Lifetime) -> str:
    blocks, position = lifetime.curriculum.blocks, lifetime.position
    block = blocks[min(position.block, len(blocks) - 1)]
    what = block.task if block.kind == "learn" else block.kind
    return f"block {min(position.block + 1, len(blocks))}/{len(blocks)} {what}"


class TerminalObserver:
    """A progress bar with task, env steps, speed, recent return and time left."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.meter = _Meter()
        self.bar = progress.add_task("starting", total=1.0, steps="", rate="", score="")
        self._last = 0.0

    def on_progress(self, lifetime: Lifetime) -> None:
        now = time.monotonic()
        if now - self._last < 0.1:
            return
        self._last = now
        recent = lifetime.recorder.recent_return
        self.progress.update(
            self.bar,
            completed=lived_share(lifetime),
            description=escape(_place(lifetime)),
            steps=f"{lifetime.env_steps:,} steps",
            rate=f"{self.meter.rate(lifetime):,.0f}/s",
            score="" if recent is None else f"return {recent:.1f}",
        )

    def on_message(self, text: str) -> None:
        self.progress.console.print(escape(text), highlight=False)


class QuietObserver:
    """One plain line every half minute, so that a log file stays readable."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.meter = _Meter()
        self._last = time.monotonic()

    def on_progress(self, lifetime: Lifetime) -> None:
        rate = self.meter.rate(lifetime)
        if time.monotonic() - self._last < QUIET_INTERVAL_S:
            return
        self._last = time.monotonic()
        self.on_message(
            f"{_place(lifetime)}: {lifetime.env_steps:,} env steps, {rate:,.0f}/s, "
            f"{lived_share(lifetime):.0%}"
        )

    def on_message(self, text: str) -> None:
        self.console.print(escape(text), highlight=False, soft_wrap=True)
