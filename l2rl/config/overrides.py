"""`--set agent.components.ewc.strength=100`: one value of the document, from the command line.

A path is keys joined by dots; items of lists are numbers. A component is addressed by its
instance name, or by its type in short or in full (types contain dots). Values are YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from l2rl.config.components import COMPONENTS_PATH
from l2rl.config.document import Node, PathKey, parse
from l2rl.config.errors import ConfigError, Place, Problem, problem_of
from l2rl.config.problems import dotted, shown
from l2rl.errors import UserError
from l2rl.registry import did_you_mean, full_component_name

Normalise = Callable[[], Sequence[Problem]]
"""Makes the spelling of the document uniform; returns what cannot be."""


def apply_overrides(document: Node, overrides: Sequence[str], normalise: Normalise) -> None:
    """Apply one after the other. `normalise` runs before each, so that paths find everything."""
    problems: list[Problem] = []
    for override in overrides:
        problems += normalise()
        try:
            _apply(document, override)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)


def _apply(document: Node, override: str) -> None:
    place = Place(f"--set {override}")
    dotted_path, equals, text = override.partition("=")
    keys = [key.strip() for key in dotted_path.split(".")]
    if not equals or not all(keys):
        raise ConfigError.at(place, "not of the form `path=value`", "such as `--set seed=3`")
    value = _parsed(text, place)
    if tuple(keys[:2]) == COMPONENTS_PATH and len(keys) > 2:
        _set_in_components(document, keys[2:], value, place)
    else:
        _set(document, keys, value, place)


def _parsed(text: str, place: Place) -> Node:
    try:
        return _at_place(parse(text, place.file), place)
    except ConfigError as error:
        raise ConfigError.at(place, error.message, error.hint) from None


def _at_place(node: Node, place: Place) -> Node:
    """The same with every place the command line's: columns inside a value help nobody."""
    node.place = place
    node.key_place = place
    children = node.content if isinstance(node.content, list) else []
    children = list(node.content.values()) if isinstance(node.content, dict) else children
    for child in children:
        _at_place(child, place)
    return node


def _set(node: Node, keys: Sequence[str], value: Node, place: Place) -> None:
    """Walk down, making mappings where there are none; a wrong key is found by validation."""
    walked: tuple[PathKey, ...] = ()
    for key in keys[:-1]:
        _check_step(node, walked, key, place)
        child = node.child(key)
        if child is None or child.content is None:
            child = Node({}, place, place)
            node.content[key] = child
        node, walked = child, (*walked, key)
    _check_step(node, walked, keys[-1], place)
    if isinstance(node.content, list):
        node.content[int(keys[-1])] = value
    else:
        node.content[keys[-1]] = value


def _check_step(node: Node, walked: tuple[PathKey, ...], key: str, place: Place) -> None:
    """Raise unless `key` can be a key, or is an index, of what stands at `walked`."""
    name = f"`{dotted(walked)}`" if walked else "the experiment"
    if isinstance(node.content, dict):
        return
    if not isinstance(node.content, list):
        value = shown(node.plain())
        raise ConfigError.at(place, f"{name} is {value} and has no `{key}` in it")
    if not key.isdecimal() or int(key) >= len(node.content):
        last = len(node.content) - 1
        hint = f"its items are 0 to {last}" if last >= 0 else "it is empty"
        raise ConfigError.at(place, f"{name} is a list and has no item `{key}`", hint)


# ---- components ----------------------------------------------------------------------------


def _set_in_components(document: Node, keys: Sequence[str], value: Node, place: Place) -> None:
    if document.find(COMPONENTS_PATH) is None:
        _set(document, [str(key) for key in COMPONENTS_PATH], Node({}, place, place), place)
    components = document.closest(COMPONENTS_PATH)
    _check_step(components, COMPONENTS_PATH, keys[0], place)
    name, rest = _addressed(components, keys, place)
    if name is not None and rest:
        _set(components.content[name], rest, value, place)
    elif name is not None and value.content is None:
        del components.content[name]
    elif name is not None:
        components.content[name] = _with_type(value, components.content[name])
    else:
        _add(components, ".".join(keys), value, place)


def _addressed(
    components: Node, keys: Sequence[str], place: Place
) -> tuple[str | None, Sequence[str]]:
    """(instance name, path inside it): the longest beginning of the path that names one."""
    for length in range(len(keys), 0, -1):
        word = ".".join(keys[:length])
        if word in components.content:
            return word, keys[length:]
        of_type = [name for name, node in components.content.items() if _is_type(node, word)]
        if len(of_type) > 1:
            hint = f"name one of: {', '.join(of_type)}"
            raise ConfigError.at(place, f"there are {len(of_type)} components `{word}`", hint)
        if of_type:
            return of_type[0], keys[length:]
    return None, ()


def _is_type(node: Node, word: str) -> bool:
    kind = node.child("type")
    full = kind.content if kind is not None else None
    return isinstance(full, str) and word in {full, full.rpartition(".")[2]}


def _with_type(value: Node, old: Node) -> Node:
    """New settings for a listed component: of the same type, unless another is given."""
    kind = old.child("type")
    if isinstance(value.content, dict) and "type" not in value.content and kind is not None:
        value.content["type"] = kind
    return value


def _add(components: Node, word: str, value: Node, place: Place) -> None:
    """A mapping adds a component that is not listed; anything else is a mistake."""
    if isinstance(value.content, dict) and ("type" in value.content or _exists(word, place)):
        components.content[word] = value
        return
    names = list(components.content)
    near = did_you_mean(word.partition(".")[0], names) if names else "no component is listed"
    known = _longest_known(word)
    add = f"\nto add it: `--set agent.components.{known}={{}}`" if known else ""
    raise ConfigError.at(place, f"no component `{known or word}` is listed", near + add)


def _exists(word: str, place: Place) -> bool:
    try:
        return bool(full_component_name(word))
    except UserError as error:
        raise ConfigError(problem_of(place, error)) from None


def _longest_known(word: str) -> str | None:
    """The longest beginning of a path that is the name of a registered component."""
    keys = word.split(".")
    for length in range(len(keys), 0, -1):
        try:
            full_component_name(".".join(keys[:length]))
        except UserError:
            continue
        return ".".join(keys[:length])
    return None
