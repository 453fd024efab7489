"""The child that reads rows of other people's HDF5 datasets, once the probe has let their file pass.

Run as `python -m interpviz.data.rows_child`. A message is a JSON line {"path", "dataset", "start", "stop", "axes"}; the
rows are counted over the first `axes` axes, one or two. The answer is {"dtype"} and the rows' raw bytes behind it, or
{"error"}.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.data.closed_hdf5 import h5py

MEMORY = 4 * 2**30
CHUNKS_BYTES = 2**30  # kept unpacked over all datasets: the rows of one chunk are asked for in several pieces


class Files:
    """The file that was last read, with its datasets."""

    def __init__(self) -> None:
        self._path = ""
        self._file: Any = None
        self._datasets: dict[str, Any] = {}
        self._left = CHUNKS_BYTES

    def dataset(self, path: str, name: str) -> Any:
        """A dataset, which stays open until another file is asked for."""
        if path != self._path:
            self._datasets.clear()
            if self._file is not None:
                self._file.close()
            self._file, self._path, self._left = h5py.File(path, "r", locking=False), path, CHUNKS_BYTES
        if name not in self._datasets:
            self._datasets[name] = h5py.Dataset(h5py.h5d.open(self._file.id, name.encode(), self._access(name)))
        return self._datasets[name]

    def _access(self, name: str) -> Any:
        """How to open a dataset: a packed one keeps a chunk unpacked, while there is memory for it."""
        access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
        plain = self._file[name]
        if plain.chunks and plain.id.get_create_plist().get_nfilters():
            chunk = plain.dtype.itemsize * int(np.prod(plain.chunks, dtype=np.int64))
            if chunk <= self._left:
                self._left -= chunk
                access.set_chunk_cache(521, chunk, 1.0)
        return access


def rows(dataset: Any, start: int, stop: int, axes: int) -> NDArray[Any]:
    """Rows of a dataset as they are stored: (stop - start, ...)."""
    if axes == 1:
        return np.asarray(dataset[start:stop])
    length = dataset.shape[1]
    found = np.empty((stop - start, *dataset.shape[2:]), dataset.dtype)
    done = 0
    while done < stop - start:
        context, low = divmod(start + done, length)
        high = min(length, low + stop - start - done)
        found[done : done + high - low] = dataset[context, low:high]
        done += high - low
    return found


def answer(files: Files, line: bytes) -> tuple[dict[str, Any], bytes]:
    """What is said, and the bytes behind it."""
    try:
        asked = json.loads(line)
        found = rows(files.dataset(asked["path"], asked["dataset"]), asked["start"], asked["stop"], asked["axes"])
        return {"dtype": found.dtype.str}, found.tobytes()
    except MemoryError:
        return {"error": "it asks for too much memory"}, b""
    except Exception as broken:  # whatever h5py raises over a broken file is an answer, not a crash
        said = str(broken).splitlines()[0][:200] if str(broken) else type(broken).__name__
        return {"error": f"HDF5 cannot read it ({said})"}, b""


def main() -> None:
    """Answer until the input ends."""
    with contextlib.suppress(ImportError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    files = Files()
    for line in sys.stdin.buffer:
        said, raw = answer(files, line)
        sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + raw)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
