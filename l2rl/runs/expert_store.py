"""Single-task experts: which runs an experiment is to be measured against, and where they are kept.

An expert is the same learner on one task alone, for as long as the curriculum gives to that task.
It is an ordinary run in `runs/experts/<hash>/`, the hash being of everything that decides it: the
task, the agent, how it is evaluated, the budget, the seed, and the versions of the environment,
the reward and the packages that compute. So it is made once and found by every experiment that
asks for the same; and one made with other versions is never taken for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from l2rl.errors import UserError
from l2rl.runs.files import compact_json, read_json
from l2rl.runs.run_directory import RunDirectory

Purpose = Literal["lifetime", "first_phase"]
"""`lifetime`: as many env steps as the curriculum gives to the task in all; `first_phase`: as many
as it gets before another task begins. One run serves both unless some schedule of the learner
runs over the budget, for then the shorter life is not the beginning of the longer one."""

STORE: Final = "experts"
FORMAT: Final = 1
PACKAGES: Final = ("l2rl", "numpy", "stable-baselines3", "torch")
"""Distributions whose version is part of the hash."""
_HASH_DIGITS: Final = 16
_SAID: Final = {"task", "seed", "group", "kinship", "versions"}
_UNHASHED: Final = ("experiment", "summary", "seed", "checkpoint", "logging", "resources")


@dataclass(frozen=True)
class Expert:
    """One expert run that is wanted, made or not."""

    task: str
    """The task's name in the experiment that it is for."""
    purpose: Purpose
    with_components: bool
    config: dict[str, Any]
    """A whole experiment in plain data."""
    versions: dict[str, Any]
    """Of the environment, the reward and the packages."""

    @property
    def seed(self) -> int:
        return int(self.config["seed"])

    @property
    def content(self) -> dict[str, Any]:
        """Everything that decides the run but its seed."""
        plain = {key: value for key, value in self.config.items() if key not in _UNHASHED}
        return {"format": FORMAT, "config": plain, "versions": self.versions}

    @property
    def group(self) -> str:
        """Hash of `content`: the same for all seeds."""
        return _digest(self.content)

    @property
    def key(self) -> str:
        """Hash of `content` and seed: the name of its directory."""
        return _digest({**self.content, "seed": self.seed})

    @property
    def kinship(self) -> str:
        """Hash of `content` without the versions: what tells that only those differ."""
        return _digest({**self.content, "versions": None})

    def as_manifest(self) -> dict[str, Any]:
        """What the manifest of the run says of it."""
        return {
            "task": self.task,
            "seed": self.seed,
            "with_components": self.with_components,
            "group": self.group,
            "key": self.key,
            "kinship": self.kinship,
            "versions": self.versions,
        }


class ExpertStore:
    """The folder of expert runs beside the experiments of one `runs` directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def beside(cls, run: Path) -> ExpertStore:
        """The store that belongs to `<runs>/<experiment>/<variant>/seed-<n>`."""
        return cls(run.absolute().parents[2] / STORE)

    def path_of(self, expert: Expert) -> Path:
        """Where its run is or will be."""
        return self.path / expert.key

    @cached_property
    def runs(self) -> tuple[tuple[dict[str, Any], RunDirectory], ...]:
        """(what its manifest says of the expert, run) of each run, by seed; read once."""
        return tuple(sorted(self._found(), key=lambda one: (one[0]["seed"], one[1].path.name)))

    def _found(self) -> Iterator[tuple[dict[str, Any], RunDirectory]]:
        for path in self.path.glob("*/manifest.json"):
            described = _described(path, path.stat().st_mtime_ns)
            if described is not None:
                yield described, RunDirectory.open(path.parent)

    def group(self, group: str) -> list[RunDirectory]:
        """The runs of one group, complete or not, by seed."""
        return [run for described, run in self.runs if described.get("group") == group]

    def kin(self, expert: Expert) -> list[dict[str, Any]]:
        """What is said of the runs that differ from the wanted one by their versions alone."""
        return [
            described
            for described, _ in self.runs
            if described.get("kinship") == expert.kinship and described["group"] != expert.group
        ]


@lru_cache(maxsize=4096)
def _described(manifest: Path, modified_ns: int) -> dict[str, Any] | None:
    """What a manifest says of the expert; read once until it changes."""
    try:
        described = read_json(manifest).get("expert")
    except UserError:
        # A damaged manifest hides its expert, and no other.
        return None
    complete = isinstance(described, dict) and described.keys() >= _SAID
    return described if complete else None


def experts_of(
    config: Mapping[str, Any],
    *,
    environments: Mapping[str, Any],
    packages: Mapping[str, str],
    with_components: bool = False,
) -> list[Expert]:
    """The experts of an experiment, for each learned task in order of first learning.

    `config` is a resolved configuration in plain data; `environments` and `packages` as in a
    manifest. Raises `KeyError`, `TypeError` or `ValueError` if `config` is no resolved
    configuration.
    """
    learning = _learning_blocks(config["curriculum"])
    found = []
    for task in dict.fromkeys(block["learn"] for block in learning):
        lifetime = _total(block for block in learning if block["learn"] == task)
        first = _total(_first_phase(learning, task))
        budgets: dict[Purpose, list[dict[str, Any]]] = {"lifetime": lifetime}
        if first != lifetime and depends_on_budget(config):
            budgets["first_phase"] = first
        versions = _versions(config["curriculum"]["tasks"][task]["env"], environments, packages)
        for purpose, blocks in budgets.items():
            alone = single_task(config, task, blocks, with_components)
            found.append(Expert(task, purpose, with_components, alone, versions))
    return found


def single_task(
    config: Mapping[str, Any],
    task: str,
    blocks: Sequence[Mapping[str, Any]],
    with_components: bool,
) -> dict[str, Any]:
    """The experiment of one expert, in plain data.

    Without components it is told of its one boundary, birth, so that schedules which begin anew
    with each task begin there.
    """
    described = config["curriculum"]["tasks"][task]
    changes: dict[str, Any] = {
        "experiment": STORE,
        "summary": f"single-task expert: {described['env']}, variant {described['variant']}",
        "curriculum": {
            "name": "single_task",
            "summary": "",
            "visibility": config["curriculum"]["visibility"] if with_components else "labels",
            "backend": config["curriculum"].get("backend", "embedded"),
            # By the same name: evaluations of the two then begin from the same states.
            "tasks": {task: dict(described)},
            "blocks": [{"learn": task, **block} for block in blocks],
            "repeat": 1,
        },
        "evaluation": {
            **config["evaluation"],
            "tasks": "all",
            "at_start": True,
            "at_block_end": True,
            "at_end": True,
        },
    }
    if not with_components:
        changes["agent"] = {**config["agent"], "components": {}, "heads": "single"}
        nothing = {"optimiser": "keep", "buffer": "keep", "exploration": "keep"}
        changes["at_boundary"] = nothing
        changes["schedules"] = _with_restarts(config)
    return {**config, **changes}


def depends_on_budget(config: Mapping[str, Any]) -> bool:
    """Whether some schedule of the learner runs over the length of its life or block."""
    agent, schedules = config["agent"], _with_restarts(config)
    settings, names = agent["settings"], ["learning_rate", "clip_range", "clip_range_vf"]
    varying = {name for name in names if _varies(settings.get(name))}
    scopes = {"clip_range" if name == "clip_range_vf" else name for name in varying}
    if agent["learner"] == "dqn":
        scopes.add("exploration")
    own_period = schedules["period_env_steps"] is not None
    bounded = {"frozen"} | ({"per_task"} if own_period else set())
    return any(schedules[scope] not in bounded for scope in scopes)


def _with_restarts(config: Mapping[str, Any]) -> dict[str, Any]:
    """The schedules; where exploration restarts at boundaries, it runs over each task."""
    schedules = dict(config["schedules"])
    if config["at_boundary"]["exploration"] == "restart" and schedules["exploration"] == "global":
        schedules["exploration"] = "per_task"
    return schedules


def _varies(setting: Any) -> bool:
    return isinstance(setting, Mapping) and setting.get("schedule") == "linear"


def _learning_blocks(curriculum: Mapping[str, Any]) -> list[dict[str, Any]]:
    blocks = [dict(b) for b in curriculum["blocks"] if "learn" in b]
    return blocks * int(curriculum["repeat"])


def _first_phase(learning: Sequence[dict[str, Any]], task: str) -> Iterator[dict[str, Any]]:
    """The task's blocks before another task is learned."""
    begun = False
    for block in learning:
        if block["learn"] == task:
            begun = True
            yield block
        elif begun:
            return


def _total(blocks: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One block per unit of budget, with the sum of its budgets."""
    sums: dict[str, int] = {}
    for block in blocks:
        unit = "env_steps" if "env_steps" in block else "episodes"
        sums[unit] = sums.get(unit, 0) + int(block[unit])
    return [{unit: amount} for unit, amount in sorted(sums.items())]


def _versions(
    env: str, environments: Mapping[str, Any], packages: Mapping[str, str]
) -> dict[str, Any]:
    suite, _, name = env.partition("/")
    if suite not in environments:
        suite, name = "gymnasium", env
    said = environments.get(suite, {})
    return {
        "suite": said.get("version"),
        "reward": said.get("reward_versions", {}).get(name),
        "packages": {package: packages.get(package) for package in PACKAGES},
    }


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(compact_json(content).encode()).hexdigest()[:_HASH_DIGITS]
