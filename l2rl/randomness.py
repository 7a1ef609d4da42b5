"""Every random number of a run comes from a generator derived from (seed, name).

Two things follow. A component that draws numbers never shifts the draws of another, so adding
one changes only what it means to change. And a run is reproducible from its seed alone.

The global generators of Python, numpy and torch belong to the learner: Stable-Baselines3 draws
from them, and being bit-identical to it means drawing the same numbers in the same order. Nobody
else touches them; `forked_generators` lends them out and puts them back.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def derive_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed that depends on every part: `derive_seed(0, "evaluation", "beacon", 3)`."""
    text = "\x1f".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def numpy_generator(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy generator of its own for (seed, names)."""
    return np.random.Generator(np.random.PCG64(derive_seed(seed, *names)))


def torch_generator(seed: int, *names: str | int) -> torch.Generator:
    """A CPU torch generator of its own for (seed, names)."""
    generator = torch.Generator()
    generator.manual_seed(derive_seed(seed, *names))
    return generator


def numpy_generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """The generator's state as plain numbers, to be stored and given back."""
    return dict(generator.bit_generator.state)


def restore_numpy_generator(generator: np.random.Generator, state: dict[str, Any]) -> None:
    """Give a generator the state that `numpy_generator_state` read."""
    generator.bit_generator.state = state


def global_generator_states() -> dict[str, Any]:
    """The states of the three global generators (Python, numpy, torch CPU)."""
    kind, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    version, internal, gauss_next = random.getstate()
    return {
        "python": {"version": version, "internal": list(internal), "gauss_next": gauss_next},
        "numpy": {
            "kind": str(kind),
            "keys": np.asarray(keys).copy(),
            "position": int(position),
            "has_gauss": int(has_gauss),
            "cached": float(cached),
        },
        "torch": torch.get_rng_state(),
    }


def restore_global_generators(states: dict[str, Any]) -> None:
    """Give the three global generators the states that `global_generator_states` read."""
    python, legacy = states["python"], states["numpy"]
    random.setstate((python["version"], tuple(python["internal"]), python["gauss_next"]))
    np.random.set_state(  # noqa: NPY002
        (
            legacy["kind"],
            np.asarray(legacy["keys"], dtype=np.uint32),
            legacy["position"],
            legacy["has_gauss"],
            legacy["cached"],
        )
    )
    torch.set_rng_state(states["torch"])


@contextmanager
def forked_generators(seed: int) -> Iterator[None]:
    """Seed the global generators for the body, and put them back as they were afterwards."""
    states = global_generator_states()
    try:
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.manual_seed(seed)
        yield
    finally:
        restore_global_generators(states)
