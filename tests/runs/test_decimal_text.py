"""Numbers come out of text as the format's readers take them, bit by bit, or rounded correctly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from l2rl.runs.decimal_text import as_written_and_read, numbers

READ = json.loads((Path(__file__).parent / "decimals_read_by_pandas_2.json").read_text())
"""Pairs of a text and what `pandas.read_csv` 2.2.3 made of it."""


def test_the_bits_are_those_of_the_readers() -> None:
    texts = [text for text, _ in READ]
    values, wrong = numbers(pa.array(texts))
    assert wrong is None
    assert [value.hex() for value in values.tolist()] == [hexadecimal for _, hexadecimal in READ]
    # So many differ from the nearest double that the rule is not tested by accident.
    assert np.mean(values != [float(text) for text in texts]) > 0.2


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(0.00012126922990665718)
@example(5e-324)
def test_exact_numbers_are_the_nearest_and_the_others_are_near(value: float) -> None:
    texts = pa.array([repr(value)])
    assert numbers(texts, exact=True)[0].tobytes() == np.array([value]).tobytes()
    # Of 17 places, the zeros before and behind the point are some: 0.0001 has 13 left.
    nearest = 1e-16 if "e" not in repr(value) else 1e-307
    assert numbers(texts)[0] == pytest.approx(value, rel=1e-14, abs=nearest)
    assert as_written_and_read(np.array([value])).tolist() == numbers(texts)[0].tolist()


@pytest.mark.parametrize("text", ["", "nan", "NaN", "NA", "null", "None", "#N/A"])
def test_words_for_missing_are_missing(text: str) -> None:
    values, wrong = numbers(pa.array(["1", text]))
    assert wrong is None
    assert np.isnan(values).tolist() == [False, True]


@pytest.mark.parametrize(
    "text",
    ["inf", "-inf", "x", "1_0", "1e", "1e+", ".", "-", " ", "0x1", "1e400", "--1", "1 2", "１"],
)
def test_what_is_no_finite_number_is_found(text: str) -> None:
    assert numbers(pa.array(["1", "", text, "y"]))[1] == 2
    assert numbers(pa.array(["1", "", text, "y"]), exact=True)[1] == 2
