"""What was installed when a run was made: part of the manifest, the same on every host."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import distributions


def installed_packages() -> dict[str, str]:
    """`{name: version}` of every installed distribution, names as on PyPI, sorted."""
    return dict(_scan(tuple(sys.path)))


@lru_cache(maxsize=4)
def _scan(search_path: tuple[str, ...]) -> Mapping[str, str]:
    """`search_path` is only the key of the cache: it decides what there is to find."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution.version)
    return dict(sorted(found.items()))


def python_version() -> str:
    """Such as `CPython 3.11.7`."""
    return f"{platform.python_implementation()} {platform.python_version()}"
