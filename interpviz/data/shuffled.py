"""The rows of a cache in an order of chance, for training: memory stays flat however large the cache is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import F4
from interpviz.data.shards import Shards

RUN = 128  # neighbouring rows read at a time: 196 KB of 768 numbers
SHARDS = 64  # that are read by turns
HELD_BYTES = 2**28

Part = tuple[str, int | None]
"""A dataset, and one head or neuron of it, or None for all of it."""


@dataclass(frozen=True, eq=False)
class Block:
    """Rows of a cache by their numbers, `rows` (n,), and what each site was there: `values` (n, d...) by site."""

    rows: NDArray[np.int64]
    values: dict[str, F4]


def shuffled(
    shards: Shards,
    parts: Mapping[str, Part],
    rows_a_block: int,
    seed: int,
    held_bytes: int = HELD_BYTES,
    first: bool = True,
) -> Iterator[Block]:
    """Every row once, in blocks of `rows_a_block`, the last one shorter; another order for another seed.

    Rows at position 0 of their context are left out where `first` is false.

    Runs of 128 neighbouring rows come into a pool in an order of chance, by turns from 64 shards that are drawn by
    chance too; each block is drawn from the whole pool, which holds as many rows as `held_bytes` have room for and
    at least four blocks. So a row waits in the pool for a time of chance, on average as long as it takes to read the
    pool once, and a block has about 128 * rows_a_block / (2 * pool) rows of the run that any of its rows came from.
    """
    draw, pool = np.random.default_rng(seed), _Pool(shards, parts, rows_a_block, held_bytes, first)
    for start, stop in _runs(shards, draw):
        pool.take(start, stop)
        while pool.full:
            yield pool.drawn(draw)
    while pool.held:
        yield pool.drawn(draw)


def _runs(shards: Shards, draw: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Every run of neighbouring rows of one shard."""
    order = draw.permutation(len(shards))
    for group in np.array_split(order, -(-len(shards) // SHARDS)):
        starts = np.concatenate([np.arange(shards.starts[place], shards.starts[place + 1], RUN) for place in group])
        ends = np.concatenate([np.full(-(-_rows(shards, place) // RUN), shards.starts[place + 1]) for place in group])
        for chosen in draw.permutation(len(starts)):
            start = int(starts[chosen])
            yield start, min(start + RUN, int(ends[chosen]))


def _rows(shards: Shards, place: int) -> int:
    return int(shards.starts[place + 1] - shards.starts[place])


class _Pool:
    """Rows that wait to be drawn."""

    def __init__(
        self, shards: Shards, parts: Mapping[str, Part], rows_a_block: int, held_bytes: int, first: bool
    ) -> None:
        self._shards, self._parts, self._block, self._first = shards, parts, rows_a_block, first
        shapes = {site: self._read(site, 0, 0).shape[1:] for site in parts}
        row_bytes = 4 * sum(int(np.prod(shape)) for shape in shapes.values())
        self.room = min(max(4 * rows_a_block, held_bytes // row_bytes), shards.rows)
        self.held = 0
        most = self.room + RUN
        self._rows = np.empty(most, np.int64)
        self._values = {site: np.empty((most, *shape), np.float32) for site, shape in shapes.items()}

    @property
    def full(self) -> bool:
        """Whether a block is drawn before more is read."""
        return self.held >= self.room

    def take(self, start: int, stop: int) -> None:
        """Read a run, which lies in one shard."""
        kept = slice(None) if self._first else self._later(start, stop)
        rows = np.arange(start, stop)[kept]
        here = slice(self.held, self.held + len(rows))
        self._rows[here] = rows
        for site, values in self._values.items():
            values[here] = self._read(site, start, stop)[kept]
        self.held = here.stop

    def drawn(self, draw: np.random.Generator) -> Block:
        """Take a block out; those that stay close up."""
        chosen = draw.choice(self.held, min(self._block, self.held), replace=False)
        block = Block(self._rows[chosen], {site: values[chosen] for site, values in self._values.items()})
        self.held -= len(chosen)
        gone = np.zeros(len(chosen), np.bool_)
        gone[chosen[chosen >= self.held] - self.held] = True
        holes, last = chosen[chosen < self.held], self.held + np.flatnonzero(~gone)
        for values in (self._rows, *self._values.values()):
            values[holes] = values[last]
        return block

    def _later(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Which rows of a run stand at a position other than 0."""
        place, here = self._shards.place_of(start)
        positions: NDArray[np.int32] = self._shards[place]["tokens/position"].part(here, here + stop - start)
        later: NDArray[np.bool_] = positions != 0
        return later

    def _read(self, site: str, start: int, stop: int) -> F4:
        name, head = self._parts[site]
        values = self._shards.stretch(name, start, stop)
        return values if head is None else values[:, head]
