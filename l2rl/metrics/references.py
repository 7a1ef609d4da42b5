"""The expert runs that a lifetime is measured against, found beside it on the disk.

A metric that needs one and does not find it has no value, and says which run is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from l2rl.errors import UserError
from l2rl.metrics.figures import NotComputable
from l2rl.runs.expert_store import Expert, ExpertStore, Purpose, experts_of
from l2rl.runs.resolved_config import resolved_config
from l2rl.runs.run_directory import RunDirectory

if TYPE_CHECKING:
    from l2rl.metrics.run_log import RunLog

HOW_TO_GET = "run `l2rl experts` on this run's directory"


@dataclass(frozen=True)
class Reference:
    """The complete expert runs of one task, one a seed; their one task may bear another name."""

    runs: tuple[RunLog, ...]
    note: str
    """Which runs these are."""


class References(Protocol):
    """Whoever knows expert runs."""

    def of(self, task: str, purpose: Purpose = "lifetime") -> Reference:
        """The experts of a task. Raises `NotComputable`, saying which run is missing."""


class NoReferences:
    """There are none, and why."""

    def __init__(self, reason: str = "a table has no expert runs beside it") -> None:
        self.reason = reason

    def of(self, task: str, purpose: Purpose = "lifetime") -> Reference:
        """Raises `NotComputable`."""
        raise NotComputable(f"no expert run for task {task}: {self.reason}")


class GivenReferences:
    """Experts that were handed over, by task: for logs that lie in no run directory."""

    def __init__(self, experts: dict[str, tuple[RunLog, ...]]) -> None:
        self._experts = experts

    def of(self, task: str, purpose: Purpose = "lifetime") -> Reference:
        """The same runs for either purpose."""
        if not self._experts.get(task):
            raise NotComputable(f"no expert run for task {task} was given")
        return Reference(self._experts[task], f"{len(self._experts[task])} expert runs given")


class StoredReferences:
    """The experts in the store beside a run, with the versions that the run was made with."""

    def __init__(
        self,
        store: ExpertStore,
        wanted: Iterable[Expert],
        open_log: Callable[[RunDirectory], RunLog],
    ) -> None:
        self._store, self._open = store, open_log
        self._wanted = tuple(wanted)
        self._known: dict[tuple[str, Purpose], Reference] = {}
        self._logs: dict[str, RunLog] = {}

    def of(self, task: str, purpose: Purpose = "lifetime") -> Reference:
        """The experts without components; only if there are none, those with."""
        if (task, purpose) not in self._known:
            self._known[task, purpose] = self._found(self._candidates(task, purpose), task)
        return self._known[task, purpose]

    def _candidates(self, task: str, purpose: Purpose) -> list[Expert]:
        mine = [expert for expert in self._wanted if expert.task == task]
        if not mine:
            raise NotComputable(f"the configuration of this run learns no task {task}")
        fitting = [expert for expert in mine if expert.purpose == purpose]
        return fitting or [expert for expert in mine if expert.purpose == "lifetime"]

    def _found(self, candidates: list[Expert], task: str) -> Reference:
        for expert in candidates:
            runs = [r for r in self._store.group(expert.group) if r.manifest["state"] == "complete"]
            if runs:
                seeds = ", ".join(str(run.seed) for run in runs)
                which = "with" if expert.with_components else "without"
                note = f"expert runs {which} components, seeds {seeds}"
                return Reference(tuple(self._log(run) for run in runs), note)
        raise NotComputable(self._missing(candidates, task))

    def _log(self, run: RunDirectory) -> RunLog:
        key = str(run.path)
        if key not in self._logs:
            self._logs[key] = self._open(run)
        return self._logs[key]

    def _missing(self, candidates: list[Expert], task: str) -> str:
        for expert in candidates:
            begun = self._store.group(expert.group)
            if begun:
                return f"the expert run for task {task} is {begun[0].state}: {HOW_TO_GET}"
            kin = self._store.kin(expert)
            if kin:
                difference = _difference(expert.versions, kin[0]["versions"])
                return f"the expert run for task {task} was made with other versions ({difference})"
        return f"no expert run for task {task}: {HOW_TO_GET}"


class LazyReferences:
    """The same, but nothing is read before the first question."""

    def __init__(self, make: Callable[[], References]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> References:
        return self._make()

    def of(self, task: str, purpose: Purpose = "lifetime") -> Reference:
        """As whoever is made says."""
        return self._made.of(task, purpose)


def references_of(run: RunDirectory, open_log: Callable[[RunDirectory], RunLog]) -> References:
    """The experts of a run, from its own configuration and the versions in its manifest."""
    return LazyReferences(lambda: _stored(run, open_log))


def _stored(run: RunDirectory, open_log: Callable[[RunDirectory], RunLog]) -> References:
    manifest = run.manifest
    if "expert" in manifest:
        return NoReferences("this is one")
    try:
        config = resolved_config(run.config_path)
        wanted = [
            expert
            for with_components in (False, True)
            for expert in experts_of(
                config,
                environments=manifest.get("environments", {}),
                packages=manifest.get("packages", {}),
                with_components=with_components,
            )
        ]
    except (UserError, KeyError, TypeError, ValueError, AttributeError):
        return NoReferences("this run's config.yaml is not a resolved experiment")
    return StoredReferences(ExpertStore.beside(run.path), wanted, open_log)


def _difference(mine: dict[str, object], theirs: dict[str, object]) -> str:
    """Such as `torch 2.6.0, this run 2.7.0`."""
    flat = [{**v, **dict(v.get("packages") or {})} for v in (mine, theirs)]  # type: ignore[call-overload]
    names = [n for n in flat[0] if n != "packages" and flat[0][n] != flat[1].get(n)]
    return "; ".join(f"{name} {flat[1].get(name)}, this run {flat[0][name]}" for name in names)
