"""A run's resolved configuration as plain data, even where its components are not installed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from l2rl.errors import UserError


def resolved_config(path: Path) -> Mapping[str, Any]:
    """What a run's config.yaml says; not to be changed. Raises `UserError` if it says nothing."""
    try:
        content = _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, YAMLError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"{path} cannot be read ({reason})") from None
    if not isinstance(content, Mapping):
        raise UserError(f"{path} is not a mapping")
    return content


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    # Several readers ask for the same file, and parsing YAML takes longer than most metrics.
    return YAML(typ="safe", pure=True).load(text)
