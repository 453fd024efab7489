"""The path of an edge: one formula for arrays, for compiled loops and, in glsl/edges.vert, for the GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Straight pieces of a drawn curve; at 24 the largest angle between two is under 8 degrees.
PIECES = 24


def point(x0: Any, y0: Any, x1: Any, y1: Any, t: Any) -> tuple[Any, Any]:
    """The place at t, 0 to 1, of the S-shaped curve from (x0, y0) to (x1, y1), in pixels.

    It leaves and arrives along y. A bow to the side keeps edges apart that climb the same column.
    """
    ease = t * t * (3 - 2 * t)
    lift = t * (1.5 - t * (1.5 - t))
    bow = np.minimum(0.1 * np.abs(y1 - y0), 24.0) * np.exp(-np.abs(x1 - x0) / 24.0)
    return x0 + (x1 - x0) * ease - bow * 4 * t * (1 - t), y0 + (y1 - y0) * lift


def paths(ends: NDArray[np.float32]) -> NDArray[np.float32]:
    """The corners (edge, PIECES + 1, 2) of the drawn curves between `ends` (edge, 4), all in pixels."""
    x0, y0, x1, y1 = ends.T[..., None]
    t = np.linspace(0, 1, PIECES + 1, dtype=np.float32)
    return np.stack(point(x0, y0, x1, y1, t), axis=-1).astype(np.float32)
