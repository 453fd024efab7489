"""Activations that other programs cached: what they hold, told by content, and rows of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Foreign
from interpviz.core.report import Report, silent
from interpviz.data.foreign import delphi, hdf5, saved
from interpviz.data.foreign.source import Source


@contextmanager
def opened(path: Path, report: Report = silent) -> Iterator[Source]:
    """The source at this path, whatever its layout; raises InterpvizError where it is none, or not whole."""
    try:
        source = _open(path, report)
    except OSError as error:
        raise InterpvizError(f"{path} cannot be read ({error.strerror}). Check the disk and your rights.") from error
    try:
        yield source
    finally:
        source.close()


def look_into(path: Path, report: Report = silent) -> Foreign:
    """What the source at this path holds; raises as `opened`."""
    with opened(path, report) as source:
        return source.foreign


def is_foreign(path: Path) -> bool:
    """Whether a file or folder is of a layout that is known here. An HDF5 file is, whatever it holds."""
    return saved.is_saved(path) or bool(delphi.folders_of(path)) or bool(hdf5.files_of(path))


def _open(path: Path, report: Report) -> Source:
    if not path.exists():
        raise InterpvizError(f"There is no {path}. Choose a file or folder of activations.")
    if path.is_dir() or path.is_file():  # to open a pipe would wait for ever
        if saved.is_saved(path):
            return saved.opened(path, report)
        if delphi.folders_of(path):
            return delphi.opened(path, report)
        if hdf5.files_of(path):
            return hdf5.opened(path, report)
    raise InterpvizError(
        f"{path.name} is of no layout that can be imported. Choose an HDF5 file, a folder of chunk_0.hdf5 and so on, a "
        "cache of delphi, or a data set folder of SAELens."
    )
