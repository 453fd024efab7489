"""The child that writes a feature index: it takes the datasets part by part and makes one HDF5 file of them.

Run as `python -m interpviz.data.feature_index_child`. Messages are JSON lines: first {"open": a new file}, answered
with {"open"}; then {"put": dataset path, "dtype", "shape": of the whole dataset, "scale", "rows": how many follow} with
the raw bytes of those rows after it; and {"close": the file's name to be, "about": the header's fields}, which is
answered with {"sha256"} once the file is whole. In the place of any answer comes {"error"}. It ends, leaving no file,
when its input ends first.
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

from interpviz.data.atomic import sync_folder
from interpviz.data.checksums import BLOCK, block_sums
from interpviz.data.disk_file import DiskFile
from interpviz.data.feature_index_file import ENCODING, VERSION, About, header
from interpviz.data.shard_file import ALIGNED


class _Dataset:
    """One dataset in work: rows come in their order, and their bytes are summed up in blocks."""

    def __init__(self, file: Any, message: dict[str, Any]) -> None:
        self.described = {name: message[name] for name in ("shape", "dtype", "scale")}
        self._stored = file.create_dataset(message["put"], tuple(message["shape"]), message["dtype"])
        self._rows, self._rest, self._sums = 0, b"", list[int]()

    def put(self, raw: bytes, rows: int) -> None:
        """Take the bytes of so many rows."""
        dtype, shape = np.dtype(self.described["dtype"]), tuple(self.described["shape"])
        self._stored[self._rows : self._rows + rows] = np.frombuffer(raw, dtype).reshape(rows, *shape[1:])
        self._rows += rows
        content = self._rest + raw
        whole = len(content) // BLOCK * BLOCK
        self._sums += block_sums(np.frombuffer(content[:whole], np.uint8)).tolist()
        self._rest = content[whole:]

    def sums(self) -> Any:
        """The checksums of all that there is."""
        if self._rows != self.described["shape"][0]:
            raise ValueError("rows are missing")
        rest = block_sums(np.frombuffer(self._rest, np.uint8)).tolist()
        return np.array([*self._sums, *rest], "<u4")


def main() -> None:
    """Write the one file of this process."""
    source = sys.stdin.buffer
    temporary = Path(json.loads(source.readline())["open"])
    try:
        answer = _written(source, temporary)
    except Exception as broken:  # the starting process says it in a sentence
        cause = os.strerror(broken.errno) if isinstance(broken, OSError) and broken.errno else str(broken)
        answer = {"error": cause.splitlines()[0][:200] if cause else type(broken).__name__}
    finally:
        temporary.unlink(missing_ok=True)
    if answer:
        _say(answer)


def _written(source: BinaryIO, temporary: Path) -> dict[str, Any]:
    """Write what comes until it is to be closed; nothing where the input ends first."""
    datasets: dict[str, _Dataset] = {}
    with DiskFile(temporary) as disk, h5py.File(disk, "w", **ALIGNED) as file:
        _say({"open": str(temporary)})
        for line in source:
            message = json.loads(line)
            if "close" in message:
                text = _finish(file, datasets, About(**message["about"]))
                break
            name = message["put"]
            if name not in datasets:
                datasets[name] = _Dataset(file, message)
            dtype, rows = np.dtype(message["dtype"]), message["rows"]
            size = rows * math.prod(message["shape"][1:]) * dtype.itemsize
            raw = source.read(size)
            if len(raw) < size:
                return {}
            datasets[name].put(raw, rows)
        else:
            return {}
    temporary.replace(message["close"])
    sync_folder(temporary.parent)
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _finish(file: Any, datasets: dict[str, _Dataset], about: About) -> str:
    """Write the checksums and the header, which is returned."""
    content = hashlib.sha256()
    for name, dataset in datasets.items():
        sums = dataset.sums()
        content.update(sums.tobytes())
        file.create_dataset(f"checksums/{name}", data=sums)
    described = {name: dataset.described for name, dataset in datasets.items()}
    text = json.dumps(header(about, described, content.hexdigest()))
    file.attrs["encoding-type"] = ENCODING
    file.attrs["encoding-version"] = VERSION
    file.attrs["header"] = text
    file.attrs["header-crc32"] = np.uint32(zlib.crc32(text.encode()))
    return text


if __name__ == "__main__":
    main()
