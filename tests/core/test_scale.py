from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interpviz.core.scale import robust_limits, symmetric_limit

ANY = arrays(np.float32, st.integers(0, 50), elements=st.floats(width=32))


def test_one_wild_value_in_ten_thousand_does_not_spoil_the_limits() -> None:
    values = np.linspace(0, 1, 10_000, dtype=np.float32)
    values[0] = 1e38
    low, high = robust_limits(values)
    assert 0 <= low < 0.01
    assert 0.98 < high <= 1


def test_missing_values_do_not_count() -> None:
    values = np.array([np.nan, -np.inf, np.inf, 2, 4], np.float32)
    low, high = robust_limits(values)
    assert (low, high) == pytest.approx((2.002, 3.998))
    assert symmetric_limit(np.array([np.nan, np.inf, -3, 2], np.float32)) == 3


@pytest.mark.parametrize("values", [[], [np.nan, np.inf]])
def test_nothing_to_see_has_limits_still(values: list[float]) -> None:
    assert robust_limits(np.array(values)) == (0, 1)
    assert symmetric_limit(np.array(values)) == 1


def test_equal_values_lie_in_the_middle() -> None:
    assert robust_limits(np.full(5, 7.0)) == (6.5, 7.5)
    assert symmetric_limit(np.zeros(5)) == 1


@given(ANY)
def test_limits_are_finite_and_never_of_zero_width(values: np.ndarray) -> None:
    low, high = robust_limits(values)
    assert np.isfinite([low, high]).all()
    assert low < high
    assert np.isfinite(symmetric_limit(values))
    assert symmetric_limit(values) > 0


def test_of_many_values_the_few_largest_do_not_set_the_scale():
    values = np.r_[np.ones(97), 50.0, 60.0, 70.0]
    assert symmetric_limit(values) < 3
    assert symmetric_limit(values[3:]) == 70
