"""How true a two-dimensional map is to the activations that it shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from interpviz.core.report import Report, silent
from interpviz.core.results import F4, Quality

NEIGHBOURS = 15
QUERIES = 2000
SAMPLE = 20_000

# Multiplications between two looks at whether the work is still wanted.
_STEP = 1.2e9

F8 = NDArray[np.float64]


def quality(points: F4, xy: F4, seed: int = 0, report: Report = silent) -> Quality:
    """How many of each query's nearest 15 the map `xy` (n, 2) keeps of `points` (n, d), and its trustworthiness.

    Queries are up to 2,000 of the points, drawn by seed; the distances are Euclidean. Trustworthiness is
    1 - 2 / (q k (2n - 3k - 1)) times the sum over the q queries, and over those of their k nearest in the map that
    are not among their k nearest in truth, of (true rank - k). k is smaller where there are under 31 points.
    Source: Venna & Kaski 2001, "Neighborhood preservation in nonlinear projection methods".
    """
    n = len(points)
    k = min(NEIGHBOURS, (n - 1) // 2)
    if k < 1:
        return Quality(1.0, 1.0, 0)
    queries = np.sort(np.random.default_rng(seed).choice(n, min(QUERIES, n), replace=False))
    shown = _nearest_in_map(xy, queries, k)
    ranks = _true_ranks(points, queries, shown, report)
    kept = float((ranks <= k).mean())
    excess = np.maximum(ranks - k, 0).sum(dtype=np.float64)
    return Quality(kept, float(1 - 2 * excess / (len(queries) * k * (2 * n - 3 * k - 1))), len(queries))


def _nearest_in_map(xy: F4, queries: NDArray[np.intp], k: int) -> NDArray[np.intp]:
    """The k nearest of each query but itself: (query, k)."""
    _, found = cKDTree(xy).query(xy[queries], k=k + 1)
    is_self = found == queries[:, None]
    # Where many points lie in one spot the query itself may be missing: then the farthest is left out.
    is_self[~is_self.any(1), -1] = True
    return np.asarray(found[~is_self].reshape(len(queries), k), np.intp)


def _true_ranks(points: F4, queries: NDArray[np.intp], shown: NDArray[np.intp], report: Report) -> NDArray[np.int64]:
    """The rank, 1 for the nearest, of each shown neighbour by distance to its query among all points: (query, k)."""
    origin = points.mean(0, dtype=np.float64)
    asked = points[queries] - origin
    ranks = np.ones(shown.shape, np.int64)
    limits = []
    for chosen in shown.T:
        report(0.0, "measuring the map")
        limits.append(np.square(points[chosen] - origin - asked).sum(1))
    size = int(max(64, _STEP / asked.size))
    for start in range(0, len(points), size):
        report(0.0, "measuring the map")
        distances = _squared(asked, points[start : start + size] - origin)
        _leave_out(distances, queries - start)
        for column, (chosen, limit) in enumerate(zip(shown.T, limits, strict=True)):
            closer = distances < limit[:, None]
            _leave_out(closer, chosen - start)
            ranks[:, column] += closer.sum(1)
    return ranks


def _squared(asked: F8, block: F8) -> F8:
    """Squared distances (query, block), in float64: a long common part would cancel in float32."""
    squared = asked @ block.T
    squared *= -2
    squared += np.square(asked).sum(1)[:, None]
    squared += np.square(block).sum(1)
    return np.maximum(squared, 0, out=squared)


def _leave_out(table: NDArray[Any], column: NDArray[np.intp]) -> None:
    """In each row, this column counts as far away; columns outside the table are of another block."""
    inside = np.flatnonzero((column >= 0) & (column < table.shape[1]))
    table[inside, column[inside]] = False if table.dtype == bool else np.inf
