"""Recorded rows whose values are known, so that what is read can be compared."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.data.manifest import Codes, Job
from interpviz.data.recorder import Recorder, recording
from interpviz.data.shard_writer import ShardWriter

RESIDUAL, Z = "blocks.0.hook_resid_post", "blocks.0.attn.hook_z"
CONTEXT = 20
CODES = Codes(name="sae", sha256="d" * 64, hook=RESIDUAL, features=100, k=4)
UNUSED = 0xFFFFFFFF
TEXTS = dict(enumerate(["<s>", " the", "é", "\x00", "a\nb", " 🙂", "<b>x</b>", ""]))


@dataclass(frozen=True)
class Sample:
    """A cache folder, its job, and the rows that went into it by dataset name."""

    folder: Path
    job: Job
    rows: dict[str, NDArray[Any]]


def job(**changes: Any) -> Job:
    """A job of two sites of a model that is not there."""
    fields: dict[str, Any] = {
        "model": "toy",
        "model_sha256": "a" * 64,
        "tokenizer_sha256": "b" * 64,
        "numerics": "huggingface",
        "sites": (RESIDUAL, Z),
        "dtype": "float16",
        "context": CONTEXT,
        "tokens": 160,
        "texts": ("c" * 64,),
        "created": "2026-01-01T00:00:00Z",
    }
    return Job(**(fields | changes))


def rows(count: int, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Rows as a recording gives them, whose values float16 holds exactly."""
    rng = np.random.default_rng(seed)
    position = np.arange(count, dtype=np.int32) % CONTEXT
    return {
        "id": np.where(position == 0, 0, rng.integers(1, len(TEXTS), count)).astype(np.int32),
        "document": np.sort(rng.integers(0, 7, count)).astype(np.int32),
        "position": position,
        RESIDUAL: rng.standard_normal((count, 48)).astype(np.float16).astype(np.float32),
        Z: rng.standard_normal((count, 3, 8)).astype(np.float16).astype(np.float32),
    } | _codes(count, rng)


def _codes(count: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """The strongest features of each row by value, largest first; one row in three has one fewer than there is room."""
    index = np.argsort(rng.random((count, CODES.features)), axis=1)[:, : CODES.k].astype(np.uint32)
    value = -np.sort(-rng.random((count, CODES.k)), axis=1).astype(np.float16).astype(np.float32)
    index[::3, -1], value[::3, -1] = UNUSED, 0
    return {"sae/index": index, "sae/value": value}


def record(folder: Path, shards: tuple[int, ...], blocks: int = 3, **changes: Any) -> Sample:
    """Record shards of so many rows, each handed over in a few blocks."""
    wanted = job(tokens=sum(shards), **changes)
    with writing(folder, wanted, shards) as work:
        for number in work.recorder.missing(len(shards)):
            work.shard(number, blocks)
    return Sample(folder, wanted, rows(sum(shards)))


@dataclass(frozen=True)
class Work:
    """A recording of known rows in shards of so many."""

    recorder: Recorder
    writer: ShardWriter
    shards: tuple[int, ...]

    def add(self, number: int, count: int | None = None, blocks: int = 1) -> None:
        """Hand over a shard's rows, or its first ones."""
        start, every = sum(self.shards[:number]), rows(sum(self.shards))
        stop = start + (self.shards[number] if count is None else count)
        for part in np.array_split(np.arange(start, stop), blocks):
            self.writer.add(named(every, part, self.recorder.job.sites, self.recorder.job.dictionaries))

    def shard(self, number: int, blocks: int = 1) -> None:
        """Write and commit one shard."""
        self.add(number, blocks=blocks)
        self.recorder.commit(self.writer.close(number, TEXTS))


@contextlib.contextmanager
def writing(folder: Path, wanted: Job, shards: tuple[int, ...] = (100, 60)) -> Iterator[Work]:
    """A recorder and a writer of this job."""
    with recording(folder, wanted, room=1000) as recorder, ShardWriter(folder, wanted, max(shards)) as writer:
        recorder.missing(len(shards))
        yield Work(recorder, writer, shards)


def write_one(
    folder: Path, wanted: Job, document: NDArray[np.int32], position: NDArray[np.int32], rows: dict[str, NDArray[Any]]
) -> None:
    """A cache of one shard of these rows, all of token 0, by hook name."""
    tokens = {"tokens/id": np.zeros_like(document), "tokens/document": document, "tokens/position": position}
    with recording(folder, wanted, room=100) as recorder, ShardWriter(folder, wanted, len(document)) as writer:
        recorder.missing(1)
        writer.add(tokens | {f"activations/{hook}": values for hook, values in rows.items()})
        recorder.commit(writer.close(0, {0: "<s>"}))


def named(
    every: dict[str, NDArray[Any]],
    part: Any,
    sites: tuple[str, ...] = (RESIDUAL, Z),
    dictionaries: tuple[Codes, ...] = (),
) -> dict[str, NDArray[Any]]:
    """Some of the rows, by dataset path, as a writer takes them."""
    tokens = {f"tokens/{name}": every[name][part] for name in ("id", "document", "position")}
    codes = (f"{codes.name}/{kind}" for codes in dictionaries for kind in ("index", "value"))
    return (
        tokens
        | {f"activations/{site}": every[site][part] for site in sites}
        | {f"codes/{name}": every[name][part] for name in codes}
    )
