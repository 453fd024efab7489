"""The child that writes shards: it gathers blocks of rows and, told to close, makes one HDF5 file of them.

Run as `python -m interpviz.data.shard_child`. Messages are JSON lines: {"block": [{name, dtype, shape}...], "rows":
the most of a shard, "dtype"} followed by the raw bytes of those arrays, or {"close": path, "job": header, "shard":
number, "texts": {id: text}}, which is answered with {"shard", "tokens", "sha256"} or {"shard", "error"} once the file
is whole; the blocks of the next shard are taken meanwhile. It ends, leaving no file, when its input ends first.
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from interpviz.data import shard_file
from interpviz.data.gathered import Gathered

PIPE_BYTES = 2**20  # a pipe's own 64 KiB make the model wait 16 times as often


def main() -> None:
    """Gather and write until the input ends."""
    rows, closing = Gathered(), Thread()
    source = sys.stdin.buffer
    _widen(source)
    for line in source:
        message = json.loads(line)
        if "block" in message:
            rows.add(_block(source, message["block"]), message["rows"], message["dtype"])
            continue
        if closing.ident is not None:
            closing.join()
        closing = Thread(target=_close, args=(message, rows))
        closing.start()
        rows = Gathered()


def _block(source: BinaryIO, described: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    arrays = {}
    for entry in described:
        dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
        raw = source.read(dtype.itemsize * math.prod(shape))
        arrays[entry["name"]] = np.frombuffer(raw, dtype).reshape(shape)
    return arrays


def _close(message: dict[str, Any], rows: Gathered) -> None:
    path = Path(message["close"])
    try:
        texts = {int(key): text for key, text in message["texts"].items()}
        sha256 = shard_file.write_shard(path, message["job"], message["shard"], rows, texts)
        answer = {"tokens": rows.tokens, "sha256": sha256}
    except Exception as broken:  # the starting process says it in a sentence
        answer = {"error": _cause(broken)}
    sys.stdout.write(json.dumps({"shard": path.name, **answer}) + "\n")
    sys.stdout.flush()


def _cause(broken: Exception) -> str:
    """What went wrong, in words: the system's own where it says some, without this process's file names."""
    if isinstance(broken, OSError) and broken.errno:
        return os.strerror(broken.errno)
    return str(broken).splitlines()[0][:200] if str(broken) else type(broken).__name__


def _widen(pipe: BinaryIO) -> None:
    """Let the pipe hold a batch, where the system can."""
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except (ImportError, AttributeError, OSError):  # only Linux can, within what the administrator allows
        return


if __name__ == "__main__":
    assert h5py.version.hdf5_version_tuple  # imported here, so that the first shard does not wait for it
    main()
