"""Datasets in the memory map of an HDF5 file of ours; every 64 KiB block is checked when it is first touched."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from interpviz.core.errors import InterpvizError, shown
from interpviz.data import probe
from interpviz.data.checksums import BLOCK, block_count, block_sums, blocks_of_rows
from interpviz.data.halves import all_finite

Length = Annotated[int, Field(ge=0, lt=2**40)]
Damaged = Callable[[Path, str], InterpvizError]
"""What to raise for a file, and what is the matter with it."""


def header_text(path: Path, found: probe.Structure, damaged: Damaged) -> bytes:
    """The header that the file's root holds, as JSON; raises `damaged` where it is not as it was written."""
    text, crc = found.attributes.get("header"), found.attributes.get("header-crc32")
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else b""
    if not raw or zlib.crc32(raw) != crc:
        raise damaged(path, "its header is not as it was written")
    return raw


class Described(BaseModel):
    """What the header says of one dataset; a stored value times `scale` is the activation."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    shape: Annotated[tuple[Length, ...], Field(min_length=1, max_length=3)]
    dtype: Annotated[str, Field(pattern=r"^(<f2|<f4|<f8|<i4|<u2|<u4|<u8|\|u1|\|S[1-9]\d{0,5})$")]
    scale: Annotated[float, Field(ge=2.0**-126, le=2.0**127)] = 1.0  # what float32 holds


class CheckedArray:
    """One dataset in the file's memory map. `values` is raw: ask `rows` or `all`, which look at the checksums.

    `finite`: whether all float16 numbers that were looked at so far are.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        content: NDArray[np.uint8],
        found: probe.Structure,
        described: Described,
        damaged: Damaged,
    ) -> None:
        """`content` are the bytes of the file, `damaged` is what is raised where one is not as it was written."""
        self.path, self.name, self.scale, self._damaged = path, name, described.scale, damaged
        stored = _place(path, name, found, described.shape, described.dtype, damaged)
        sums = _place(path, f"checksums/{name}", found, (block_count(stored.nbytes),), "<u4", damaged)
        self._bytes = _piece(content, stored)
        self._sums = _piece(content, sums).view("<u4")
        self._seen = np.zeros(len(self._sums), np.bool_)
        self._whole, self._size = False, found.size
        self.finite = described.dtype == "<f2"
        self.values: NDArray[Any] = self._bytes.view(stored.dtype).reshape(stored.shape)

    @property
    def width(self) -> int:
        """Bytes of one row."""
        return len(self._bytes) // len(self.values)

    def rows(self, index: NDArray[np.intp]) -> NDArray[Any]:
        """A copy of these rows, as stored. Raises `damaged` where a byte of them is not as it was written."""
        self._check_uncut()
        if not self._whole:
            self._check(self._blocks(index))
        rows = self._bytes.view(f"V{self.width}").take(index)  # a row is one copy
        return rows.view(self.values.dtype).reshape(len(index), *self.values.shape[1:])

    def part(self, start: int, stop: int) -> NDArray[Any]:
        """The rows from `start` to `stop`, without a copy. Raises as `rows` does."""
        self._check_uncut()
        if not self._whole and start < stop:
            first, last = start * self.width // BLOCK, (stop * self.width - 1) // BLOCK
            if first < last or not self._seen[first]:
                self._check(np.arange(first, last + 1))
        return self.values[start:stop]

    def all(self) -> NDArray[Any]:
        """Every row, without a copy. Raises `damaged` where a byte is not as it was written."""
        self._check_uncut()
        if not self._whole:
            self._check(np.arange(len(self._seen)))
        return self.values

    def _blocks(self, index: NDArray[np.intp]) -> NDArray[np.intp]:
        """The blocks that hold a byte of these rows; of few rows in a time that does not grow with the file."""
        if 8 * len(index) < len(self._seen) and self.width <= BLOCK:
            first = index * self.width
            return np.unique(np.concatenate([first, first + self.width - 1]) // BLOCK)
        return np.flatnonzero(blocks_of_rows(index, self.width, len(self._bytes)))

    def _check_uncut(self) -> None:
        """Raise `damaged` where the file was cut: to touch what is gone would end this process. Takes 2 us."""
        with contextlib.suppress(OSError):  # a file that was taken away is still mapped
            if os.stat(self.path).st_size < self._size:
                raise self._damaged(self.path, "it was cut while it was open")

    def _check(self, blocks: NDArray[np.intp]) -> None:
        unseen = blocks[~self._seen[blocks]]
        for block in unseen.tolist():
            content = self._bytes[block * BLOCK : (block + 1) * BLOCK]
            if block_sums(content)[0] != self._sums[block]:
                raise self._damaged(self.path, f"block {block} of {shown(self.name)} is not as it was written")
            self.finite = self.finite and all_finite(content.view(np.float16))
            self._seen[block] = True
        self._whole = bool(self._seen.all())


def mapped(path: Path, size: int, damaged: Damaged) -> NDArray[np.uint8]:
    """The bytes of the file, which must be as many as when it was looked into."""
    try:
        content = np.asarray(np.memmap(path, np.uint8, "r"))  # without the cost of the subclass
    except (OSError, ValueError) as error:  # it is gone, or empty
        raise damaged(path, "it changed while it was opened") from error
    if len(content) != size:
        raise damaged(path, "it changed while it was opened")
    return content


def _place(
    path: Path, name: str, found: probe.Structure, shape: tuple[int, ...], dtype: str, damaged: Damaged
) -> probe.Stored:
    """Where a dataset lies, if it is what the header says it is."""
    stored = found.datasets.get(name)
    if stored is None or (stored.shape, stored.dtype) != (shape, dtype):
        raise damaged(path, f"{shown(name)} is missing or not as its header says")
    if stored.offset is None or stored.nbytes == 0 or stored.offset + stored.nbytes > found.size:
        raise damaged(path, f"{shown(name)} does not lie whole in the file")
    return stored


def _piece(content: NDArray[np.uint8], stored: probe.Stored) -> NDArray[np.uint8]:
    assert stored.offset is not None
    return content[stored.offset : stored.offset + stored.nbytes]
