"""The rows that a training sees: batches from a cache without end, in an order of chance that its seed decides."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4
from interpviz.data.activations import Cache, check_finite

MEASURED_ROWS = 16_384


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of the cache: `x` (row, d_in) is read and `y` (row, d_out) to be written, float32; the same array for both

    where nothing else is. It is the `place`-th batch of its `epoch`, each counted from 0.
    """

    epoch: int
    place: int
    x: F4
    y: F4


def batches(cache: Cache, site: str, to: str, batch: int, seed: int, epoch: int = 0, place: int = 0) -> Iterator[Batch]:
    """Batches of `batch` rows without end, from this place on; each epoch is every row once, but for what is over.

    Rows at position 0 are left out, as SAELens does by `seqpos_slice` (1, None): attention rests there, their norm is
    often many times that of others, and features would go to them. Heads are flattened. To go on at a place reads what
    of its epoch lies before. Raises InterpvizError where a number is NaN or infinite, and where an epoch has no batch.
    """
    sites = tuple(dict.fromkeys((site, to)))
    for turn in itertools.count(epoch):
        blocks = cache.shuffled(sites, batch, seed + turn, first=False)
        whole = -1
        for whole, block in enumerate(block for block in blocks if len(block.rows) == batch):
            if turn == epoch and whole < place:
                continue
            x, y = (np.ascontiguousarray(block.values[name].reshape(batch, -1)) for name in (site, to))
            for name, values in ((site, x), (to, y)):
                check_finite(cache, name, values, block.rows)
            yield Batch(turn, whole, x, x if to == site else y)
        if whole < 0:
            raise InterpvizError(
                f"{cache.facts.name} has fewer than {batch:,} rows behind position 0, on which nothing is trained. "
                "Record longer contexts, or give a smaller --batch."
            )


@dataclass(frozen=True, eq=False)
class Frame:
    """Where rows lie and how far they spread: `centre` (d,) is their mean, and their root mean square distance from

    it is `spread` * sqrt(d). A training sees (row - centre) / spread, so that rates and coefficients mean the same
    for every activation, however long its mean is.
    """

    centre: Tensor
    spread: float

    @classmethod
    def of(cls, rows: F4) -> Frame:
        """The frame of rows (n, d)."""
        values = torch.from_numpy(rows).double()
        centre = values.mean(0)
        return cls(centre.float(), float((values - centre).square().mean().sqrt()) or 1.0)

    def inside(self, rows: F4) -> Tensor:
        """Rows as a training sees them, on the frame's device."""
        return (torch.from_numpy(rows).to(self.centre.device) - self.centre) / self.spread


def frames(first: list[Batch]) -> tuple[Frame, Frame]:
    """The frames of what is read and of what is written, from the first batches."""
    read = Frame.of(np.concatenate([batch.x for batch in first]))
    same = first[0].x is first[0].y
    return read, read if same else Frame.of(np.concatenate([batch.y for batch in first]))
