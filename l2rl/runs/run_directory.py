"""The directory of one run: what is in it, who may write it, and the manifest that describes it.

runs/<experiment>/<variant>/seed-<n>/        (of a single-task expert: runs/experts/<hash>/)
    manifest.json    state, config hash, versions, seeds, command line, wall times
    config.yaml      the resolved configuration
    log/             the tidy log; clock/ its wall-clock sidecar
    l2logger/        the same in the L2M format 1.1
    checkpoints/     atomic snapshots
    metrics.json  timing.json  report.html
    tensorboard/     event files, with `logging.tensorboard`
"""

from __future__ import annotations

import hashlib
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from l2rl.curriculum import Task
from l2rl.errors import UserError
from l2rl.runs.clock import Clock
from l2rl.runs.files import plain, read_json, write_bytes_atomically, write_json
from l2rl.runs.run_lock import RunLock, is_locked
from l2rl.runs.tidy_log import TidyLog
from l2rl.runs.versions import installed_packages, python_version

MANIFEST_FORMAT = 1
State = Literal["running", "complete", "failed", "stopped"]
"""What the manifest says. A manifest that says `running` without a living writer is a run that
was interrupted; `RunDirectory.state` tells the two apart."""

_NAME = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z_.+=-]*")


class RunDirectory:
    """One run on disk. Reading needs no lock; `create` and `open(writing=True)` hold it."""

    def __init__(self, path: Path, lock: RunLock | None = None) -> None:
        """Use `create` or `open` instead: they check what they find."""
        self.path = path
        self._lock = lock

    @classmethod
    def create(
        cls,
        root: Path,
        experiment: str,
        variant: str,
        seed: int,
        resolved_config_text: str,
        *,
        tasks: Mapping[str, Task] | None = None,
        environments: Mapping[str, Any] | None = None,
        command_line: Sequence[str] | None = None,
        force: bool = False,
        path: Path | None = None,
    ) -> RunDirectory:
        """Make a new run in state `running` and hold its lock.

        `tasks` are the curriculum's; `environments` says the version of each suite and the reward
        version of each task, such as `{"minigames": {"version": "2", "reward_versions": {...}}}`.
        `force` moves an existing run aside, to `seed-0.replaced-1`, instead of refusing.
        `path` is the directory, by default `run_path` of the names.
        Raises `UserError` for an unusable name, an existing run, or one that is being written.
        """
        path = path or run_path(root, experiment, variant, seed)
        lock = RunLock(lock_path(path))
        try:
            if path.exists():
                _make_room(path, force)
            path.mkdir(parents=True)
            run = cls(path, lock)
            write_bytes_atomically(run.config_path, resolved_config_text.encode())
            manifest = _new_manifest(experiment, variant, seed, resolved_config_text)
            manifest["tasks"] = {name: _described(task) for name, task in (tasks or {}).items()}
            manifest["environments"] = plain(environments or {})
            manifest["command_line"] = list(command_line or _this_command_line())
            write_json(run.manifest_path, manifest)
        except BaseException:
            lock.release()
            raise
        return run

    @classmethod
    def open(cls, path: Path, *, writing: bool = False) -> RunDirectory:
        """An existing run; `writing` takes the lock, as a resumed run must.

        Raises `UserError` if there is no run, or another process is writing it.
        """
        path = Path(path)
        if not (path / "manifest.json").is_file():
            raise UserError(f"{path} is not a run: it has no manifest.json.")
        return cls(path, RunLock(lock_path(path)) if writing else None)

    def close(self) -> None:
        """Give the lock back, if held."""
        if self._lock:
            self._lock.release()
            self._lock = None

    @property
    def manifest_path(self) -> Path:
        return self.path / "manifest.json"

    @property
    def config_path(self) -> Path:
        return self.path / "config.yaml"

    @property
    def log_path(self) -> Path:
        """Directory of the tidy log."""
        return self.path / "log"

    @property
    def clock_path(self) -> Path:
        """Directory of the wall-clock sidecar."""
        return self.path / "clock"

    @property
    def l2logger_path(self) -> Path:
        return self.path / "l2logger"

    @property
    def tensorboard_path(self) -> Path:
        return self.path / "tensorboard"

    @property
    def checkpoints_path(self) -> Path:
        return self.path / "checkpoints"

    @property
    def metrics_path(self) -> Path:
        return self.path / "metrics.json"

    @property
    def timing_path(self) -> Path:
        return self.path / "timing.json"

    @property
    def report_path(self) -> Path:
        return self.path / "report.html"

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest as it is on disk now. Raises `UserError` if it is damaged."""
        return read_json(self.manifest_path)

    @property
    def name(self) -> str:
        """`<experiment>/<variant>`: what the `run` column of the log says."""
        manifest = self.manifest
        return f"{manifest['experiment']}/{manifest['variant']}"

    @property
    def seed(self) -> int:
        return int(self.manifest["seed"])

    @property
    def state(self) -> str:
        """The manifest's state, or `interrupted` when it says running but nobody writes it."""
        state = str(self.manifest["state"])
        alive = self._lock is not None or is_locked(lock_path(self.path))
        return "interrupted" if state == "running" and not alive else state

    def set_state(self, state: State, reason: str = "") -> None:
        """Write the state, the reason (of a failure, say) and, unless running, the end time."""
        finished = None if state == "running" else time.time()
        self.update_manifest(state=state, reason=reason, finished_unix_time=finished)

    def update_manifest(self, **fields: Any) -> None:
        """Replace fields of the manifest, atomically."""
        write_json(self.manifest_path, {**self.manifest, **fields})

    def open_log(self) -> TidyLog:
        """The log, for appending."""
        return TidyLog.open(self.log_path, self.name, self.seed)

    def open_clock(self, interval_s: float = 1.0) -> Clock:
        """The wall-clock sidecar, for appending."""
        return Clock.open(self.clock_path, interval_s)


def run_path(root: Path, experiment: str, variant: str, seed: int) -> Path:
    """Where a run lives. Raises `UserError` for names that are no plain directory names."""
    for what, name in (("experiment", experiment), ("variant", variant)):
        if not _NAME.fullmatch(name):
            raise UserError(
                f"The {what} is called {name!r}; use letters, digits and any of _ . + = - , "
                "beginning with a letter or digit, since it becomes a directory."
            )
    if seed < 0:
        raise UserError(f"The seed is {seed}; seeds are 0 or greater.")
    return Path(root) / experiment / variant / f"seed-{seed}"


def lock_path(path: Path) -> Path:
    """The lock of a run: a hidden file beside its directory."""
    return path.with_name(f".{path.name}.lock")


def find_runs(root: Path) -> Iterator[RunDirectory]:
    """Every run under `root`, by experiment, variant and seed; none that was moved aside."""
    found = [path.parent for path in Path(root).glob("*/*/seed-*/manifest.json")]
    numbered = [path for path in found if path.name.removeprefix("seed-").isdigit()]
    numbered.sort(key=lambda p: (p.parent.parent.name, p.parent.name, int(p.name[5:])))
    return (RunDirectory.open(path) for path in numbered)


def config_hash(resolved_config_text: str) -> str:
    """SHA-256 of the resolved configuration."""
    return hashlib.sha256(resolved_config_text.encode()).hexdigest()


def _make_room(path: Path, force: bool) -> None:
    """Move an existing run aside, or refuse to. The caller holds its lock."""
    if not force:
        raise UserError(_already_there(path))
    number = 1
    while (aside := path.with_name(f"{path.name}.replaced-{number}")).exists():
        number += 1
    path.rename(aside)


def _already_there(path: Path) -> str:
    state = "begun but without a manifest"
    if (path / "manifest.json").is_file():
        state = str(read_json(path / "manifest.json").get("state"))
    # The caller has the lock, so whatever the manifest says, no one is at work.
    state = "interrupted" if state == "running" else state
    return (
        f"{path} already holds a run ({state}). Resume it with `l2rl resume {path}`, choose "
        "another experiment, variant or seed, or use --force to move it aside and start again."
    )


def _new_manifest(experiment: str, variant: str, seed: int, config: str) -> dict[str, Any]:
    return {
        "format": MANIFEST_FORMAT,
        "state": "running",
        "reason": "",
        "experiment": experiment,
        "variant": variant,
        "seed": int(seed),
        "config_sha256": config_hash(config),
        "python": python_version(),
        "packages": installed_packages(),
        "created_unix_time": time.time(),
        "finished_unix_time": None,
    }


def _described(task: Task) -> dict[str, Any]:
    parameters = plain(task.parameters)
    return {"env": task.env, "variant": task.variant, "parameters": parameters}


def _this_command_line() -> list[str]:
    """The command as a reader would type it: without the path of the interpreter's scripts."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]
