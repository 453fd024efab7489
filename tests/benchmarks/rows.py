"""512 random rows of a recorded cache against h5py and a bare memory map of the same numbers."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import F4
from interpviz.data import probe
from interpviz.data.activations import Cache
from interpviz.data.manifest import Job
from interpviz.data.recorder import SHARD_TOKENS, recording
from interpviz.data.shard_writer import ShardWriter
from tests.benchmarks.rounds import Row, compared, times_faster

ROWS, WIDTH, WANTED, CONTEXT = 65_536, 768, 512, 128
DRAWS = 10  # a round: one draw takes less than a millisecond
HOOK = "blocks.0.hook_resid_post"

Read = Callable[[NDArray[np.intp]], NDArray[Any]]


def rows() -> list[Row]:
    """SPEED's aim for random rows: 10 times h5py's indexing. All three files are in memory by then."""
    with tempfile.TemporaryDirectory() as folder:
        values = np.random.default_rng(0).standard_normal((ROWS, WIDTH)).astype(np.float16)
        found = list(_rows(Path(folder), values))
        probe.end()
    return found


def _rows(folder: Path, values: NDArray[np.float16]) -> Iterator[Row]:
    _record(folder / "x.acts", values)
    np.save(folder / "x.npy", values)
    with h5py.File(folder / "x.h5", "w") as file:
        file["x"] = values
    cache, mapped = Cache.open(folder / "x.acts"), np.load(folder / "x.npy", mmap_mode="r")
    draws = [np.random.default_rng(seed).choice(ROWS, WANTED, replace=False) for seed in range(DRAWS)]
    with h5py.File(folder / "x.h5") as file:
        readers: dict[str, Read] = {
            "ours": lambda index: cache.rows(HOOK, index),
            "h5py": lambda index: file["x"][np.sort(index)].astype(np.float32),
            "memmap": lambda index: mapped[index].astype(np.float32),
        }
        exact = all(_exact(readers, values, index) for index in draws)
        cache.rows(HOOK, slice(None))  # every checksum seen
        ours, h5, memmap = (_timed(read, draws) for read in readers.values())
        halves = _timed(lambda index: file["x"][np.sort(index)], draws)
        name, note = f"{WANTED} random rows of {ROWS:,} x {WIDTH}", f"first touch {_first_touch(folder, draws):.0f} ms"
        yield times_faster(name, "h5py, dataset[sorted rows].astype(float32)", 10.0, ours, h5, note, exact)
        yield times_faster(name, "h5py, dataset[sorted rows], left as float16", 10.0, ours, halves, note, exact)
        yield compared(name, "np.memmap[rows].astype(float32)", 1.0, ours, memmap, note)


def _exact(readers: dict[str, Read], values: NDArray[np.float16], index: NDArray[np.intp]) -> bool:
    """Whether each gives the values that were written; h5py only in the order of the file."""
    return all(
        np.array_equal(read(index).astype(np.float32), values[np.sort(index) if name == "h5py" else index])
        for name, read in readers.items()
    )


def _timed(read: Read, draws: list[NDArray[np.intp]]) -> Callable[[], float]:
    def once() -> float:
        begun = time.perf_counter()
        for index in draws:
            read(index)
        return time.perf_counter() - begun

    return once


def _first_touch(folder: Path, draws: list[NDArray[np.intp]]) -> float:
    """Milliseconds of the median draw from shards of which no checksum was seen yet."""
    took = []
    for index in draws:
        cache = Cache.open(folder / "x.acts")
        cache.rows(HOOK, [])
        cache.context(ROWS - 1)  # both shards are open
        begun = time.perf_counter()
        cache.rows(HOOK, index)
        took.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(took)


def _record(folder: Path, values: NDArray[np.float16]) -> None:
    job = Job(
        model="none",
        model_sha256="0" * 64,
        tokenizer_sha256="0" * 64,
        numerics="huggingface",
        sites=(HOOK,),
        dtype="float16",
        context=CONTEXT,
        tokens=ROWS,
        texts=(),
    )
    with recording(folder, job, room=0) as recorder, ShardWriter(folder, job, SHARD_TOKENS) as writer:
        for number in recorder.missing(ROWS // SHARD_TOKENS):
            writer.add(_block(values, number * SHARD_TOKENS))
            recorder.commit(writer.close(number, {0: "."}))


def _block(values: NDArray[np.float16], start: int) -> dict[str, NDArray[np.int32] | F4]:
    row = np.arange(start, start + SHARD_TOKENS, dtype=np.int32)
    return {
        "tokens/id": np.zeros_like(row),
        "tokens/document": row // CONTEXT,
        "tokens/position": row % CONTEXT,
        f"activations/{HOOK}": values[row].astype(np.float32),
    }
