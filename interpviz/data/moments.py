"""Mean and variance of a site over a cache of any size, from what each shard keeps of its own rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import F4
from interpviz.data.shard import Shard
from interpviz.data.shards import Shards, scaled

PIECE = 1024  # rows at a time

F8 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """How many rows, their mean (d...) and the sum of their squared distances from it, `m2` (d...)."""

    count: float
    mean: F8
    m2: F8

    def joined(self, other: Moments) -> Moments:
        """Those of both together. Source: Chan, Golub and LeVeque 1979."""
        count = self.count + other.count
        if not count:
            return self
        apart, share = other.mean - self.mean, other.count / count
        return Moments(count, self.mean + apart * share, self.m2 + other.m2 + apart**2 * (self.count * share))

    @property
    def variance(self) -> F8:
        """The mean squared distance from the mean (d...); NaN, as the mean is, where there is no row."""
        return self.m2 / self.count if self.count else self.centre

    @property
    def centre(self) -> F8:
        """The mean (d...); NaN where there is no row."""
        return self.mean if self.count else np.full_like(self.mean, np.nan)


@dataclass(frozen=True, eq=False)
class Places:
    """A number a dimension of a site, each (d...): at position 0, and at all others, over `tokens` rows in all."""

    first: F4
    rest: F4
    tokens: int


def first_and_rest(shards: Shards, hook: str) -> tuple[Moments, Moments]:
    """The moments of a hook's rows at position 0, which are read, and at all others, which each shard keeps."""
    width = shards[0][f"activations/{hook}"].values.shape[1:]
    first = rest = Moments(0.0, np.zeros(width), np.zeros(width))
    for place in range(len(shards)):
        shard = shards[place]
        for piece in _beginnings(shard, hook):
            first = first.joined(piece)
        count, mean, m2 = (shard[f"statistics/{hook}/{name}"].all() for name in ("count", "mean", "m2"))
        rest = rest.joined(Moments(float(count[0]), mean, m2))
    return first, rest


def _beginnings(shard: Shard, hook: str) -> Iterator[Moments]:
    """The moments of a shard's rows at position 0, a piece at a time."""
    array = shard[f"activations/{hook}"]
    starts = np.flatnonzero(shard["tokens/position"].all() == 0)
    for low in range(0, len(starts), PIECE):
        yield _moments(scaled(array, array.rows(starts[low : low + PIECE])))


def _moments(values: NDArray[Any]) -> Moments:
    rows = values.astype(np.float64)
    mean = rows.mean(axis=0)
    rows -= mean
    return Moments(len(rows), mean, np.einsum("n...,n...->...", rows, rows))
