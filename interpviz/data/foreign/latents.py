"""One file of a delphi cache: which latents were active where, read through a memory map in rows of tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report
from interpviz.core.results import F4
from interpviz.data.halves import as_float32, of_bfloat16
from interpviz.data.weights import PlacedTensor, WeightsDamaged, placed_tensors

PIECE = 2**19  # locations at a time: some 10 ms

_WHOLE = {"U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8", "U64": "<u8"}
_FLOAT = {"F16": "<f2", "BF16": "<u2", "F32": "<f4"}


@dataclass(frozen=True)
class Contexts:
    """How many contexts of which length were run, and their tokens (contexts, positions) where these were kept."""

    number: int
    length: int
    tokens: NDArray[Any] | None

    @property
    def rows(self) -> int:
        """How many tokens there are."""
        return self.number * self.length


class Latents:
    """The latents `start` to `end` of a module, as they lie in one file."""

    def __init__(self, path: Path, start: int, end: int, placed: dict[str, PlacedTensor]) -> None:
        self.path, self.start, self.end = path, start, end
        self._locations = _mapped(path, placed, "locations", _WHOLE, 2)
        self._activations = _mapped(path, placed, "activations", _FLOAT, 1)
        self._bfloat16 = placed["activations"].dtype == "BF16"
        self.tokens = _mapped(path, placed, "tokens", _WHOLE, 2) if "tokens" in placed else None
        self._order: NDArray[np.intp] | None = None
        if self._locations.shape != (len(self._activations), 3):
            raise WeightsDamaged(path, "its locations and activations differ in number")
        if self.tokens is not None and not self.tokens.size:
            raise WeightsDamaged(path, "it has no tokens")

    def pieces(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Its locations a piece at a time, each with the number of its first."""
        for low in range(0, len(self._locations), PIECE):
            yield low, self._locations[low : low + PIECE]

    def look(self, contexts: Contexts, active: NDArray[np.int32], report: Report, done: float) -> None:
        """Check every location and value, count in `active` (rows,) the latents of each row, and sort if need be."""
        last, in_order = -1, True
        self._check_length(contexts)
        for low, piece in self.pieces():
            report(done)
            self._check(piece, contexts)
            if not np.isfinite(self._values(slice(low, low + PIECE))).all():
                raise InterpvizError(f"{self.path.name} holds activations that are no numbers. Cache them again.")
            rows = self._rows(piece, contexts)
            in_order &= last <= rows[0] and bool((rows[:-1] <= rows[1:]).all())
            last = int(rows[-1])
            np.add.at(active, rows, 1)
        if not in_order:
            self._order = np.argsort(self._rows(self._locations, contexts), kind="stable")

    def between(self, start: int, stop: int, contexts: Contexts) -> tuple[NDArray[np.int64], NDArray[np.int64], F4]:
        """What was active in these rows: the row, the latent of the whole dictionary, and the activation, each (n,)."""
        low, high = (self._first(row, contexts) for row in (start, stop))
        chosen = slice(low, high) if self._order is None else self._order[low:high]
        piece = self._locations[chosen]
        return self._rows(piece, contexts), piece[:, 2].astype(np.int64) + self.start, self._values(chosen)

    def _first(self, row: int, contexts: Contexts) -> int:
        """How many locations, in their order, lie before this row."""

        def row_of(place: int) -> int:
            at = self._locations[place if self._order is None else self._order[place]]
            return int(at[0]) * contexts.length + int(at[1])

        return bisect_left(range(len(self._locations)), row, key=row_of)

    def _rows(self, piece: NDArray[Any], contexts: Contexts) -> NDArray[np.int64]:
        return piece[:, 0].astype(np.int64) * contexts.length + piece[:, 1].astype(np.int64)

    def _values(self, chosen: slice | NDArray[np.intp]) -> F4:
        stored = self._activations[chosen]
        if self._bfloat16:
            return of_bfloat16(stored)
        return as_float32(stored) if stored.dtype == np.float16 else stored.astype(np.float32)

    def _check_length(self, contexts: Contexts) -> None:
        """delphi looks whether contexts and latents fit 16 bits, but not positions: 65,536 became 0."""
        if contexts.length > 2**16 and self._locations.dtype.itemsize == 2:
            raise InterpvizError(
                f"{self.path.name} counts positions to 65,535, but its contexts have {contexts.length:,} tokens, so "
                "nobody knows what was active where. Cache it again with shorter contexts."
            )

    def _check(self, piece: NDArray[Any], contexts: Contexts) -> None:
        low, high = piece.min(axis=0), piece.max(axis=0)
        limits = (contexts.number, contexts.length, self.end - self.start + 1)
        if int(low.min()) < 0 or any(int(most) >= limit for most, limit in zip(high, limits, strict=True)):
            raise WeightsDamaged(
                self.path,
                f"a location lies outside its {limits[0]} contexts of {limits[1]} tokens and {limits[2]} latents",
            )


def latents(path: Path, start: int, end: int) -> Latents:
    """Open a file of the latents start to end; raises InterpvizError where it is damaged or no such file."""
    placed = placed_tensors(path)
    if not {"locations", "activations"} <= placed.keys() or end < start:
        raise WeightsDamaged(path, "it holds no locations and activations of latents")
    return Latents(path, start, end, placed)


def _mapped(path: Path, placed: dict[str, PlacedTensor], name: str, kinds: dict[str, str], axes: int) -> NDArray[Any]:
    """A tensor of the file, mapped as it is stored."""
    tensor = placed[name]
    if tensor.dtype not in kinds or len(tensor.shape) != axes:
        raise WeightsDamaged(path, f"its {name} are {tensor.dtype} of {len(tensor.shape)} axes")
    if not tensor.stop - tensor.start:
        return np.empty(tensor.shape, kinds[tensor.dtype])
    content = np.memmap(path, np.uint8, "r", tensor.start, (tensor.stop - tensor.start,))
    return content.view(kinds[tensor.dtype]).reshape(tensor.shape)
