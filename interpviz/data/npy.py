"""What the header of an array that numpy saved states, read by hand: numpy's own reader makes room for all of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

MOST_HEADER_BYTES = 10_000  # numpy's own limit


@dataclass(frozen=True)
class NpyHeader:
    """The shape, the order and the type of the numbers that follow."""

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]

    @property
    def of_numbers(self) -> bool:
        """Whether the array holds plain real numbers."""
        return self.dtype.kind in "fiu" and all(length >= 0 for length in self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes must follow."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(content: IO[bytes]) -> NpyHeader:
    """The header that the stream begins with. Raises ValueError for everything else."""
    try:
        version = np.lib.format.read_magic(content)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, by_columns, dtype = header(content, max_header_size=MOST_HEADER_BYTES)
    except Exception as error:  # the header is a Python literal: there is no end to what its parsing can raise
        raise ValueError("no array that numpy saved") from error
    return NpyHeader(shape, by_columns, dtype)
