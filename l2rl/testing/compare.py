"""Where two nested states differ, bit for bit, and copies that nothing can reach."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Paths at which two nested states differ; NaN equals NaN, a tuple equals a list."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _of_mappings(one, other, path)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other):
            return [f"{path}: {len(one)} and {len(other)} items"]
        pairs = enumerate(zip(one, other, strict=True))
        return [d for i, (a, b) in pairs for d in differences(a, b, f"{path}[{i}]")]
    return [] if _same(one, other) else [path]


def _of_mappings(one: Mapping[Any, Any], other: Mapping[Any, Any], path: str) -> list[str]:
    found = []
    for key in {**one, **other}:
        here = f"{path}.{key}" if path else str(key)
        if key not in one or key not in other:
            found.append(f"{here} (only in one of them)")
        else:
            found += differences(one[key], other[key], here)
    return found


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor | np.ndarray) and isinstance(other, torch.Tensor | np.ndarray):
        first, second = _array(one), _array(other)
        return (
            first.dtype == second.dtype
            and first.shape == second.shape
            and first.tobytes() == second.tobytes()
        )
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (one != one and other != other)
    return bool(one == other)


def _array(value: torch.Tensor | np.ndarray) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


def copied(value: Any) -> Any:
    """A deep copy of nested state, tensors detached."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(item) for item in value]
    return value


def some(paths: list[str], most: int = 3) -> str:
    """The first few of many, for a message."""
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more


def changed_generators(before: tuple[Any, Any, Any], after: tuple[Any, Any, Any]) -> list[str]:
    """Names of the global generators whose states differ."""
    names = ("python's `random`", "numpy's `np.random`", "torch's default generator")
    return [n for n, a, b in zip(names, before, after, strict=True) if a != b]


def generator_states() -> tuple[Any, Any, Any]:
    """States of the three global generators, to be compared."""
    _, keys, *rest = np.random.get_state()  # noqa: NPY002
    numpy_state = (np.asarray(keys).tobytes(), *rest)
    return random.getstate(), numpy_state, torch.get_rng_state().numpy().tobytes()
