"""Running small experiments in tests: whole, killed, resumed; and comparing what they left."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import torch

from l2rl import running
from l2rl.checkpoint import CheckpointStore
from l2rl.config import load_experiment
from l2rl.lifetime import Lifetime
from l2rl.runs.run_directory import RunDirectory


class KilledAfter:
    """An observer that kills its own process, as `kill -9` does, after some progress."""

    def __init__(self, times: int) -> None:
        self.left = times

    def on_progress(self, lifetime: Lifetime) -> None:
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_message(self, text: str) -> None:
        pass


def run_whole(yaml: Path, root: Path, overrides: list[str] | None = None) -> RunDirectory:
    """An undisturbed run."""
    return running.start(load_experiment(yaml, overrides or []), root=root)


def run_killed(yaml: Path, root: Path, after: int, overrides: list[str] | None = None) -> Path:
    """A run whose process is killed after `after` progress reports; its directory."""
    loaded = load_experiment(yaml, overrides or [])
    child = os.fork()
    if child == 0:
        try:
            running.start(loaded, root=root, observer=KilledAfter(after))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the run ended before it could be killed"
    return root / loaded.config.experiment / "default" / f"seed-{loaded.config.seed}"


def resume_killed(path: Path, after: int) -> None:
    """Resume in a process that is killed again."""
    child = os.fork()
    if child == 0:
        try:
            running.resume(path, observer=KilledAfter(after))
        finally:
            os._exit(1)
    os.waitpid(child, 0)


def final_state(run: Path) -> dict[str, Any]:
    """The state of the last checkpoint."""

    def refuse(path: Path, why: str) -> None:
        raise AssertionError(f"{path}: {why}")

    found = CheckpointStore(run / "checkpoints").newest(refuse)
    assert found is not None
    return dict(found[0])


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two nested states differ, bit for bit."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(set(one) | set(other), key=str)
        missing = [f"{path}.{k}" for k in keys if k not in one or k not in other]
        both = [k for k in keys if k in one and k in other]
        return missing + [d for k in both for d in differences(one[k], other[k], f"{path}.{k}")]
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return [f"{path}: {len(one)} and {len(other)} items"]
        pairs = enumerate(zip(one, other, strict=True))
        return [d for i, (a, b) in pairs for d in differences(a, b, f"{path}[{i}]")]
    return [] if _same(one, other) else [path]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        one, other = one.numpy(), other.numpy()
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    return type(one) is type(other) and (one == other or (one != one and other != other))


def assert_same_life(one: Path, other: Path) -> None:
    """Parameters, whole agent state, log and metrics of two finished runs are identical."""
    first, second = final_state(one), final_state(other)
    for part in ("agent", "env", "position", "generators"):
        assert differences(first[part], second[part], part) == []
    assert (one / "log/log.parquet").read_bytes() == (other / "log/log.parquet").read_bytes()
    assert (one / "metrics.json").read_bytes() == (other / "metrics.json").read_bytes()
