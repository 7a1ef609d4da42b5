"""YAML text -> a tree of plain values in which every key and value knows its place.

The tree is made from ruamel.yaml's node graph, not from its Python objects: the graph still has
the marks of scalars and both places of a duplicate key, and nothing in the text can choose what
gets built. Numbers, booleans and null are those of YAML 1.2 (`yes` and `on` are words).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from l2rl.config.errors import ConfigError, Place

MAXIMUM_BYTES = 20_000_000
"""The longest curriculum, written out in a run's `config.yaml`, has half of that."""
MAXIMUM_VALUES = 100_000
"""After aliases are written out: a few lines of aliases to aliases can mean billions. A long file
may have one for each `BYTES_PER_VALUE`, fewer than values take when they are written."""
BYTES_PER_VALUE = 6
MAXIMUM_DEPTH = 50

PathKey = str | int
Path = tuple[PathKey, ...]
"""From the root to a node, such as `("curriculum", "blocks", 0, "learn")`."""

_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS = {_TAG + kind for kind in ("str", "null", "bool", "int", "float", "timestamp")}


@dataclass
class Node:
    """One value of a document."""

    content: Any
    """A str, int, float, bool or None; or `dict[str, Node]`; or `list[Node]`."""
    place: Place
    key_place: Place | None = None
    """Where its key stands, for the value of a mapping."""

    @property
    def pointer(self) -> Place:
        """The place to show: of a mapping or a list its key, of anything else the value."""
        if self.key_place is not None and isinstance(self.content, dict | list):
            return self.key_place
        return self.place

    def plain(self) -> Any:
        """The value without places: dicts, lists and scalars."""
        if isinstance(self.content, dict):
            return {key: child.plain() for key, child in self.content.items()}
        if isinstance(self.content, list):
            return [child.plain() for child in self.content]
        return self.content

    def child(self, key: PathKey) -> Node | None:
        """The node one step down, or None."""
        if isinstance(self.content, dict):
            found = self.content.get(str(key))
            return found if isinstance(found, Node) else None
        if isinstance(self.content, list) and str(key).isdecimal():
            return self.content[int(key)] if int(key) < len(self.content) else None
        return None

    def find(self, path: Sequence[PathKey]) -> Node | None:
        """The node at `path`, or None."""
        node: Node | None = self
        for key in path:
            node = node.child(key) if node is not None else None
        return node

    def closest(self, path: Sequence[PathKey]) -> Node:
        """The node at `path`, or the last one on the way there."""
        node = self
        for key in path:
            below = node.child(key)
            if below is None:
                break
            node = below
        return node


def parse(text: str | bytes, file: str) -> Node:
    """The document in `text`; every mistake in it is a `ConfigError` at its place in `file`."""
    if len(text) > MAXIMUM_BYTES:
        raise ConfigError.at(Place(file), f"larger than {MAXIMUM_BYTES} bytes: no configuration")
    text = _decode(text, file) if isinstance(text, bytes) else text
    root = _compose(text, file)
    if root is None:
        return Node(None, Place(file, 1, 1))
    return _Builder(file, max(MAXIMUM_VALUES, len(text) // BYTES_PER_VALUE)).build(root, (), None)


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        raise ConfigError.at(
            _place_after(before, file), "not UTF-8 text", "save the file with encoding UTF-8"
        ) from None


def _compose(text: str, file: str) -> Any:
    """ruamel's node graph; its complaints translated."""
    yaml = YAML(typ="rt", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        return yaml.compose(text)
    except ReaderError as error:
        place = _place_after(text[: error.position], file)
        raise ConfigError.at(place, "a character that YAML does not allow") from None
    except MarkedYAMLError as error:
        raise _syntax_error(error, file) from None
    except RecursionError:
        raise ConfigError.at(Place(file), "nested too deeply") from None
    except (YAMLError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        # ruamel stumbles over some malformed texts (directives, tags) with errors of its own.
        raise ConfigError.at(Place(file), f"not valid YAML: {error}") from None


def _place_after(before: str, file: str) -> Place:
    lines = before.split("\n")
    return Place(file, len(lines), len(lines[-1]) + 1)


_SYNTAX_HINTS = {
    "cannot start any token": "indent with spaces, never with tabs; quote words with a symbol",
    "mapping values are not allowed": "a colon is missing or too many, or the indentation is off",
    "could not find expected ':'": "write `key: value`, with a space after the colon",
    "expected <block end>": "indent all keys of one mapping alike, and all items of one list",
    "another document": "one file holds one document: take out the `---`",
    "undefined alias": "an alias `*name` needs an anchor `&name` above it",
    "end of stream": "a quote is not closed",
    "flow": "a bracket or a comma is missing",
}


def _syntax_error(error: MarkedYAMLError, file: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark is not None else Place(file)
    problem, context = str(error.problem or ""), str(error.context or "")
    hints = (hint for key, hint in _SYNTAX_HINTS.items() if key in f"{problem} {context}")
    during = f" {context}" if context else ""
    return ConfigError.at(place, f"not valid YAML: {problem}{during}", next(hints, ""))


class _Builder:
    """ruamel's graph -> `Node` tree, with aliases and merge keys written out."""

    def __init__(self, file: str, most_values: int) -> None:
        self.file, self.most_values = file, most_values
        self.count = 0

    def build(self, raw: Any, above: tuple[int, ...], key_place: Place | None) -> Node:
        """`above`: identities of the nodes on the way, to notice an alias to an ancestor."""
        place = self.place(raw)
        self.count += 1
        if id(raw) in above:
            raise ConfigError.at(key_place or place, "an alias to something that contains it")
        if self.count > self.most_values or len(above) > MAXIMUM_DEPTH:
            raise ConfigError.at(
                key_place or place, "too many values or too deeply nested for a configuration"
            )
        if isinstance(raw, ScalarNode):
            # An empty value has its mark on the next line, where nobody would look for it.
            shown = key_place if raw.value == "" and not raw.style and key_place else place
            return Node(self.scalar(raw, shown), shown, key_place)
        self.check_tag(raw, {_TAG + "map", _TAG + "seq", _TAG + "omap"}, place)
        if isinstance(raw, MappingNode):
            return Node(self.mapping(raw, (*above, id(raw))), place, key_place)
        return Node(self.sequence(raw, (*above, id(raw))), place, key_place)

    def sequence(self, raw: SequenceNode, above: tuple[int, ...]) -> list[Node]:
        return [self.build(item, above, None) for item in raw.value]

    def mapping(self, raw: MappingNode, above: tuple[int, ...]) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for raw_key, raw_value in raw.value:
            key, place = self.key(raw_key), self.place(raw_key)
            if raw_key.tag == _TAG + "merge":
                merged = {**self.merge(raw_value, above, place), **merged}
                continue
            if key in own:
                raise ConfigError.at(
                    place,
                    f"`{key}` is given twice",
                    f"the first is at {own[key].key_place}: keep one of them",
                )
            own[key] = self.build(raw_value, above, place)
        return {**merged, **own}

    def merge(self, raw: Any, above: tuple[int, ...], place: Place) -> dict[str, Node]:
        """`<<: *one` or `<<: [*one, *two]`, earlier ones winning."""
        found: dict[str, Node] = {}
        for part in raw.value if isinstance(raw, SequenceNode) else [raw]:
            if not isinstance(part, MappingNode):
                raise ConfigError.at(place, "`<<` merges mappings only")
            found = {**self.build(part, above, place).content, **found}
        return found

    def key(self, raw: Any) -> str:
        if not isinstance(raw, ScalarNode):
            raise ConfigError.at(self.place(raw), "a key must be a word, not a list or a mapping")
        self.check_text(raw.value, self.place(raw))
        return str(raw.value)

    def scalar(self, raw: ScalarNode, place: Place) -> Any:
        self.check_tag(raw, _SCALAR_TAGS, place)
        self.check_text(raw.value, place)
        kind = str(raw.tag).removeprefix(_TAG)
        try:
            return _SCALARS[kind](raw.value)
        except (ValueError, OverflowError):
            raise ConfigError.at(place, f"`{raw.value[:40]}` is not a usable {kind}") from None

    def check_tag(self, raw: Any, known: set[str], place: Place) -> None:
        if raw.tag is not None and raw.tag not in known:
            raise ConfigError.at(
                place, f"the tag `{raw.tag}` is not allowed", "write plain values without `!tags`"
            )

    def check_text(self, text: str, place: Place) -> None:
        if any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
            raise ConfigError.at(place, "half of a character (a lone surrogate)")

    def place(self, raw: Any) -> Place:
        return Place(self.file, raw.start_mark.line + 1, raw.start_mark.column + 1)


def _bool(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _int(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").replace("_", "")
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2].lower(), 10)
    value = sign * int(digits[2:] if base != 10 else digits, base)
    if abs(value) >= 2**63:
        raise OverflowError(text)
    return value


def _float(text: str) -> float:
    text = text.replace("_", "").lower()
    special = {".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}
    return special[text] if text in special else float(text)


_SCALARS: dict[str, Callable[[str], str | int | float | None]] = {
    "str": str,
    "timestamp": str,
    "null": lambda text: None,
    "bool": _bool,
    "int": _int,
    "float": _float,
}
