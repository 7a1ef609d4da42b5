"""Nested state <-> one JSON text and one file of tensors, without pickling anything.

State is made of dicts with string keys, lists, tuples (read back as lists), strings, numbers,
booleans, None, bytes, numpy arrays and tensors. Integers of any size and every float, NaN and
infinities included, come back exactly. Loading executes nothing: tensors are read with
`weights_only=True`.
"""

from __future__ import annotations

import base64
import json
import math
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

# numpy types that torch cannot store travel as integers of the same width.
_AS_SIGNED: Final = {"uint16": "int16", "uint32": "int32", "uint64": "int64"}


# torch raises UnpicklingError for whatever is more than tensors, and does not execute it.
_UNREADABLE: Final = (
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    EOFError,
    pickle.UnpicklingError,
)


class StateError(ValueError):
    """State that cannot be written, or a file that cannot be read back."""


def encode(state: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """(JSON-ready tree, tensors by key). Tensors and arrays are referenced, not copied."""
    tensors: dict[str, torch.Tensor] = {}
    return _encode(state, tensors, "state"), tensors


def _encode(value: Any, tensors: dict[str, torch.Tensor], path: str) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        return _encode(value.item(), tensors, path)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, torch.Tensor):
        return {"$tensor": _keep(value.detach(), tensors)}
    if isinstance(value, np.ndarray):
        return _encode_array(value, tensors, path)
    if isinstance(value, Mapping):
        return _encode_mapping(value, tensors, path)
    if isinstance(value, list | tuple):
        return [_encode(item, tensors, f"{path}[{i}]") for i, item in enumerate(value)]
    raise StateError(f"{path}: a {type(value).__name__} cannot be part of a state")


def _encode_mapping(value: Mapping[Any, Any], tensors: dict[str, torch.Tensor], path: str) -> Any:
    if all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: _encode(item, tensors, f"{path}.{key}") for key, item in value.items()}
    if all(isinstance(key, int) for key in value):
        # Optimisers number their parameters.
        pairs = [[key, _encode(item, tensors, f"{path}.{key}")] for key, item in value.items()]
        return {"$int_keys": pairs}
    raise StateError(f"{path}: the keys of a mapping must all be strings, or all integers")


def _encode_array(value: np.ndarray, tensors: dict[str, torch.Tensor], path: str) -> Any:
    name = value.dtype.name
    if value.dtype.kind not in "biuf":
        raise StateError(f"{path}: an array of dtype {value.dtype} cannot be part of a state")
    plain = np.ascontiguousarray(value)
    if name in _AS_SIGNED:
        plain = plain.view(_AS_SIGNED[name])
    if not plain.flags.writeable:
        plain = plain.copy()
    key = _keep(torch.from_numpy(plain), tensors)
    return {"$array": key, "dtype": name, "shape": list(value.shape)}


def _keep(tensor: torch.Tensor, tensors: dict[str, torch.Tensor]) -> str:
    key = str(len(tensors))
    tensors[key] = tensor
    return key


def decode(tree: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """The inverse of `encode`."""
    if isinstance(tree, list):
        return [decode(item, tensors) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "$tensor" in tree:
        return tensors[tree["$tensor"]]
    if "$array" in tree:
        array = tensors[tree["$array"]].numpy()
        return array.view(tree["dtype"]).reshape(tree["shape"])
    if "$float" in tree:
        return float(tree["$float"])
    if "$bytes" in tree:
        return base64.b64decode(tree["$bytes"])
    if "$int_keys" in tree:
        return {key: decode(item, tensors) for key, item in tree["$int_keys"]}
    return {key: decode(item, tensors) for key, item in tree.items()}


def write_state(state: Any, directory: Path) -> None:
    """Write `state.json` and `tensors.pt` into an existing directory."""
    tree, tensors = encode(state)
    # A view would drag its whole storage into the file.
    compact = {
        key: t.clone() if t.untyped_storage().nbytes() > t.numel() * t.element_size() else t
        for key, t in tensors.items()
    }
    (directory / "state.json").write_text(json.dumps(tree, allow_nan=False), encoding="utf-8")
    torch.save(compact, directory / "tensors.pt")


def read_state(directory: Path) -> Any:
    """Read what `write_state` wrote.

    Raises `StateError` when the files are missing or cannot be read.
    """
    try:
        tree = json.loads((directory / "state.json").read_text(encoding="utf-8"))
        tensors = torch.load(directory / "tensors.pt", weights_only=True, map_location="cpu")
        return decode(tree, tensors)
    except _UNREADABLE as error:
        raise StateError(f"{directory}: cannot be read: {error}") from error
