"""Arrays that lie in several pieces, one after the other along their first axis, as rows of activations or tokens."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Holding
from interpviz.data.foreign.names import by_head, proposed
from interpviz.data.foreign.source import BFLOAT16, LONGEST_CONTEXT, Rows

FLOATS = ("f2", "f4", "f8")
INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")


@dataclass(frozen=True)
class Piece:
    """A part of an array: its shape, and `read(start, stop, axes)`, which gives rows counted over one or two axes."""

    shape: tuple[int, ...]
    read: Callable[[int, int, int], NDArray[Any]]


@dataclass(frozen=True)
class Stacked:
    """An array of one name: pieces that differ in the length of their first axis alone, and their type of number."""

    name: str
    dtype: str
    pieces: tuple[Piece, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all pieces together."""
        return (sum(piece.shape[0] for piece in self.pieces), *self.pieces[0].shape[1:])

    @property
    def whole_numbers(self) -> bool:
        """Whether it holds whole numbers."""
        return self.dtype[1:] in INTEGERS

    def holding(self, dtype: str = "", hook: str = "") -> Holding:
        """What is said of it; `dtype` and `hook` where more is known than its name and numbers say."""
        said = dtype or np.dtype(self.dtype).name
        return Holding(self.name, self.shape, said, hook or proposed(self.name, self.shape, self.whole_numbers))

    def starts(self, axes: int) -> tuple[int, ...]:
        """The row at which each piece begins, and the number of rows in all."""
        return tuple(itertools.accumulate((prod(piece.shape[:axes]) for piece in self.pieces), initial=0))

    def rows(self, hook: str) -> Rows:
        """Its rows as this activation, or as token ids where `hook` is empty; raises where its shape is neither's."""
        return self._activation(hook) if hook else self._tokens()

    def _activation(self, hook: str) -> Rows:
        if self.dtype[1:] not in (*FLOATS, "u2"):
            raise InterpvizError(f"{self.name} holds {np.dtype(self.dtype).name}, no activations. Map another array.")
        axes = len(self.shape) - 1 - by_head(hook)
        if axes not in (1, 2):
            wanted = "(rows, heads, d_head)" if by_head(hook) else "(rows, d) or (contexts, positions, d)"
            raise InterpvizError(f"{self.name} is {said(self.shape)}, but {hook} is {wanted}. Map another array to it.")
        edges = self.starts(axes)
        dtype = BFLOAT16 if self.dtype[1:] == "u2" else self.dtype
        context = _context(self.shape[1:axes])
        read = partial(self._read, axes, edges)
        return Rows(self.name, edges[-1], self.shape[axes:], dtype, context, read, edges[:-1])

    def _tokens(self) -> Rows:
        """Token ids are (rows) or (contexts, positions), where an axis of length 1 is no axis."""
        if sum(length > 1 for length in self.shape[1:]) > 1:
            raise InterpvizError(f"{self.name} is {said(self.shape)}, but tokens are (rows) or (contexts, positions).")
        width, edges = prod(self.shape[1:]), self.starts(1)
        if len(self.shape) < 3:
            axes = len(self.shape)
            starts = self.starts(axes)
            read = partial(self._read, axes, starts)
            return Rows(self.name, starts[-1], (), self.dtype, _context((width,)), read, starts[:-1])
        if width >= LONGEST_CONTEXT:
            raise InterpvizError(f"{self.name} is {said(self.shape)}, but no context is so long. Map another array.")

        def flat(start: int, stop: int) -> NDArray[Any]:
            first = start // width
            whole = self._read(1, edges, first, -(-stop // width)).reshape(-1)
            return whole[start - first * width : stop - first * width]

        starts = tuple(edge * width for edge in edges)
        return Rows(self.name, starts[-1], (), self.dtype, _context((width,)), flat, starts[:-1])

    def _read(self, axes: int, edges: Sequence[int], start: int, stop: int) -> NDArray[Any]:
        parts = [
            piece.read(max(start, low) - low, min(stop, high) - low, axes)
            for piece, (low, high) in zip(self.pieces, itertools.pairwise(edges), strict=True)
            if low < stop and start < high
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _context(shape: Sequence[int]) -> int:
    """How many rows were one context, from the axis that counts them; 0 where there is none."""
    return prod(shape) if 1 < prod(shape) < LONGEST_CONTEXT else 0


def said(shape: Sequence[int]) -> str:
    """A shape as a person reads it."""
    return " x ".join(map(str, shape))
