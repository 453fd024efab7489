"""One shard of a cache, read through a memory map; every 64 KiB block is checked when it is first touched."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from interpviz.core.errors import InterpvizError, shown
from interpviz.data import checked, manifest, probe
from interpviz.data.checked import CheckedArray, Described, Length
from interpviz.data.manifest import CacheDamaged, Job

TOKENS = ("tokens/id", "tokens/document", "tokens/position")


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
        content = checked.mapped(path, found.size, CacheDamaged)
        self._arrays = {
            name: CheckedArray(path, name, content, found, described, CacheDamaged)
            for name, described in header.datasets.items()
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


def _header_text(path: Path, found: probe.Structure) -> bytes:
    kind, version = found.attributes.get("encoding-type"), found.attributes.get("encoding-version")
    if kind != manifest.FORMAT:
        raise InterpvizError(
            f"{path.name} is an HDF5 file, but not a cache of interpviz. "
            "Open a shard or a folder that `interpviz record` made."
        )
    manifest.check_version(path, version)
    return checked.header_text(path, found, CacheDamaged)


def _shard_header(path: Path, text: bytes) -> ShardHeader:
    try:
        return ShardHeader.model_validate_json(text)
    except ValidationError as error:
        raise CacheDamaged(path, "its header does not describe its datasets") from error
