"""The child that writes shards: it gathers blocks of rows and, told to close, makes one HDF5 file of them.

Run as `python -m interpviz.data.shard_child`. Messages are JSON lines: {"block": [{name, dtype, shape}...]} followed
by the raw bytes of those arrays, or {"close": path, "job": header, "shard": number, "texts": {id: text}}, which is
answered with {"tokens", "sha256"} or {"error"}. It ends, leaving no file, when its input ends before a close.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from interpviz.data.atomic import sync_folder
from interpviz.data.checksums import block_sums

ENCODING = "interpviz-activations"
ENCODING_VERSION = "1.0.0"
LARGEST = 65504.0  # of float16
PIECE = 1024  # rows a step: 32,768 x 768 values take 0.15 s, in one piece 1 s

Arrays = dict[str, NDArray[Any]]


def write_shard(path: Path, job: dict[str, Any], shard: int, arrays: Arrays, texts: dict[int, str]) -> str:
    """Write one shard, whole or not at all, and return its sha256.

    `arrays` has tokens/id, tokens/document, tokens/position (n,) and activations/HOOK (n, d...) float32.
    """
    datasets, scales = _datasets(arrays, texts)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with h5py.File(temporary, "w") as file:
            _fill(file, datasets, _header(job, shard, datasets, scales))
        sha256 = _synced_sha256(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return sha256


def half(values: NDArray[np.float32]) -> tuple[NDArray[np.float16], float]:
    """Values as float16 times a power of two: the scale is 1 unless a finite value is too large for float16."""
    largest = float(max(-values.min(), values.max()))
    if not math.isfinite(largest):
        magnitude = np.abs(values)
        largest = float(magnitude.max(initial=0.0, where=np.isfinite(magnitude)))
    if largest <= LARGEST:
        return values.astype("<f2"), 1.0
    scale = 2.0 ** math.ceil(math.log2(largest / LARGEST))
    return (values / np.float32(scale)).astype("<f2"), scale


def statistics(stored: NDArray[np.float16], scale: float) -> dict[str, NDArray[np.float64]]:
    """How many rows, their mean and the sum of their squared distances from it: count (1,), mean and m2 (d...).

    Source: Chan, Golub and LeVeque 1979, for the union of the pieces.
    """
    count, mean, m2 = 0, np.zeros(stored.shape[1:]), np.zeros(stored.shape[1:])
    for low in range(0, len(stored), PIECE):
        values = stored[low : low + PIECE].astype(np.float64) * scale
        total = count + len(values)
        centre = values.mean(axis=0)
        values -= centre
        m2 += np.einsum("n...,n...->...", values, values) + (centre - mean) ** 2 * (count * len(values) / total)
        mean += (centre - mean) * (len(values) / total)
        count = total
    return {"count": np.array([count], "<f8"), "mean": mean, "m2": m2}


def _datasets(arrays: Arrays, texts: dict[int, str]) -> tuple[Arrays, dict[str, float]]:
    """Every dataset by path in the order of the file, and the scales of those that hold activations."""
    found: Arrays = {name: array for name, array in arrays.items() if name.startswith("tokens/")}
    scales: dict[str, float] = {}
    found |= _vocabulary(np.unique(arrays["tokens/id"]), texts)
    later = arrays["tokens/position"] > 0  # position 0 is a BOS, always the same and often huge
    for name in sorted(name for name in arrays if name.startswith("activations/")):
        found[name], scales[name] = half(arrays[name])
        hook = name.removeprefix("activations/")
        summed = statistics(found[name][later], scales[name])
        found |= {f"statistics/{hook}/{key}": value for key, value in summed.items()}
    return found, scales


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


def _fill(file: Any, datasets: Arrays, header: str) -> None:
    file.attrs["encoding-type"] = ENCODING
    file.attrs["encoding-version"] = ENCODING_VERSION
    file.attrs["header"] = header
    file.attrs["header-crc32"] = np.uint32(zlib.crc32(header.encode()))
    for name, array in datasets.items():
        file.create_dataset(name, data=array)
        file.create_dataset(f"checksums/{name}", data=block_sums(np.frombuffer(array.tobytes(), np.uint8)))


def _synced_sha256(path: Path) -> str:
    with path.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return digest


def _block(source: BinaryIO, described: list[dict[str, Any]]) -> Arrays:
    arrays = {}
    for entry in described:
        dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
        raw = source.read(dtype.itemsize * math.prod(shape))
        arrays[entry["name"]] = np.frombuffer(raw, dtype).reshape(shape)
    return arrays


def _close(message: dict[str, Any], blocks: list[Arrays]) -> dict[str, Any]:
    try:
        arrays = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        texts = {int(key): text for key, text in message["texts"].items()}
        sha256 = write_shard(Path(message["close"]), message["job"], message["shard"], arrays, texts)
    except Exception as broken:  # the starting process says it in a sentence
        return {"error": str(broken).splitlines()[0][:200] if str(broken) else type(broken).__name__}
    return {"tokens": len(arrays["tokens/id"]), "sha256": sha256}


def main() -> None:
    """Gather and write until the input ends."""
    blocks: list[Arrays] = []
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "block" in message:
            blocks.append(_block(sys.stdin.buffer, message["block"]))
            continue
        sys.stdout.write(json.dumps(_close(message, blocks)) + "\n")
        sys.stdout.flush()
        blocks = []


if __name__ == "__main__":
    main()
