"""The random numbers of a batch: SplitMix64 on one 64-bit word of each environment's own.

An environment never sees the draws of another, so it lives the same alone and inside a batch.
Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiling import inner

Record = Any
"""A structured scalar with the field `generator`, uint64."""

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


@inner
def uniform(one: Record, low: float, high: float) -> float:
    """The environment's next number, uniform in [low, high)."""
    one.generator = one.generator + _STEP
    z = one.generator
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    z = z ^ (z >> _S31)
    return low + (high - low) * (np.float64(z >> _S11) * _UNIT)


def seed_generator(seed: int) -> np.uint64:
    """The generator state for a seed: neighbouring seeds give unrelated streams."""
    mask = (1 << 64) - 1
    z = (int(seed) * 0xD1342543DE82EF95 + 0x2545F4914F6CDD1D) & mask
    z = ((z ^ (z >> 32)) * 0xDABA0B6EB09322E3) & mask
    return np.uint64(z ^ (z >> 29))
