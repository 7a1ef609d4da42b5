"""Entry points -> components, environment suites and shipped YAML; nothing is imported to list it.

Five groups, open to every installed distribution:

* `l2rl.components`: `consolidation.ewc` -> a `Component` class;
* `l2rl.envs`: `minigames` -> an `EnvironmentSuite` instance;
* `l2rl.metrics`: `mine` -> a function of a `RunLog` (`l2rl.metrics.registry`);
* `l2rl.curricula` and `l2rl.experiments`: any name -> a package whose `*.yaml` files are meant.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.resources
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l2rl.errors import UserError

if TYPE_CHECKING:
    from l2rl.environments import EnvironmentSuite

COMPONENTS = "l2rl.components"
SUITES = "l2rl.envs"
METRICS = "l2rl.metrics"
CURRICULA = "l2rl.curricula"
EXPERIMENTS = "l2rl.experiments"

_MOST_NAMES_LISTED = 15


# ---- names ---------------------------------------------------------------------------------


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The option most like `word` (letter case aside), or None if nothing is near."""
    folded = {option.casefold(): option for option in options}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """A hint: the nearest right name, otherwise all right names."""
    names = list(dict.fromkeys(options))
    near = nearest(word, names)
    if near is not None:
        return f"did you mean `{near}`?"
    if not names:
        return "there are none to choose from"
    more = ", ..." if len(names) > _MOST_NAMES_LISTED else ""
    return "known: " + ", ".join(names[:_MOST_NAMES_LISTED]) + more


def component_names() -> tuple[str, ...]:
    """Full names of all registered components, sorted."""
    return tuple(_registered(COMPONENTS))


def suite_names() -> tuple[str, ...]:
    """Names of all registered environment suites, sorted."""
    return tuple(_registered(SUITES))


def distribution_of(group: str, name: str) -> str:
    """`name version` of the distribution that registers `name`, for lists and manifests."""
    return " and ".join(_distribution(point) for point in _registered(group).get(name, ()))


# ---- components ----------------------------------------------------------------------------


def is_import_string(name: str) -> bool:
    """Whether a component type is `package.module:Class` rather than a registered name."""
    return ":" in name


def full_component_name(name: str) -> str:
    """`ewc` -> `consolidation.ewc`; full names and import strings stay as they are.

    Raises `UserError` if nothing is called so, or several components are.
    """
    names = component_names()
    if is_import_string(name) or name in names:
        return name
    candidates = [full for full in names if full.rpartition(".")[2] == name]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise UserError(
            f"`{name}` is the name of {len(candidates)} components\n"
            f"  write one of: {', '.join(candidates)}"
        )
    raise UserError(f"there is no component `{name}`\n  {_component_hint(name, names)}")


def component_class(name: str) -> type[Any]:
    """The class behind a full name, a unique short name, or `package.module:Class`.

    Raises `UserError` when unknown, ambiguous, registered twice, or when its import fails.
    """
    if is_import_string(name):
        found = _import(EntryPoint(name, name, COMPONENTS), f"component `{name}`")
    else:
        full = full_component_name(name)
        found = _import(_only(COMPONENTS, full), f"component `{full}`")
    if not isinstance(found, type):
        raise UserError(f"component `{name}` is a {type(found).__name__}, not a class")
    return found


def _component_hint(name: str, names: Iterable[str]) -> str:
    """The nearest component by full or by short name."""
    full = list(names)
    short = {option.rpartition(".")[2]: option for option in full}
    near = nearest(name, [*full, *short])
    return f"did you mean `{short.get(near, near)}`?" if near else did_you_mean(name, full)


# ---- environments --------------------------------------------------------------------------


def environment_suite(name: str) -> EnvironmentSuite:
    """The suite registered as `name`; raises `UserError` as `component_class` does."""
    from l2rl.environments import EnvironmentSuite

    if name not in _registered(SUITES):
        raise UserError(
            f"there is no environment suite `{name}`\n  {did_you_mean(name, suite_names())}"
        )
    suite = _import(_only(SUITES, name), f"environment suite `{name}`")
    if not isinstance(suite, EnvironmentSuite):
        raise UserError(f"environment suite `{name}` is not an EnvironmentSuite instance")
    return suite


def environment_address(env: str) -> tuple[str, str]:
    """`minigames/MoveToBeacon` -> `("minigames", "MoveToBeacon")`; else a Gymnasium id.

    Raises `UserError` if what stands before the slash is a misspelt suite.
    """
    prefix, slash, task = env.partition("/")
    if slash and prefix in _registered(SUITES):
        return prefix, task
    near = nearest(prefix, suite_names()) if slash else None
    if near is not None:
        raise UserError(
            f"there is no environment suite `{prefix}`\n  did you mean `{near}/{task}`?"
        )
    return "gymnasium", env


# ---- metrics -------------------------------------------------------------------------------


def metric_family_names() -> tuple[str, ...]:
    """Names of all families of metrics that other distributions register, sorted."""
    return tuple(_registered(METRICS))


def metric_family(name: str) -> Any:
    """What is registered as that family; raises `UserError` as `component_class` does."""
    found = _import(_only(METRICS, name), f"metric family `{name}`")
    if not callable(found):
        raise UserError(f"metric family `{name}` is a {type(found).__name__}, not a function")
    return found


# ---- shipped YAML --------------------------------------------------------------------------


def shipped_curricula() -> dict[str, Path]:
    """Name -> file of every curriculum that an installed distribution ships."""
    return {name: paths[0] for name, paths in _shipped(CURRICULA).items()}


def shipped_experiments() -> dict[str, Path]:
    """Name -> file of every experiment that an installed distribution ships."""
    return {name: paths[0] for name, paths in _shipped(EXPERIMENTS).items()}


def shipped_file(group: str, name: str) -> Path:
    """The one file shipped as `name`; raises `UserError` when unknown or shipped twice."""
    kind = "curriculum" if group == CURRICULA else "experiment"
    shipped = _shipped(group)
    paths = shipped.get(name, [])
    if not paths:
        raise UserError(f"no {kind} is called `{name}`\n  {did_you_mean(name, shipped)}")
    if len(paths) > 1:
        places = ", ".join(str(path) for path in paths)
        raise UserError(f"{kind} `{name}` is shipped more than once\n  give the path: {places}")
    return paths[0]


def _shipped(group: str) -> dict[str, list[Path]]:
    """Name -> files. A package that cannot be imported ships nothing, and stops nobody else."""
    found: dict[str, list[Path]] = {}
    for points in _registered(group).values():
        for point in points:
            for path in _yaml_files(point.value):
                found.setdefault(path.stem, []).append(path)
    return dict(sorted(found.items()))


def _yaml_files(package: str) -> list[Path]:
    try:
        entries = importlib.resources.files(package).iterdir()
        files = [Path(str(entry)) for entry in entries if entry.name.endswith((".yaml", ".yml"))]
    except Exception:  # whatever an outside package raises on import
        return []
    return sorted(set(files))


# ---- entry points --------------------------------------------------------------------------


def _registered(group: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Name -> entry points of that name, sorted by name; more than one is a clash."""
    return _scan(group, tuple(sys.path))


@functools.lru_cache(maxsize=32)
def _scan(group: str, search_path: tuple[str, ...]) -> Mapping[str, tuple[EntryPoint, ...]]:
    """`search_path` is only the key of the cache: it decides what there is to find."""
    found: dict[str, dict[tuple[str, str], EntryPoint]] = {}
    for point in entry_points(group=group):
        # An editable install next to its own sources is seen twice, and is still one thing.
        found.setdefault(point.name, {})[_distribution(point), point.value] = point
    return {name: tuple(found[name].values()) for name in sorted(found)}


def _only(group: str, name: str) -> EntryPoint:
    """The entry point of that name; raises `UserError` if two distributions claim it."""
    points = _registered(group)[name]
    if len(points) > 1:
        owners = ", ".join(f"{_distribution(p)} ({p.value})" for p in points)
        raise UserError(f"`{name}` is registered more than once\n  uninstall all but one: {owners}")
    return points[0]


def _import(point: EntryPoint, what: str) -> Any:
    """Import the target; whatever goes wrong in there becomes one `UserError`."""
    try:
        return point.load()
    except Exception as error:
        owner = f" of {_distribution(point)}" if point.dist is not None else ""
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise UserError(
            f"{what}{owner} cannot be imported from `{point.value}`: {reason}\n"
            f"  {_import_hint(point, error)}"
        ) from error


def _import_hint(point: EntryPoint, error: Exception) -> str:
    if point.dist is not None:
        return f"reinstall or update {point.dist.name}, or take the component out"
    if isinstance(error, ModuleNotFoundError) and Path(f"{point.module.split('.')[0]}.py").exists():
        return "the file is here but not importable: run with `PYTHONPATH=.`"
    return "write `package.module:Class`, with the package installed or on PYTHONPATH"


def _distribution(point: EntryPoint) -> str:
    if point.dist is None:
        return "an unknown distribution"
    return f"{point.dist.name} {point.dist.version}"
