"""Names of tasks: what each one stands for, and what is wrong with those that stand for none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from l2rl.config.document import Path
from l2rl.config.problems import Finding
from l2rl.config.tasks import ALL, TaskConfig, TaskGroupConfig
from l2rl.errors import UserError
from l2rl.registry import did_you_mean, environment_address, environment_suite

T = TypeVar("T")
TASKS: Path = ("curriculum", "tasks")


@dataclass(frozen=True)
class KnownTasks:
    """All tasks of a curriculum, and names that stand for several of them."""

    tasks: Mapping[str, TaskConfig]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> names of its tasks."""

    def members(self, name: str) -> tuple[str, ...]:
        """What a known name stands for."""
        return self.groups.get(name, (name,))

    def named(self, names: Sequence[str] | str) -> tuple[str, ...]:
        """The tasks that `all`, or a list of known names, stands for."""
        if isinstance(names, str):
            return tuple(self.tasks)
        return tuple(task for name in names for task in self.members(name))

    def values(self, given: T | Mapping[str, T], tasks: Sequence[str]) -> dict[str, T]:
        """A value for each of `tasks`: one for all, or by name; a task's own comes first."""
        if not isinstance(given, Mapping):
            return dict.fromkeys(tasks, given)
        of_group = {m: v for name, v in given.items() for m in self.groups.get(name, ())}
        every = {**of_group, **given}
        return {task: every[task] for task in tasks if task in every}

    # ---- mistakes ------------------------------------------------------------------------

    def unknown(self, path: Path, name: str) -> Iterator[Finding]:
        """A name that stands for nothing."""
        if name not in self.tasks and name not in self.groups:
            hint = did_you_mean(name, [*self.groups, *self.tasks])
            yield path, f"the curriculum has no task `{name}`", hint

    def wrong_name(self, path: Path, name: str) -> Iterator[Finding]:
        """A name that does not stand for one task."""
        yield from self.unknown(path, name)
        if name in self.groups:
            members = self.groups[name]
            hint = f"choose one: {', '.join(members)}"
            yield path, f"`{name}` stands for {len(members)} tasks, and one is needed", hint

    def wrong_names(self, path: Path, names: Sequence[str] | str) -> Iterator[Finding]:
        """Names in a list that stand for nothing, or for a task that another stands for."""
        if isinstance(names, str):
            return
        seen: set[str] = set()
        for index, name in enumerate(names):
            yield from self.unknown((*path, index), name)
            for task in self.members(name):
                if task in seen:
                    yield (*path, index), f"task `{task}` is named twice", "name each task once"
                seen.add(task)

    def wrong_values(
        self, path: Path, given: object | Mapping[str, object], tasks: Sequence[str]
    ) -> Iterator[Finding]:
        """Names in a mapping that stand for nothing, and tasks that have no value there."""
        if not isinstance(given, Mapping):
            return
        for name in given:
            yield from self.unknown((*path, name), name)
        missing = [task for task in tasks if task not in self.values(given, tasks)]
        if missing:
            yield path, f"`{path[-1]}` lacks task `{missing[0]}`", "give one value, or one for each"


# ---- groups --------------------------------------------------------------------------------


def known_tasks(
    entries: Mapping[str, TaskConfig | TaskGroupConfig],
) -> tuple[KnownTasks, list[Finding]]:
    """Every task under its full name, and what is wrong with how they are written."""
    tasks: dict[str, TaskConfig] = {}
    groups: dict[str, tuple[str, ...]] = {}
    findings = [finding for name in entries for finding in _unusable(name)]
    for name, entry in entries.items():
        if isinstance(entry, TaskConfig):
            members = {name: entry}
        else:
            variants, wrong = _variants(name, entry)
            findings += wrong
            members = {f"{name}_{v}": _of_variant(entry, v) for v in variants}
            groups[name] = tuple(members)
        for member in members:
            if member in tasks:
                hint = "rename one of them"
                findings.append(((*TASKS, name), f"two tasks are called `{member}`", hint))
        tasks.update(members)
    return KnownTasks(tasks, groups), findings


def _unusable(name: str) -> Iterator[Finding]:
    if name == ALL or not name.strip():
        message = f"a task cannot be called `{name}`"
        yield (*TASKS, name), message, "`all` means every task: choose another"


def _of_variant(group: TaskGroupConfig, variant: str) -> TaskConfig:
    return TaskConfig(env=group.env, variant=variant, parameters=dict(group.parameters))


def _variants(name: str, group: TaskGroupConfig) -> tuple[tuple[str, ...], list[Finding]]:
    """The variants that are meant, as far as the suite has them."""
    try:
        known = variants_of(group.env)
    except UserError as error:
        message, _, hint = str(error).partition("\n")
        return (), [((*TASKS, name, "env"), message, hint.strip())]
    if isinstance(group.variants, str):
        return known, []
    findings: list[Finding] = []
    for index, variant in enumerate(group.variants):
        path = (*TASKS, name, "variants", index)
        if variant not in known:
            message = f"task `{group.env}` has no variant `{variant}`"
            findings.append((path, message, did_you_mean(variant, known)))
        elif variant in group.variants[:index]:
            findings.append((path, f"variant `{variant}` is named twice", "name each once"))
    return tuple(v for v in dict.fromkeys(group.variants) if v in known), findings


def variants_of(env: str) -> tuple[str, ...]:
    """Names of the variants of an environment. Raises `UserError` for one that is unknown."""
    prefix, name = environment_address(env)
    tasks = environment_suite(prefix).tasks()
    if tasks and name not in tasks:
        raise UserError(f"{prefix} has no task `{name}`\n  {did_you_mean(name, tasks)}")
    return tuple(tasks[name].variants) if tasks else ("default",)
