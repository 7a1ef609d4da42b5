"""pydantic's complaints -> one message each, at its place in the YAML, with a way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from l2rl.config.document import Node, Path
from l2rl.config.errors import Problem
from l2rl.registry import did_you_mean

_LONGEST_SHOWN = 60

Finding = tuple[Path, str, str]
"""Path in the document, message, hint: a mistake that no single field can know of."""


@dataclass
class Spot:
    """What a location of pydantic's means: in the document, and in the models."""

    path: Path
    """Without the tags that pydantic adds for alternatives."""
    alternatives: list[Any]
    """Types that could stand there."""
    owners: list[type[BaseModel]]
    """Models whose key the last step is."""
    field: FieldInfo | None = None
    """The last field on the way."""


def problems_of(
    error: ValidationError, model: Any, document: Node, base: Path = ()
) -> list[Problem]:
    """All mistakes in `error`, from validating what stands at `base` of `document` as `model`."""
    return [_problem(one, model, document, base) for one in error.errors(include_url=False)]


def located(findings: Iterable[Finding], document: Node) -> list[Problem]:
    """The findings, each at its place in the document."""
    return [
        Problem(document.closest(path).pointer, message, hint) for path, message, hint in findings
    ]


def unknown_key(
    key: str, path: Path, known: Sequence[str], document: Node, elsewhere: str = ""
) -> Problem:
    """`key` is no setting of the mapping at `path`."""
    node = document.closest((*path, key))
    owner = f"`{dotted(path)}`" if path else "an experiment"
    hint = elsewhere or did_you_mean(key, known)
    return Problem(node.key_place or node.place, f"`{key}` is not a setting of {owner}", hint)


def dotted(path: Path) -> str:
    """`curriculum.blocks.0.learn`, as `--set` takes it."""
    return ".".join(str(key) for key in path)


def shown(value: Any) -> str:
    """A value as the user wrote it, shortened."""
    if isinstance(value, bool) or value is None:
        return f"`{str(value).lower() if value is not None else 'null'}`"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


# ---- one complaint -------------------------------------------------------------------------


def _problem(one: Any, model: Any, document: Node, base: Path) -> Problem:
    spot = _spot(model, one["loc"])
    path = (*base, *spot.path)
    if one["type"] == "extra_forbidden":
        key = str(spot.path[-1])
        known = [name for owner in spot.owners for name in owner.model_fields]
        elsewhere = "" if base else _belongs_to(key)
        return unknown_key(key, path[:-1], known, document, elsewhere)
    if one["type"] in {"missing", "missing_argument", "missing_keyword_only_argument"}:
        return _missing(str(spot.path[-1]), path, spot, document)
    place = document.closest(path).pointer
    name = f"`{path[-1]}`" if path else "an experiment"
    if path and isinstance(path[-1], int):
        name = f"item {path[-1]} of `{dotted(path[:-1])}`"
    return Problem(place, *_worded(one, name, spot))


def _missing(key: str, path: Path, spot: Spot, document: Node) -> Problem:
    owner = f"`{dotted(path[:-1])}`" if path[:-1] else "the experiment"
    place = document.closest(path[:-1]).pointer
    return Problem(place, f"{owner} lacks `{key}`", _description(spot, key))


def _worded(one: Any, name: str, spot: Spot) -> tuple[str, str]:
    """(message, hint) of a value that is wrong in itself."""
    kind, value, context = one["type"], one["input"], one.get("ctx") or {}
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        hint = did_you_mean(value, options) if isinstance(value, str) else ""
        return f"{name} is {shown(value)}, not one of {', '.join(options)}", hint
    for pattern, text in _WORDS:
        if re.fullmatch(pattern, kind):
            message = text.format(**{key: _bound(bound) for key, bound in context.items()})
            return f"{name} must be {message}, not {shown(value)}", _description(spot)
    message = one["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    named = message if message.startswith(("a ", "`")) else f"{name}: {_lowered(message)}"
    return named, _description(spot)


_WORDS = [
    ("int_(type|parsing|from_float|parsing_size)", "a whole number"),
    ("float_(type|parsing)", "a number"),
    ("finite_number", "a finite number"),
    ("bool_(type|parsing)", "true or false"),
    ("string_type", "text"),
    ("string_too_short", "not empty"),
    ("list_type|tuple_type|set_type", "a list"),
    ("dict_type|model_type|model_attributes_type|dataclass_type|mapping_type", "a mapping"),
    ("greater_than", "greater than {gt}"),
    ("greater_than_equal", "at least {ge}"),
    ("less_than", "less than {lt}"),
    ("less_than_equal", "at most {le}"),
    ("too_short", "of at least {min_length} entries"),
    ("too_long|string_too_long", "at most {max_length} long"),
    ("auto_or_number", "a number or `auto`"),
    ("span", "two numbers, `[first, last]`"),
]
"""Type of a complaint (a regular expression) -> what the value must be."""


def _bound(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def _description(spot: Spot, key: str | None = None) -> str:
    """First line of the field's docstring."""
    if key is None:
        field = spot.field
    else:
        fields = [owner.model_fields.get(key) for owner in spot.owners]
        field = next((field for field in fields if field is not None), None)
    text = field.description if field is not None else None
    return f"`{key or spot.path[-1]}`: {text.splitlines()[0]}" if text and spot.path else ""


def _belongs_to(key: str) -> str:
    """Where in an experiment `key` would be right, as a hint; empty if nowhere."""
    from l2rl.config.models import AGENTS, ExperimentConfig
    from l2rl.config.settings import SETTINGS

    of = [learner for learner, model in SETTINGS.items() if key in model.model_fields]
    if of:
        return f"`{key}` belongs in `agent.settings` of {' and '.join(of)}"
    of = [learner for learner, model in AGENTS.items() if key in model.model_fields]
    if of:
        whose = "" if len(of) == len(AGENTS) else f" of {' and '.join(of)}"
        return f"`{key}` belongs in `agent`{whose}"
    if key in ExperimentConfig.model_fields:
        return f"`{key}` belongs at the top of the experiment"
    for name, field in ExperimentConfig.model_fields.items():
        section = field.annotation
        # A `name` at the top is meant to be the experiment's, not the curriculum's.
        if isinstance(section, type) and key in set(getattr(section, "model_fields", ())) - {
            "name"
        }:
            return f"`{key}` belongs in `{name}`"
    return ""


# ---- from pydantic's location to ours ------------------------------------------------------


def _spot(model: Any, location: tuple[int | str, ...]) -> Spot:
    spot = Spot((), _alternatives(model), [])
    for step in location:
        if isinstance(step, str) and step.startswith("<") and step.endswith(">"):
            _take_alternative(spot, step[1:-1])
        elif step != "[key]":
            _step_down(spot, step)
    return spot


def _take_alternative(spot: Spot, name: str) -> None:
    """A tag such as `<LearnBlock>`: of the alternatives, that class is meant."""
    chosen = [kind for kind in spot.alternatives if getattr(kind, "__name__", "") == name]
    spot.alternatives = chosen or spot.alternatives


def _step_down(spot: Spot, step: int | str) -> None:
    spot.owners = [kind for kind in spot.alternatives if _is_model(kind)]
    fields = [
        owner.model_fields[step]
        for owner in spot.owners
        if isinstance(step, str) and step in owner.model_fields
    ]
    below = [kind for field in fields for kind in _alternatives(field.annotation)]
    if not fields:
        below = [part for kind in spot.alternatives for part in _items_of(kind)]
    spot.field = fields[0] if fields else (None if spot.owners else spot.field)
    spot.alternatives = below
    spot.path = (*spot.path, step)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _items_of(kind: Any) -> list[Any]:
    """What a container type holds, for `list[...]`, `tuple[...]` and `dict[..., ...]`."""
    arguments = get_args(kind)
    return _alternatives(arguments[-1]) if arguments and get_origin(kind) is not None else []


def _alternatives(kind: Any) -> list[Any]:
    """A type without `Annotated`, aliases, `Union` and `None`: the plain types it can be."""
    if hasattr(kind, "__value__"):  # `type Alias = ...`
        return _alternatives(kind.__value__)
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        return [one for part in get_args(kind) for one in _alternatives(part)]
    return [] if kind is NoneType else [kind]
