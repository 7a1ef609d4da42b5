"""The median of all slopes, listed or searched for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from l2rl.metrics.l2m import slopes


@given(st.lists(st.integers(0, 30), min_size=2, max_size=30))
def test_it_is_scipys_theil_sen_slope(values: list[int]) -> None:
    expected = stats.theilslopes(np.array(values))[0]
    assert slopes.median_slope(np.array(values)) == expected


@given(st.lists(st.integers(0, 9) | st.integers(0, 10_000), min_size=2, max_size=40))
def test_searching_finds_what_listing_finds_to_the_last_bit(values: list[int]) -> None:
    listed = slopes.median_slope(np.array(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slopes, "LARGEST_LISTED", 0)
        assert slopes.median_slope(np.array(values)) == listed


def test_a_long_series_is_searched() -> None:
    values = np.arange(4000) * 3 + np.random.default_rng(0).integers(0, 7, 4000)
    assert slopes.median_slope(values) == pytest.approx(3.0, abs=1e-3)
