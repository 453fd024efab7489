"""A feature index while it is being written, by a child process: what kills the writer leaves no file."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.features import INDEX_ENDING
from interpviz.data.child import Child, ChildFailed
from interpviz.data.feature_index_file import TYPES, About

SPARE_BYTES = 2**26
PART = 2**24  # bytes that cross the pipe at once: a cancel waits for no more


class FeatureIndexWriter:
    """Writes one feature index. `put` takes rows of a dataset in their order, `finish` makes the file of them.

    Until then there is no file of this name, or the one that there was; at the end of the `with` block nothing else.
    """

    def __init__(self, path: Path) -> None:
        """Raises InterpvizError where the folder cannot be written."""
        self.path = Path(os.path.abspath(path))
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        _prepare(self.path)
        self._child = Child("interpviz.data.feature_index_child")
        try:
            with self._going_on():
                self._child.tell({"open": str(self._temporary)})
                self._heard()
        except InterpvizError:
            self._child.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.end()
        self._temporary.unlink(missing_ok=True)

    def put(self, name: str, rows: NDArray[Any], total: int | None = None, scale: float = 1.0) -> None:
        """Take the next rows of a dataset of `TYPES`, of `total` in all, these alone where none is said."""
        dtype, row = TYPES[name]
        sent = np.ascontiguousarray(rows, dtype)
        assert sent.shape[1:] == row
        total = len(sent) if total is None else total
        if not total:  # HDF5 gives an empty dataset no place
            sent, total = np.zeros((1, *row), dtype), 1
        width = max(1, math.prod(row)) * sent.itemsize
        step = max(1, PART // width)
        for low in range(0, len(sent), step):
            part = sent[low : low + step]
            message = {"put": name, "dtype": dtype, "shape": (total, *row), "scale": scale, "rows": len(part)}
            with self._going_on():
                self._child.tell(message, (part.reshape(-1).data.cast("B"),))

    def finish(self, about: About) -> None:
        """Make the file, whole and on the disk, in the place of one that there may be. Raises InterpvizError."""
        with self._going_on():
            self._child.tell({"close": str(self.path), "about": about.model_dump()})
            self._heard()

    def _heard(self) -> None:
        answer = self._child.hear()
        if "error" in answer:
            raise InterpvizError(
                f"{self.path} cannot be written ({answer['error']}). Make room, or choose another place with --out."
            )

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        try:
            yield
        except ChildFailed as failed:
            raise InterpvizError("The process that writes the index was stopped. Build the index again.") from failed


def check_room(path: Path, size: int) -> None:
    """Raise InterpvizError where the disk of `path` has no room for so many more bytes."""
    free = shutil.disk_usage(path.parent).free
    if free < size + SPARE_BYTES:
        raise InterpvizError(
            f"{path.name} needs {size / 1e9:,.2f} GB, but {path.parent} has {free / 1e9:,.2f} GB free. Make room, or "
            "choose another place with --out."
        )


def _prepare(path: Path) -> None:
    """Make the folder, and take away what a writer that was killed left there."""
    if path.is_dir():
        raise InterpvizError(f"{path} is a folder. Choose another name for the index.")
    if os.path.exists(path) and not path.name.endswith(INDEX_ENDING):
        raise InterpvizError(
            f"{path} is there already, and only what ends in {INDEX_ENDING} is written over. Choose another name for "
            "the index, or move that file away."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{path.name}.*.tmp"):
            left.unlink(missing_ok=True)
    except OSError as error:
        raise InterpvizError(f"{path.parent} cannot be written ({error.strerror}). Choose another place.") from error
