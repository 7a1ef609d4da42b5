"""JSON Schema of the experiment, for completion and checks in an editor.

Put `# yaml-language-server: $schema=l2rl.schema.json` on top of a YAML file to use it.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from l2rl.config.models import AGENTS, ExperimentConfig
from l2rl.errors import UserError
from l2rl.registry import component_class, component_names, shipped_curricula

_ANYTHING: dict[str, Any] = {"type": ["object", "null"]}


def json_schema() -> dict[str, Any]:
    """The schema, with the settings of every component that can be imported.

    A component that cannot be imported accepts any settings: one broken package does not take
    the editor's help for all others away.
    """
    schema = ExperimentConfig.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    _curriculum_by_name(schema, definitions)
    components = _components(definitions)
    for agent in AGENTS.values():
        definitions[agent.__name__]["properties"]["components"] = components
    # The file's name stands in for it.
    schema["required"].remove("experiment")
    definitions["CurriculumConfig"]["required"].remove("name")
    _bounds_in_standard_words(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


_BOUNDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
}


def _bounds_in_standard_words(schema: Any) -> None:
    """pydantic writes the bounds of a field that has a validator in words of its own."""
    for value in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(value, dict | list):
            _bounds_in_standard_words(value)
    if isinstance(schema, dict):
        for own, standard in _BOUNDS.items():
            if isinstance(schema.get(own), int | float):
                schema[standard] = schema.pop(own)


def _curriculum_by_name(schema: dict[str, Any], definitions: dict[str, Any]) -> None:
    inline = schema["properties"]["curriculum"]
    schema["properties"]["curriculum"] = {
        "description": inline.pop("description", ""),
        "anyOf": [inline, {"type": "string", "examples": list(shipped_curricula())}],
    }


def _components(definitions: dict[str, Any]) -> dict[str, Any]:
    """A mapping name -> settings, or a list of names and one-key mappings."""
    mapping = {
        "type": "object",
        "properties": _known_components(definitions),
        # `package.module:Class`, settings unknown.
        "patternProperties": {":": _ANYTHING},
        # Any other key is an instance name, and then says what it is.
        "additionalProperties": {
            "anyOf": [{"type": "object", "required": ["type"]}, {"type": "null"}]
        },
    }
    names = list(mapping["properties"])
    item = {"anyOf": [{"type": "string", "examples": names}, {**mapping, "maxProperties": 1}]}
    return {
        "description": "Components of the agent; their order never matters.",
        "anyOf": [mapping, {"type": "array", "items": item}, {"type": "null"}],
    }


def _known_components(definitions: dict[str, Any]) -> dict[str, Any]:
    """Full and (where unique) short name -> schema of the settings."""
    full = component_names()
    short = [name.rpartition(".")[2] for name in full]
    found: dict[str, Any] = {}
    for name, brief in zip(full, short, strict=True):
        found[name] = _settings_schema(name, definitions)
        if short.count(brief) == 1 and brief not in full:
            found[brief] = found[name]
    return found


def _settings_schema(name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Schema of one component's settings, with `type` allowed beside them."""
    try:
        cls = component_class(name)
        schema = TypeAdapter(cls.Config).json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    except UserError:
        return _ANYTHING
    except Exception:  # an outside author's Config may fail in any way
        return _ANYTHING
    for inner, definition in schema.pop("$defs", {}).items():
        definitions[f"{name}.{inner}"] = definition
    if "properties" in schema or schema.get("type") == "object":
        schema.setdefault("properties", {})["type"] = {"type": "string", "const": name}
        schema.setdefault("description", (cls.__doc__ or name).strip().splitlines()[0])
    definitions[name] = schema
    other = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"not": {"const": name}}},
    }
    return {"anyOf": [{"$ref": f"#/$defs/{name}"}, other, {"type": "null"}]}
