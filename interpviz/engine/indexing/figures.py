"""Figures of each feature over the tokens at which it is active."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import F4
from interpviz.data.feature_index_file import BINS, QUANTILES, edges
from interpviz.engine.indexing.stripes import Bucket


class Figures(NamedTuple):
    """Of each feature of a bucket: its largest and its mean value (feature,), the histogram (feature, bin) and the

    quantiles (feature, 101) of its values; zeros where it is never active.
    """

    maximum: F4
    mean: F4
    histogram: NDArray[np.uint32]
    quantiles: F4


def figures(ranked: Bucket) -> Figures:
    """The figures of a bucket whose values fall in each feature."""
    count = np.diff(ranked.ptr)
    live = np.flatnonzero(count)
    features = len(count)
    maximum, minimum, mean = np.zeros((3, features), np.float32)
    quantiles = np.zeros((features, QUANTILES), np.float32)
    histogram = np.zeros((features, BINS), np.uint32)
    if len(live):
        start = ranked.ptr[:-1][live]
        maximum[live], minimum[live] = ranked.values[start], ranked.values[ranked.ptr[1:][live] - 1]
        mean[live] = np.add.reduceat(ranked.values.astype(np.float64), start) / count[live]
        quantiles[live] = _quantiles(ranked.values, start, count[live])
        local = np.repeat(np.arange(features), count)
        histogram = _histogram(local, ranked.values, edges(minimum, maximum))
    return Figures(maximum, mean, histogram, quantiles)


def _quantiles(values: F4, start: NDArray[np.int64], count: NDArray[np.int64]) -> F4:
    """Values at 0%, 1% ... 100% of each falling run, between two neighbours in proportion."""
    at = np.linspace(0, 1, QUANTILES) * (count[:, None] - 1)
    below = np.floor(at).astype(np.int64)
    last = (start + count - 1)[:, None]
    low, high = values[last - below], values[last - np.minimum(below + 1, count[:, None] - 1)]
    share = at - below
    found: F4 = (low * (1 - share) + high * share).astype(np.float32)
    return found


def _histogram(local: NDArray[np.int64], values: F4, bounds: F4) -> NDArray[np.uint32]:
    """How many values of each feature lie in each bin, a bin's lower edge included and the last one's upper too."""
    low, high = bounds[local, 0].astype(np.float64), bounds[local, -1].astype(np.float64)
    place = np.clip(((values - low) / (high - low) * BINS).astype(np.int64), 0, BINS - 1)
    place += (values >= bounds[local, place + 1]) & (place < BINS - 1)  # an edge is rounded as the values are
    found = np.bincount(local * BINS + place, minlength=len(bounds) * BINS)
    return found.reshape(len(bounds), BINS).astype(np.uint32)
