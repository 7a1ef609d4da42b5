"""What a sweep consists of: runs, each a whole experiment, and the experts they are measured by.

Planning (`l2rl.sweeps`) knows nothing of Ray, and executing (`l2rl.cluster`) nothing of YAML:
this file is all that they share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Resources:
    """What one run is given on a machine; Ray keeps count of it."""

    cpus: float = 1.0
    """CPUs; the worker sets its threads to as many, at least one."""
    gpus: float = 0.0
    """GPUs, also fractions."""
    memory_bytes: int | None = None
    """Memory that is reserved for it; None: not counted."""


@dataclass(frozen=True)
class Retries:
    """How often a run that fails is tried again, and how long it is left alone before."""

    limit: int = 3
    """Tries after the first that may fail; a worker or a node that is lost counts as well."""
    first_wait_s: float = 1.0
    """Seconds before the first retry; each further wait is twice as long."""
    longest_wait_s: float = 60.0
    """Seconds; no wait is longer."""


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep: everything that a worker needs to live it."""

    key: str
    """16 hex digits of a hash of everything that decides the result, its seed and the versions
    of what computes it included. A run of this key that is complete is never run again."""
    variant: str
    """Name of the directory: what was varied, such as `without-ewc,learning_rate=0.001`."""
    seed: int
    text: str
    """The resolved experiment as YAML, its seed included; `load_text` reads it."""
    env_steps: int
    """Env steps of learning, all blocks together."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What was varied, path -> value, for tables."""
    experts: tuple[str, ...] = ()
    """Keys of the experts (`PlannedExpert.key`) that must be there before its metrics."""


@dataclass(frozen=True)
class PlannedExpert:
    """A single-task expert that at least one run of the sweep is measured by."""

    key: str
    """`l2rl.runs.expert_store.Expert.key`: the name of its directory in the store."""
    task: str
    text: str
    """The resolved experiment as YAML."""
    env_steps: int
    manifest: Mapping[str, Any]
    """`Expert.as_manifest()`."""


@dataclass(frozen=True)
class SweepPlan:
    """A sweep written out. Two plans of the same file are equal."""

    name: str
    text: str
    """The sweep's YAML as it was read, for the record."""
    runs: tuple[PlannedRun, ...]
    experts: tuple[PlannedExpert, ...] = ()
    resources: Resources = Resources()
    retries: Retries = Retries()
    store: str | None = None
    """URL of the file system that runs are mirrored to (`s3://bucket/path`); None: local only."""
