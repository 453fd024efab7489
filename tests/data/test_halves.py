"""Every float16 there is becomes the float32 that numpy makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from interpviz.data.halves import as_float32

EVERY = np.arange(65536, dtype=np.uint16).view(np.float16)


def test_every_finite_value_is_exact() -> None:
    finite = EVERY[np.isfinite(EVERY)]
    assert as_float32(finite).tobytes() == finite.astype(np.float32).tobytes()


def test_infinities_and_nan_stay_what_they_are() -> None:
    np.testing.assert_array_equal(as_float32(EVERY), EVERY.astype(np.float32))


@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan])
def test_one_value_that_is_not_finite_spoils_no_other(special: float) -> None:
    values = np.array([[1.5, special], [-2.0, 6e-8]], np.float16)
    np.testing.assert_array_equal(as_float32(values), values.astype(np.float32))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 4, 5)])
def test_the_shape_stays(shape: tuple[int, ...]) -> None:
    found = as_float32(np.ones(shape, np.float16))
    assert found.shape == shape
    assert found.dtype == np.float32


def test_a_column_of_a_matrix_is_read_in_its_order() -> None:
    matrix = np.arange(12, dtype=np.float16).reshape(3, 4)
    assert as_float32(matrix[:, 1]).tolist() == [1, 5, 9]
