"""The strongest activations of every feature in a stream, by a threshold a feature that most of the stream is under."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import F4
from interpviz.engine.indexing.stripes import Entries, ranking


class Strongest:
    """The `k` largest positive values of each feature so far: `values` (feature, k), falling, 0 behind the last.

    `rows` (feature, k) are the rows of the cache that they are of, -1 behind the last; of equal values the earlier.
    """

    def __init__(self, features: int, k: int) -> None:
        self._values, self._rows = np.zeros((features, k), np.float32), np.full((features, k), -1, np.int64)
        self._threshold = np.zeros(features, np.float32)
        self._waiting: list[Entries] = []
        self._held = 0

    @property
    def values(self) -> F4:
        """The largest values of each feature."""
        self._merge()
        return self._values

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows that these are of."""
        self._merge()
        return self._rows

    def add(self, found: Entries) -> None:
        """Take entries of later rows than all before."""
        kept = np.flatnonzero(found.values > self._threshold[found.features])
        self._waiting.append(Entries(found.rows[kept], found.features[kept], found.values[kept]))
        self._held += len(kept)
        if self._held > self._values.size:
            self._merge()

    def _merge(self) -> None:
        """Make room for what waits, and raise the thresholds."""
        if not self._held:
            return
        rows, features, values = (np.concatenate(part) for part in zip(*self._waiting, strict=True))
        touched, group = np.unique(features, return_inverse=True)
        k = self._values.shape[1]
        group = np.concatenate([np.repeat(np.arange(len(touched)), k), group])
        values = np.concatenate([self._values[touched].reshape(-1), values])
        rows = np.concatenate([self._rows[touched].reshape(-1), rows])
        best = _first_of_each(group, ranking(group, values), k)
        self._values[touched] = values[best].reshape(-1, k)
        self._rows[touched] = rows[best].reshape(-1, k)
        self._threshold[touched] = self._values[touched, -1]
        self._waiting, self._held = [], 0


def _first_of_each(group: NDArray[np.integer[Any]], order: NDArray[np.intp], k: int) -> NDArray[np.intp]:
    """The first k of each group in this order; each group has at least so many."""
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    found: NDArray[np.intp] = order[(starts[:, None] + np.arange(k)).reshape(-1)]
    return found
