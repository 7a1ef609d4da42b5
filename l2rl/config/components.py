"""The `components` of an agent: their spelling made uniform, their settings checked.

Each component's settings are validated against the attribute `Config` of its class: a pydantic
model or a dataclass.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import InitErrorDetails

from l2rl.config.document import Node, Path
from l2rl.config.errors import Problem, problem_of
from l2rl.config.fields import SCIENTIFIC, WORDS_OF_TRUTH
from l2rl.config.problems import problems_of, shown, unknown_key
from l2rl.errors import UserError
from l2rl.registry import component_class, full_component_name

COMPONENTS_PATH: Path = ("agent", "components")
_INSTANCE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")
_SCALAR_ERRORS = {"int_type", "float_type", "bool_type"}


@dataclass(frozen=True)
class ConfiguredComponent:
    """One component as the experiment wants it: `cls(config)` builds it."""

    name: str
    """Instance name: the key in the YAML as written."""
    kind: str
    """Its type: full name, or `package.module:Class`."""
    cls: type[Any]
    config: Any
    """An instance of `cls.Config`; None if the class has none."""
    settings: dict[str, Any]
    """`config` as plain data, defaults filled in."""


# ---- spelling ------------------------------------------------------------------------------


def normalise_components(document: Node) -> list[Problem]:
    """Turn lists into mappings and give each entry its full `type`; returns what is wrong.

    Entries that cannot be repaired are taken out, so that each mistake is told once.
    """
    node = document.find(COMPONENTS_PATH)
    if node is None:
        return []
    if node.content is None:
        node.content = {}
    problems = _list_to_mapping(node) if isinstance(node.content, list) else []
    if isinstance(node.content, dict):
        for name in list(node.content):
            problem = _complete(name, node.content[name])
            if problem is not None:
                del node.content[name]
                problems.append(problem)
    return problems


def _list_to_mapping(node: Node) -> list[Problem]:
    """`[ewc, {detection.loss_deviation: {}}]` -> a mapping, in place."""
    problems: list[Problem] = []
    found: dict[str, Node] = {}
    for item in node.content:
        entry = _entry_of(item)
        if entry is None:
            problems.append(
                Problem(item.pointer, "a component is listed as `- name` or `- name: {settings}`")
            )
        elif entry[0] in found:
            first = found[entry[0]].key_place
            hint = f"also at {first}; for two of a kind give names: `my_name: {{type: {entry[0]}}}`"
            problems.append(Problem(item.place, f"`{entry[0]}` is listed twice", hint))
        else:
            found[entry[0]] = entry[1]
    node.content = found
    return problems


def _entry_of(item: Node) -> tuple[str, Node] | None:
    if isinstance(item.content, str):
        return item.content, Node({}, item.place, item.place)
    if isinstance(item.content, dict) and len(item.content) == 1:
        return next(iter(item.content.items()))
    return None


def _complete(name: str, node: Node) -> Problem | None:
    """Give the entry its full `type`, or say why that is impossible."""
    place = node.key_place or node.place
    if node.content is None:
        node.content = {}
    if not isinstance(node.content, dict):
        return Problem(
            node.place, f"settings of `{name}` must be a mapping, not {shown(node.plain())}"
        )
    if not _INSTANCE_NAME.fullmatch(name):
        return Problem(place, f"`{name}` is no name for a component", "use letters, digits and `_`")
    kind = node.content.get("type")
    if kind is not None and not isinstance(kind.content, str):
        return Problem(kind.pointer, f"`type` of `{name}` must be the name of a component")
    try:
        full = full_component_name(name if kind is None else kind.content)
    except UserError as error:
        return _unknown_component(name, place, kind, error)
    at = place if kind is None else kind.place
    node.content = {"type": Node(full, at, at), **_without_type(node.content)}
    return None


def _unknown_component(name: str, place: Any, kind: Node | None, error: UserError) -> Problem:
    problem = problem_of(place if kind is None else kind.place, error)
    if kind is None:
        way = f"for an instance name of your own: `{name}: {{type: ...}}`"
        return dataclasses.replace(problem, hint=f"{problem.hint}\n{way}")
    return problem


def _without_type(content: dict[str, Node]) -> dict[str, Node]:
    return {key: value for key, value in content.items() if key != "type"}


# ---- settings ------------------------------------------------------------------------------


def configure(
    name: str, kind: str, settings: dict[str, Any], document: Node
) -> tuple[ConfiguredComponent | None, list[Problem]]:
    """Import the class and validate `settings` against its `Config`."""
    path: Path = (*COMPONENTS_PATH, name)
    place = document.closest((*path, "type")).pointer
    try:
        cls = component_class(kind)
        model = getattr(cls, "Config", None)
        config, problems = _validated(model, settings, document, path)
        if problems:
            return None, problems
        plain = _plain(model, config)
    except UserError as error:
        return None, [problem_of(place, error)]
    except Exception as error:  # a mistake in the author's Config, whatever it raises
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return None, [Problem(place, f"the Config of component `{kind}` fails: {reason}")]
    return ConfiguredComponent(name, kind, cls, config, plain), []


def _validated(
    model: Any, settings: dict[str, Any], document: Node, path: Path
) -> tuple[Any, list[Problem]]:
    if model is None:
        return None, [unknown_key(key, path, [], document) for key in settings]
    adapter = _adapter(model)
    known = _known_names(model)
    unknown = [key for key in settings if known is not None and key not in known]
    problems = [unknown_key(key, path, sorted(known or ()), document) for key in unknown]
    given = {key: value for key, value in settings.items() if key not in unknown}
    try:
        config = adapter.validate_python(given)
    except ValidationError as error:
        return None, problems + problems_of(error, model, document, path)
    return config, problems + _misread_scalars(adapter, given, model, document, path)


def _adapter(model: Any) -> TypeAdapter[Any]:
    if not _is_pydantic(model) and not dataclasses.is_dataclass(model):
        raise UserError(f"its Config is {model!r}\n  make it a pydantic model or a dataclass")
    try:
        return TypeAdapter(model)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        raise UserError(f"its Config cannot be checked: {str(error).splitlines()[0]}") from error


def _known_names(model: Any) -> set[str] | None:
    """Keys that the Config takes; None if it takes any."""
    if _is_pydantic(model):
        if model.model_config.get("extra") == "allow":
            return None
        fields = model.model_fields.items()
        return {name for name, _ in fields} | {f.alias for _, f in fields if f.alias}
    return {field.name for field in dataclasses.fields(model) if field.init}


def _is_pydantic(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)


def _misread_scalars(
    adapter: TypeAdapter[Any], given: dict[str, Any], model: Any, document: Node, path: Path
) -> list[Problem]:
    """Complaints about quoted numbers and truth values as numbers, which pydantic lets pass."""
    try:
        # As JSON, because a strict dataclass takes no mapping, and a strict tuple no list.
        adapter.validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        wrong = [
            InitErrorDetails(type=one["type"], loc=one["loc"], input=one["input"])
            for one in error.errors()
            if one["type"] in _SCALAR_ERRORS and not _forgivable(one["type"], one["input"])
        ]
        chosen = ValidationError.from_exception_data(error.title, wrong)
        return problems_of(chosen, model, document, path)
    return []


def _forgivable(kind: str, value: Any) -> bool:
    if isinstance(value, str):
        words = value.lower() in WORDS_OF_TRUTH
        return words if kind == "bool_type" else SCIENTIFIC.fullmatch(value) is not None
    return not isinstance(value, bool) and kind != "bool_type"


def _plain(model: Any, config: Any) -> dict[str, Any]:
    """The settings as they go into the resolved configuration."""
    if model is None:
        return {}
    plain = _adapter(model).dump_python(config, mode="json", by_alias=True, round_trip=True)
    if "type" in plain:
        raise UserError("its Config has a setting `type`, which is reserved\n  rename the setting")
    return dict(plain)
