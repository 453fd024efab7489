"""The window stands before anything heavy is imported."""

from __future__ import annotations

import pytest

from tests.benchmarks.start import first_paint


@pytest.mark.slow
def test_torch_numba_scipy_and_h5py_come_after_the_first_paint(qapp: object) -> None:
    assert first_paint().heavy == ()
