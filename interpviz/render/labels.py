"""Which labels are drawn, and where, so that none covers another. Pure: whoever paints measures the texts first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
Chosen = NDArray[np.intp]


def along(positions: F8, extents: F8, limits: tuple[float, float], gap: float = 4.0) -> Chosen:
    """Which labels of an axis to draw: those inside `limits`, every one or evenly every second, third, ...

    `positions` (label,) are the middles in ascending or descending order and `extents` (label,) the lengths along the
    axis, in pixels. Steps are 1, 2, 5, 10, 20, ... so that the labels stay the same while the axis is dragged.
    """
    inside = np.flatnonzero((positions >= limits[0]) & (positions <= limits[1]))
    if len(inside) < 2:
        return inside
    for step in _steps(len(positions)):
        chosen: Chosen = inside[inside % step == 0]
        at, half = positions[chosen], extents[chosen] / 2
        if np.all(np.abs(np.diff(at)) >= half[1:] + half[:-1] + gap):
            return chosen
    return inside[:1]


def _steps(count: int) -> list[int]:
    return [base * 10**power for power in range(len(str(count)) + 1) for base in (1, 2, 5)]


def apart(anchors: F8, sizes: F8, size: tuple[float, float], gap: float = 2.0) -> Chosen:
    """Which labels to draw where the important come first: each that covers none drawn before, in that order.

    `anchors` (label, 2) are upper left corners and `sizes` (label, 2) widths and heights in pixels; labels that
    would not lie whole inside the picture `size` are left out.
    """
    low, high = anchors, anchors + sizes
    whole = (low >= 0).all(axis=1) & (high <= np.asarray(size)).all(axis=1)
    kept: list[int] = []
    for label in np.flatnonzero(whole).tolist():
        rivals = kept
        overlap = (low[label] < high[rivals] + gap) & (high[label] + gap > low[rivals])
        if not overlap.all(axis=1).any():
            kept.append(label)
    return np.array(kept, np.intp)
