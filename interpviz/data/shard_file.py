"""How a shard lies in its file: contiguous datasets, statistics, checksums, and a header that says all of it."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from interpviz.data import hashes
from interpviz.data.atomic import sync_folder
from interpviz.data.checksums import block_sums
from interpviz.data.disk_file import DiskFile
from interpviz.data.gathered import Gathered
from interpviz.data.halves import as_float32, of_bfloat16

ENCODING = "interpviz-activations"
# Numbers that lie askew in the memory map are read at half the speed.
ALIGNED = {"alignment_threshold": 1, "alignment_interval": 64}
PIECE = 1024  # rows a step: 32,768 x 768 values take 0.15 s, in one piece 1 s

Arrays = dict[str, NDArray[Any]]


def write_shard(path: Path, job: dict[str, Any], shard: int, rows: Gathered, texts: dict[int, str]) -> str:
    """Write one shard, whole or not at all, and return its sha256."""
    datasets = _datasets(rows, texts)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with DiskFile(temporary) as disk, h5py.File(disk, "w", **ALIGNED) as file:
            _fill(file, datasets, job["version"], _header(job, shard, datasets, rows.scales))
        sha256 = hashes.content_sha256(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return sha256


def statistics(stored: NDArray[Any], chosen: NDArray[np.bool_], scale: float) -> Arrays:
    """How many of the chosen rows, their mean and the sum of their squared distances from it: count (1,), mean and

    m2 (d...). Source: Chan, Golub and LeVeque 1979, for the union of the pieces.
    """
    count, mean, m2 = 0, np.zeros(stored.shape[1:]), np.zeros(stored.shape[1:])
    as_float = as_float32 if stored.dtype == np.float16 else of_bfloat16
    for low in range(0, len(stored), PIECE):
        here = slice(low, low + PIECE)
        values = as_float(stored[here][chosen[here]]).astype(np.float64) * scale
        if not len(values):
            continue
        total = count + len(values)
        centre = values.mean(axis=0)
        values -= centre
        m2 += np.einsum("n...,n...->...", values, values) + (centre - mean) ** 2 * (count * len(values) / total)
        mean += (centre - mean) * (len(values) / total)
        count = total
    return {"count": np.array([count], "<f8"), "mean": mean, "m2": m2}


def _datasets(rows: Gathered, texts: dict[int, str]) -> Arrays:
    """Every dataset by path in the order of the file."""
    found: Arrays = {name: rows[name] for name in rows.names if name.startswith("tokens/")}
    found |= _vocabulary(np.unique(rows["tokens/id"]), texts)
    later = rows["tokens/position"] > 0  # position 0 is a BOS, always the same and often huge
    for name in sorted(name for name in rows.names if name.startswith("activations/")):
        found[name] = rows[name]
        summed = statistics(rows[name], later, rows.scales.get(name, 1.0))
        hook = name.removeprefix("activations/")
        found |= {f"statistics/{hook}/{key}": value for key, value in summed.items()}
    return found | {name: rows[name] for name in sorted(rows.names) if name.startswith("codes/")}


def _vocabulary(ids: NDArray[np.int32], texts: dict[int, str]) -> Arrays:
    raw = [texts.get(int(i), "").encode("utf-8", "replace") for i in ids]
    width = max(1, *(len(text) for text in raw))
    return {
        "vocabulary/id": ids.astype("<i4"),
        "vocabulary/text": np.array(raw, h5py.string_dtype("utf-8", width)),
        "vocabulary/length": np.array([len(text) for text in raw], "<i4"),  # a text may end in NUL
    }


def _header(job: dict[str, Any], shard: int, datasets: Arrays, scales: dict[str, float]) -> str:
    described = {
        name: {"shape": array.shape, "dtype": array.dtype.str, "scale": scales.get(name, 1.0)}
        for name, array in datasets.items()
    }
    return json.dumps({**job, "shard": shard, "datasets": described})


def _fill(file: Any, datasets: Arrays, version: str, header: str) -> None:
    file.attrs["encoding-type"] = ENCODING
    file.attrs["encoding-version"] = version
    file.attrs["header"] = header
    file.attrs["header-crc32"] = np.uint32(zlib.crc32(header.encode()))
    for name, array in datasets.items():
        whole = np.ascontiguousarray(array)
        written = file.create_dataset(name, data=whole)
        if whole.dtype == np.uint16:
            written.attrs["dtype"] = "bfloat16"  # HDF5 has no such type: these are its bits
        file.create_dataset(f"checksums/{name}", data=block_sums(whole.reshape(-1).view(np.uint8)))
