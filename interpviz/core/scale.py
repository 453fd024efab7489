"""Limits for colours and axes that one wild or missing value cannot spoil."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def robust_limits(values: NDArray[np.floating]) -> tuple[float, float]:
    """The 0.1 and 99.9 percentile of the finite values; (0, 1) where there are none; never of zero width."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, [0.1, 99.9]))
    # A millionth is what float32, in which shaders and images hold limits, still tells apart.
    least = max(0.5, 1e-6 * abs(low))
    return (low, high) if high > low else (low - least, low + least)


def symmetric_limit(values: NDArray[np.floating]) -> float:
    """The magnitude at the ends of colours that diverge from zero; 1 where all is zero or missing.

    The largest of a few values; of 100 or more their 97th percentile, so that the others can be told apart.
    """
    finite = np.abs(values[np.isfinite(values)])
    if not finite.size:
        return 1.0
    largest = float(finite.max())
    usual = float(np.percentile(finite, 97)) if finite.size >= 100 else largest
    return usual or largest or 1.0
