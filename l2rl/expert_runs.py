"""Making single-task experts: finding those that are there, finishing the others, one at a time.

Two processes that want the same expert do not make it twice: whoever comes second leaves it to
the other, makes what else is missing, and waits at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from l2rl import running
from l2rl.config import LoadedExperiment, load_text
from l2rl.config.loading import dump
from l2rl.errors import UserError
from l2rl.lifetime_position import Observer
from l2rl.runs.expert_store import Expert, ExpertStore, experts_of
from l2rl.runs.run_directory import RunDirectory, lock_path
from l2rl.runs.run_lock import RunLockedError, is_locked
from l2rl.runs.versions import installed_packages
from l2rl.task_environments import environment_versions

WAIT_S = 1.0
"""Between two looks at a run that another process is making."""

How = Literal["found", "made", "finished", "made by another process"]


@dataclass(frozen=True)
class Obtained:
    """An expert that is there now."""

    expert: Expert
    path: Path
    how: How


Watch = Callable[[Expert], AbstractContextManager[Observer]]
"""Somebody who watches each run."""


def wanted_experts(loaded: LoadedExperiment, *, with_components: bool = False) -> list[Expert]:
    """The experts of an experiment, for its own seed, with what is installed now."""
    return experts_of(
        loaded.resolved,
        environments=environment_versions(loaded.curriculum),
        packages=installed_packages(),
        with_components=with_components,
    )


def obtain(experts: Sequence[Expert], store: ExpertStore, watch: Watch) -> Iterator[Obtained]:
    """Every expert, as soon as it is there. Raises as `running.start` and `running.resume` do."""
    left: list[Expert] = []
    for expert in experts:
        how = _obtain(expert, store.path_of(expert), watch)
        if how is None:
            left.append(expert)
        else:
            yield Obtained(expert, store.path_of(expert), how)
    for expert in left:
        yield Obtained(expert, store.path_of(expert), _wait(expert, store.path_of(expert), watch))


def _wait(expert: Expert, path: Path, watch: Watch) -> How:
    """Until another process is done; if it died, we go on ourselves."""
    while is_locked(lock_path(path)):
        time.sleep(WAIT_S)
    how = _obtain(expert, path, watch)
    if how == "found":
        return "made by another process"
    return how or _wait(expert, path, watch)


def _obtain(expert: Expert, path: Path, watch: Watch) -> How | None:
    """Find, finish or make one expert; None while another process is at it."""
    if is_complete(path):
        return "found"
    try:
        with watch(expert) as observer:
            if (path / "manifest.json").is_file():
                running.resume(path, observer=observer)
                return "finished"
            _make(expert, path, observer)
            return "made"
    except RunLockedError:
        return None
    except UserError:
        # It may have been finished by another process since we looked.
        if is_complete(path):
            return "made by another process"
        raise


def is_complete(path: Path) -> bool:
    """Whether a directory holds a run that has come to its end."""
    if not (path / "manifest.json").is_file():
        return False
    return bool(RunDirectory.open(path).manifest["state"] == "complete")


def _make(expert: Expert, path: Path, observer: Observer) -> None:
    loaded = load_text(dump(expert.config), file="expert.yaml", check_paths=False)
    notes: dict[str, Any] = {"expert": expert.as_manifest()}
    # Without a manifest it is what a kill left of a run that had hardly begun.
    leftover = path.exists() and not (path / "manifest.json").exists()
    running.start(
        loaded, variant=expert.key, observer=observer, path=path, notes=notes, force=leftover
    )
