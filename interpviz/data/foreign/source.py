"""A stranger's activations, opened: what every layout gives, so that one import serves them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Foreign
from interpviz.core.results import F4
from interpviz.data.halves import as_float32, of_bfloat16

BFLOAT16 = "bfloat16"
LONGEST_CONTEXT = 2**24

Read = Callable[[int, int], NDArray[Any]]


@dataclass(frozen=True)
class Rows:
    """One array row by row: `shape` is that of a row, `dtype` the type of its numbers, or "bfloat16" for their bits.

    `context` is how many rows were one context, 0 where the array does not say; `read(start, stop)` gives rows;
    `starts` are the first rows of what lay apart, such as files.
    """

    name: str
    count: int
    shape: tuple[int, ...]
    dtype: str
    context: int
    read: Read
    starts: tuple[int, ...] = (0,)

    def floats(self, start: int, stop: int) -> F4:
        """Rows as float32. A float64 too large for it becomes infinite."""
        stored = self.read(start, stop)
        if self.dtype == BFLOAT16:
            return of_bfloat16(stored)
        if stored.dtype == np.dtype("<f2"):
            return as_float32(stored)
        with np.errstate(over="ignore", under="ignore"):
            return stored.astype(np.float32)

    def ids(self, start: int, stop: int) -> NDArray[np.int32]:
        """Rows as token ids; raises InterpvizError for what cannot be one."""
        stored = self.read(start, stop)
        if stored.dtype.kind == "f" and not np.isfinite(stored).all():
            raise InterpvizError(f"{self.name} holds NaN where token ids should be. Map another array to tokens.")
        low, high = stored.min(), stored.max()
        if low < 0 or high >= 2**31 or (stored != np.floor(stored)).any():
            raise InterpvizError(
                f"{self.name} holds numbers that are no token ids, {low} to {high}. Map another array to tokens."
            )
        return stored.astype(np.int32)


@dataclass(frozen=True)
class Strongest:
    """The strongest features of a dictionary at every token: `read(start, stop)` gives index u4 and value f4 (n, k)."""

    name: str
    features: int
    k: int
    count: int
    context: int
    read: Callable[[int, int], tuple[NDArray[np.uint32], F4]]


@dataclass(frozen=True)
class Source:
    """An opened layout.

    `rows(name, hook)` gives an array as an activation, or as token ids where `hook` is empty; `codes` has what is no
    array of activations but features, by name; `close` ends what reads.
    """

    foreign: Foreign
    files: tuple[Path, ...]
    rows: Callable[[str, str], Rows]
    close: Callable[[], None]
    codes: dict[str, Strongest] = field(default_factory=dict)
    model: str = ""
