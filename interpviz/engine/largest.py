"""The largest of a stream of edges too long to keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F4 = NDArray[np.float32]
I8 = NDArray[np.int64]


class LargestEdges:
    """Keeps the `count` edges of largest |weight|, and `total` and `considered` of all that were offered.

    Source and target are any int64 codes. Edges of weight zero are counted, never kept.
    """

    def __init__(self, count: int) -> None:
        self.total = 0.0
        self.considered = 0
        self._count = count
        self._bar = np.float32(0.0)
        self._weight = np.empty(0, np.float32)
        self._ends = np.empty((0, 2), np.int64)

    def offer(self, weight: F4, source: I8, target: I8) -> None:
        """Consider these edges: `source` and `target` broadcast to the shape of `weight`, any shape, finite."""
        size = np.abs(weight)
        self.total += float(size.sum(dtype=np.float64))
        self.considered += weight.size
        picked = np.nonzero(size > self._bar)
        ends = (np.broadcast_to(codes, weight.shape)[picked] for codes in (source, target))
        self._ends = np.concatenate([self._ends, np.stack(list(ends), axis=1)])
        self._weight = np.concatenate([self._weight, weight[picked]])
        if len(self._weight) > 2 * self._count:
            self._compact()

    def edges(self) -> tuple[I8, F4]:
        """Ends (edge, 2) and weights (edge,), largest magnitude first; ties by source, then target."""
        self._compact()
        order = np.lexsort((self._ends[:, 1], self._ends[:, 0], -np.abs(self._weight)))
        return self._ends[order], self._weight[order]

    def _compact(self) -> None:
        if len(self._weight) <= self._count:
            return
        kept = np.lexsort((self._ends[:, 1], self._ends[:, 0], -np.abs(self._weight)))[: self._count]
        self._weight, self._ends = self._weight[kept], self._ends[kept]
        self._bar = np.abs(self._weight).min() if self._count else np.float32(np.inf)
