"""Many runs at once: found below folders, each either usable or left out for a reason.

A mean is never taken over runs of different environment or reward versions: `check_versions`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from l2rl.errors import UserError
from l2rl.runs.log_views import rows_of, words
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import read_log


@dataclass(frozen=True)
class CollectedRun:
    """One run that can be used."""

    directory: RunDirectory
    manifest: Mapping[str, Any]
    state: str

    def read_log(self) -> pa.Table:
        """The log; of a run that is not complete, up to its last whole evaluation.

        Read anew each time: the logs of many runs do not fit into memory together. Raises
        `UserError` if it is damaged, or if there was no evaluation.
        """
        log = read_log(self.directory.log_path)
        return log if self.state == "complete" else until_last_evaluation(log)

    @property
    def path(self) -> Path:
        return self.directory.path

    @property
    def experiment(self) -> str:
        return str(self.manifest["experiment"])

    @property
    def variant(self) -> str:
        return str(self.manifest["variant"])

    @property
    def seed(self) -> int:
        return int(self.manifest["seed"])


@dataclass(frozen=True)
class LeftOut:
    """A directory that looks like a run but cannot be used."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Collection:
    """What was found."""

    runs: tuple[CollectedRun, ...]
    left_out: tuple[LeftOut, ...]

    @cached_property
    def experiments(self) -> tuple[str, ...]:
        """Names of the experiments, in order of appearance."""
        return tuple(dict.fromkeys(run.experiment for run in self.runs))


def collect(paths: Sequence[Path], *, incomplete: bool = False) -> Collection:
    """The runs at or below some paths, by experiment, variant and seed.

    `incomplete`: also runs that did not come to their end, up to their last evaluation. Experts
    are left out unless their own directory is named. Raises `UserError` if a path does not exist,
    or if two runs have the same experiment, variant and seed.
    """
    runs: list[CollectedRun] = []
    left_out: list[LeftOut] = []
    for path in dict.fromkeys(found for given in paths for found in _candidates(given)):
        try:
            runs.append(_opened(path, incomplete))
        except UserError as error:
            left_out.append(LeftOut(path, str(error)))
    runs.sort(key=lambda run: (run.experiment, run.variant, run.seed, str(run.path)))
    _check_once(runs)
    return Collection(tuple(runs), tuple(left_out))


def check_versions(runs: Iterable[CollectedRun]) -> None:
    """Raise `UserError` if a suite or a reward has not the same version in all runs: their
    returns are then not of the same kind."""
    seen: dict[str, dict[str, list[CollectedRun]]] = {}
    for run in runs:
        for what, version in _versions(run.manifest):
            seen.setdefault(what, {}).setdefault(version, []).append(run)
    mixed = {what: by for what, by in seen.items() if len(by) > 1}
    if mixed:
        lines = [
            f"  {what} {version}: {_shown([str(run.path) for run in found])}"
            for what, by in sorted(mixed.items())
            for version, found in sorted(by.items())
        ]
        raise UserError(
            "these runs cannot be averaged or compared, since their environments differ:\n"
            + "\n".join(lines)
            + "\n  compare runs of one version at a time, or run the older ones again"
        )


def _candidates(path: Path) -> Iterator[Path]:
    """Directories at or below a path that are runs, or what is left of one."""
    if not path.is_dir():
        raise UserError(f"there is no directory `{path}`")
    if _looks_like_a_run(path):
        yield path
        return
    for folder, below, _ in os.walk(path):
        here = Path(folder)
        below[:] = sorted(name for name in below if not _is_aside(name))
        if here != path and _looks_like_a_run(here):
            below.clear()
            if not _is_expert(here):
                yield here


def _looks_like_a_run(path: Path) -> bool:
    """Everything that a run makes of itself before it writes its manifest counts."""
    return (path / "manifest.json").is_file() or (path / "config.yaml").is_file()


def _is_aside(name: str) -> bool:
    return name.startswith(".") or ".replaced-" in name


def _is_expert(path: Path) -> bool:
    try:
        return "expert" in RunDirectory.open(path).manifest
    except UserError:
        return path.parent.name == "experts"


def _opened(path: Path, incomplete: bool) -> CollectedRun:
    """Raises `UserError` with the reason why the run cannot be used."""
    directory = RunDirectory.open(path)
    manifest = directory.manifest
    lacking = [key for key in ("experiment", "variant", "seed", "state") if key not in manifest]
    if lacking:
        raise UserError(f"its manifest.json lacks {', '.join(lacking)}")
    state = directory.state
    if state == "running" and not incomplete:
        raise UserError("it is still running; wait for it, or use --incomplete")
    if state != "complete" and not incomplete:
        raise UserError(f"{state}; finish it with `l2rl resume {path}`, or use --incomplete")
    return CollectedRun(directory, manifest, state)


def until_last_evaluation(log: pa.Table) -> pa.Table:
    """The log up to the end of its last evaluation that measured all that the one before did.

    Raises `UserError` if there is none.
    """
    table = rows_of(log, kind="evaluation")
    if not table.num_rows:
        raise UserError("it was stopped before its first evaluation")
    numbers, rows = table["evaluation"].to_numpy(), table["row"].to_numpy()
    codes, _ = words(table["evaluated_task"])
    last = numbers.max()
    whole = np.unique(codes[numbers == last - 1]).size
    if np.unique(codes[numbers == last]).size < whole:
        last -= 1
    return log.slice(0, int(rows[numbers == last].max()) + 1)


def _check_once(runs: Sequence[CollectedRun]) -> None:
    places: dict[tuple[str, str, int], Path] = {}
    for run in runs:
        key = (run.experiment, run.variant, run.seed)
        if key in places:
            raise UserError(
                f"two runs are both {run.experiment}/{run.variant}, seed {run.seed}: "
                f"{places[key]} and {run.path}\n  name only one of them"
            )
        places[key] = run.path


def _versions(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(what, version) of each suite and each reward of a run."""
    for suite, said in manifest.get("environments", {}).items():
        yield f"environment {suite}, version", str(said.get("version"))
        for task, version in said.get("reward_versions", {}).items():
            yield f"reward of {suite}/{task}, version", str(version)


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
