"""Arrays that wait on the disk, in a file without a name that is gone once it is closed or the process ends."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError


class Spool:
    """`append` says where an array lies, in bytes from the start; `read` reads from there."""

    def __init__(self, folder: Path) -> None:
        """Raises InterpvizError where the folder cannot be written."""
        self._folder, self._size = folder, 0
        try:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # the `with` block is the spool's
        except OSError as error:
            raise self._no_room(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, part: NDArray[Any]) -> int:
        """Put an array behind what there is. Raises InterpvizError where the disk is full."""
        place = self._size
        try:
            self._file.seek(place)
            self._file.write(np.ascontiguousarray(part).tobytes())
            self._file.flush()
        except OSError as error:
            raise self._no_room(error) from error
        self._size += part.nbytes
        return place

    def read(self, place: int, count: int, dtype: str) -> NDArray[Any]:
        """So many numbers from a place: (count,), not to be written."""
        self._file.seek(place)
        return np.frombuffer(self._file.read(count * np.dtype(dtype).itemsize), dtype)

    def _no_room(self, error: OSError) -> InterpvizError:
        return InterpvizError(
            f"What is found cannot be kept in {self._folder} ({error.strerror}). Make room there, or choose another "
            "place with --out."
        )
