"""Decimal numbers from text, by two rules.

`exact` rounds correctly. `by_the_format` rounds as the L2M community's readers do, which is not
always to the nearest double: their numbers came through the C parser of pandas before 3 (version
2.2.3 was compared), and where the first of several equal maxima decides, the last bit matters. That
parser multiplies up the first 17 digits, leading zeros counted, and then divides or multiplies once
by a power of ten. We do the same on whole columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MISSING = pa.array(
    [
        *("", "NaN", "nan", "-NaN", "-nan", "<NA>", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA"),
        *("NULL", "null", "None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    ]
)
"""Words that stand for a missing number."""

_NUMBER = (
    r"^[ \t]*(?P<sign>[+-]?)(?P<whole>[0-9]*)(?P<point>\.?)(?P<fraction>[0-9]*)"
    r"(?:[eE](?P<exponent>[+-]?[0-9]{1,9}))?[ \t]*$"
)
_DIGITS = 17
_EXACT_DIGITS = 15
"""As many digits as a double holds without rounding, whatever they are."""
_LARGEST_POWER = 308
_POWERS = np.array([float(f"1e{power}") for power in range(_LARGEST_POWER + 1)])


def numbers(texts: pa.Array, *, exact: bool = False) -> tuple[NDArray[np.float64], int | None]:
    """(n,) values, NaN where missing, and the index of the first text that is no finite number."""
    missing = pc.is_in(texts, value_set=MISSING).to_numpy(zero_copy_only=False)
    values = np.full(len(texts), np.nan)
    quick = _cast(texts.filter(pa.array(~missing))) if exact else None
    if quick is not None:
        values[~missing] = quick
    else:
        _fill(values, texts, exact)
    wrong = np.flatnonzero(~missing & ~np.isfinite(values))
    return values, int(wrong[0]) if wrong.size else None


def _cast(texts: pa.Array) -> NDArray[np.float64] | None:
    """What Arrow reads, rounded correctly; None if it cannot read one of them."""
    try:
        values: NDArray[np.float64] = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return values


def _fill(values: NDArray[np.float64], texts: pa.Array, exact: bool) -> None:
    """Write the number of every text that is one."""
    parts = pc.extract_regex(texts, pattern=_NUMBER)
    digits = _joined(parts, "whole", "fraction")
    is_number = pc.and_(parts.is_valid(), pc.greater(pc.utf8_length(digits), 0))
    is_number = pc.fill_null(is_number, False).to_numpy(zero_copy_only=False)
    good = pa.array(is_number)
    values[is_number] = _exact(texts.filter(good)) if exact else _by_the_format(parts.filter(good))


def as_written_and_read(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the format's readers make of values that were written with all their digits."""
    texts = pa.array([repr(value) for value in values.tolist()], pa.string())
    return numbers(texts)[0]


def _exact(texts: pa.Array) -> NDArray[np.float64]:
    return np.array([float(text) for text in texts.to_pylist()], dtype=np.float64)


def _by_the_format(parts: pa.StructArray) -> NDArray[np.float64]:
    whole = _lengths(pc.struct_field(parts, "whole"))
    fraction = _lengths(pc.struct_field(parts, "fraction"))
    digits = _joined(parts, "whole", "fraction")
    values = _integers(pc.utf8_slice_codeunits(digits, 0, _EXACT_DIGITS)).astype(np.float64)
    for place in range(_EXACT_DIGITS, _DIGITS):
        digit = _integers(pc.utf8_slice_codeunits(digits, place, place + 1))
        values = np.where(whole + fraction > place, values * 10.0 + digit, values)
    exponents = _integers(pc.fill_null(pc.struct_field(parts, "exponent"), ""))
    exponents += np.maximum(whole - _DIGITS, 0)
    exponents -= np.minimum(fraction, np.maximum(_DIGITS - whole, 0))
    negative = pc.equal(pc.struct_field(parts, "sign"), "-").to_numpy(zero_copy_only=False)
    return _scaled(np.where(negative, -values, values), exponents)


def _scaled(values: NDArray[np.float64], exponents: NDArray[np.int64]) -> NDArray[np.float64]:
    """One multiplication or division; two on the way to numbers near the smallest."""
    up = _POWERS[np.clip(exponents, 0, _LARGEST_POWER)]
    down = _POWERS[np.clip(-exponents, 0, _LARGEST_POWER)]
    beyond = _POWERS[np.clip(-_LARGEST_POWER - exponents, 0, _LARGEST_POWER)]
    with np.errstate(over="ignore", under="ignore"):
        scaled: NDArray[np.float64] = values / beyond / down * up
    scaled[exponents > _LARGEST_POWER] = np.inf
    return scaled


def _joined(parts: pa.StructArray, *names: str) -> pa.Array:
    fields = [pc.struct_field(parts, name) for name in names]
    return pc.binary_join_element_wise(*fields, "")


def _lengths(texts: pa.Array) -> NDArray[np.int64]:
    lengths: Any = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
    return np.asarray(lengths, dtype=np.int64)


def _integers(texts: pa.Array) -> NDArray[np.int64]:
    """Whole numbers; nothing counts as 0."""
    zero = pc.if_else(pc.equal(texts, ""), "0", pc.utf8_ltrim(texts, "+"))
    integers: Any = pc.cast(zero, pa.int64()).to_numpy(zero_copy_only=False)
    return np.array(integers, dtype=np.int64)
