"""One shard of a cache, read through a memory map; every 64 KiB block is checked when it is first touched."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interpviz.core.errors import InterpvizError, shown
from interpviz.data import manifest, probe
from interpviz.data.checksums import BLOCK, block_count, block_sums, blocks_of_rows
from interpviz.data.halves import all_finite
from interpviz.data.manifest import CacheDamaged, Job

TOKENS = ("tokens/id", "tokens/document", "tokens/position")

Length = Annotated[int, Field(ge=0, lt=2**40)]


class Described(BaseModel):
    """What the header says of one dataset; a stored value times `scale` is the activation."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    shape: Annotated[tuple[Length, ...], Field(min_length=1, max_length=3)]
    dtype: Annotated[str, Field(pattern=r"^(<f2|<f8|<i4|<u2|<u4|\|S[1-9]\d{0,5})$")]
    scale: Annotated[float, Field(ge=2.0**-126, le=2.0**127)] = 1.0  # what float32 holds


class ShardHeader(BaseModel):
    """All that a reader of one shard needs, beside its job: its number and its datasets by path."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    shard: Length
    datasets: dict[str, Described]


class Shard:
    """An open shard: arrays by dataset path, `tokens` rows of them."""

    def __init__(self, path: Path) -> None:
        found = probe.structure(path)
        self.path = path
        text = _header_text(path, found)
        self.job = manifest.parse_job(path, text)
        header = _shard_header(path, text)
        self.number, self.sha256 = header.shard, hashlib.sha256(text).hexdigest()
        if found.problems:
            raise InterpvizError(f"{path.name} is refused: {found.problems[0]}. Take a copy from its source.")
        content = _mapped(path, found.size)
        self._arrays = {
            name: CheckedArray(path, name, content, found, described) for name, described in header.datasets.items()
        }
        self.tokens = self._rows()

    def __getitem__(self, name: str) -> CheckedArray:
        return self._arrays[name]

    @property
    def names(self) -> tuple[str, ...]:
        """The path of every dataset that the header describes."""
        return tuple(self._arrays)

    def _rows(self) -> int:
        """How many rows all datasets have; raises CacheDamaged where they disagree or one is missing."""
        for name, dtype in dataset_types(self.job).items():
            if name not in self._arrays or not self[name].values.dtype.str.startswith(dtype):
                raise CacheDamaged(self.path, f"it has no {shown(name)} of the right type")
        self._check_shapes()
        for codes in self.job.dictionaries:
            if self[f"codes/{codes.name}/index"].values.shape[1:] != (codes.k,):
                raise CacheDamaged(self.path, f"its codes of {shown(codes.name)} are not {codes.k} a token")
        lengths = {len(self[name].values) for name in (*TOKENS, *rows_of(self.job))}
        if len(lengths) != 1:
            raise CacheDamaged(self.path, "its datasets differ in length")
        return lengths.pop()

    def _check_shapes(self) -> None:
        """Raise CacheDamaged where a dataset has more or fewer axes than it is read with."""
        shapes = {name: self[name].values.shape for name in dataset_types(self.job)}
        for name in (*TOKENS, *(f"vocabulary/{part}" for part in ("id", "text", "length"))):
            self._expect(name, len(shapes[name]) == 1)
        for site in self.job.sites:
            row = shapes[f"activations/{site}"][1:]
            self._expect(f"activations/{site}", bool(row))
            for part, shape in {"count": (1,), "mean": row, "m2": row}.items():
                self._expect(f"statistics/{site}/{part}", shapes[f"statistics/{site}/{part}"] == shape)

    def _expect(self, name: str, right: bool) -> None:
        if not right:
            raise CacheDamaged(self.path, f"{shown(name)} has another shape than it should")


def rows_of(job: Job) -> tuple[str, ...]:
    """The datasets of a shard that have a row a token, beside the tokens themselves."""
    codes = (f"codes/{codes.name}/{part}" for codes in job.dictionaries for part in ("index", "value"))
    return (*(f"activations/{site}" for site in job.sites), *codes)


def dataset_types(job: Job) -> dict[str, str]:
    """The datasets that a shard of this job has, and the first letters of each one's type."""
    types = dict.fromkeys((*TOKENS, "vocabulary/id", "vocabulary/length"), "<i4") | {"vocabulary/text": "|S"}
    for site in job.sites:
        types[f"activations/{site}"] = "<f2" if job.dtype == "float16" else "<u2"
        types |= dict.fromkeys((f"statistics/{site}/{name}" for name in ("count", "mean", "m2")), "<f8")
    for codes in job.dictionaries:
        types |= {f"codes/{codes.name}/index": "<u4", f"codes/{codes.name}/value": "<f2"}
    return types


class CheckedArray:
    """One dataset in the file's memory map. `values` is raw: ask `rows` or `all`, which look at the checksums.

    `finite`: whether all float16 numbers that were looked at so far are.
    """

    def __init__(
        self, path: Path, name: str, content: NDArray[np.uint8], found: probe.Structure, described: Described
    ) -> None:
        self.path, self.name, self.scale = path, name, described.scale
        stored = _place(path, name, found, described.shape, described.dtype)
        sums = _place(path, f"checksums/{name}", found, (block_count(stored.nbytes),), "<u4")
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
        """A copy of these rows, as stored. Raises CacheDamaged where a byte of them is not as it was written."""
        self._check_uncut()
        if not self._whole:
            self._check(blocks_of_rows(index, self.width, len(self._bytes)))
        rows = self._bytes.view(f"V{self.width}").take(index)  # a row is one copy
        return rows.view(self.values.dtype).reshape(len(index), *self.values.shape[1:])

    def part(self, start: int, stop: int) -> NDArray[Any]:
        """The rows from `start` to `stop`, without a copy. Raises CacheDamaged as `rows` does."""
        self._check_uncut()
        if not self._whole and start < stop:
            blocks = np.zeros(len(self._seen), np.bool_)
            blocks[start * self.width // BLOCK : (stop * self.width - 1) // BLOCK + 1] = True
            self._check(blocks)
        return self.values[start:stop]

    def all(self) -> NDArray[Any]:
        """Every row, without a copy. Raises CacheDamaged where a byte is not as it was written."""
        self._check_uncut()
        if not self._whole:
            self._check(np.ones(len(self._seen), np.bool_))
        return self.values

    def _check_uncut(self) -> None:
        """Raise CacheDamaged where the file was cut: to touch what is gone would end this process. Takes 2 us."""
        with contextlib.suppress(OSError):  # a file that was taken away is still mapped
            if os.stat(self.path).st_size < self._size:
                raise CacheDamaged(self.path, "it was cut while it was open")

    def _check(self, blocks: NDArray[np.bool_]) -> None:
        for block in np.flatnonzero(blocks & ~self._seen):
            content = self._bytes[block * BLOCK : (block + 1) * BLOCK]
            if block_sums(content)[0] != self._sums[block]:
                raise CacheDamaged(self.path, f"block {block} of {shown(self.name)} is not as it was written")
            self.finite = self.finite and all_finite(content.view(np.float16))
            self._seen[block] = True
        self._whole = bool(self._seen.all())


def _mapped(path: Path, size: int) -> NDArray[np.uint8]:
    """The bytes of the file, which must be as many as when it was looked into."""
    try:
        content = np.asarray(np.memmap(path, np.uint8, "r"))  # without the cost of the subclass
    except (OSError, ValueError) as error:  # it is gone, or empty
        raise CacheDamaged(path, "it changed while it was opened") from error
    if len(content) != size:
        raise CacheDamaged(path, "it changed while it was opened")
    return content


def _header_text(path: Path, found: probe.Structure) -> bytes:
    kind, version = found.attributes.get("encoding-type"), found.attributes.get("encoding-version")
    if kind != manifest.FORMAT:
        raise InterpvizError(
            f"{path.name} is an HDF5 file, but not a cache of interpviz. "
            "Open a shard or a folder that `interpviz record` made."
        )
    manifest.check_version(path, version)
    text, crc = found.attributes.get("header"), found.attributes.get("header-crc32")
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else b""
    if not raw or zlib.crc32(raw) != crc:
        raise CacheDamaged(path, "its header is not as it was written")
    return raw


def _shard_header(path: Path, text: bytes) -> ShardHeader:
    try:
        return ShardHeader.model_validate_json(text)
    except ValidationError as error:
        raise CacheDamaged(path, "its header does not describe its datasets") from error


def _place(path: Path, name: str, found: probe.Structure, shape: tuple[int, ...], dtype: str) -> probe.Stored:
    """Where a dataset lies, if it is what the header says it is."""
    stored = found.datasets.get(name)
    if stored is None or (stored.shape, stored.dtype) != (shape, dtype):
        raise CacheDamaged(path, f"{shown(name)} is missing or not as its header says")
    if stored.offset is None or stored.nbytes == 0 or stored.offset + stored.nbytes > found.size:
        raise CacheDamaged(path, f"{shown(name)} does not lie whole in the file")
    return stored


def _piece(content: NDArray[np.uint8], stored: probe.Stored) -> NDArray[np.uint8]:
    assert stored.offset is not None
    return content[stored.offset : stored.offset + stored.nbytes]
