"""The arrays of an `.npz` file as float32, none made room for before the file is known to hold it."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from interpviz.core.errors import InterpvizError, shown
from interpviz.core.results import F4
from interpviz.data.npy import NpyHeader, read_header

MEMBERS = 64
RATIO = 100  # zeros are packed 1,030:1, weights 1.1:1
PIECE = 2**20
TAIL = 2**17  # where zipfile looks for the end of the archive

_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})\.npy")


class ArchiveDamaged(InterpvizError):
    """The file is cut, or asks for what is refused."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path.name} cannot be read: {what}. Copy or fetch it again, or save it with numpy.savez.")


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the arrays, from their headers alone. Raises ArchiveDamaged."""
    with _archive(path) as archive:
        return {name: header.shape for name, header in _headers(path, archive).items()}


def read(path: Path) -> dict[str, F4]:
    """Every array; a float64 too large for float32 becomes infinite. Raises ArchiveDamaged, also for a wrong CRC."""
    with _archive(path) as archive:
        return {name: _values(path, archive, name, header) for name, header in _headers(path, archive).items()}


class _Bounded(io.FileIO):
    """A file of which no more than a piece is read at once: zipfile reads its whole directory in one go."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = TAIL
        if size > PIECE:
            raise zipfile.BadZipFile("its directory is far too long")
        return super().read(size) or b""


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with _Bounded(path) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError, RuntimeError) as problem:
        raise ArchiveDamaged(path, f"it is no archive that is whole ({shown(str(problem))})") from problem


def _headers(path: Path, archive: zipfile.ZipFile) -> dict[str, NpyHeader]:
    """What each member states, once it is known that the members hold that and are not packed beyond all reason."""
    members = archive.infolist()
    if not 0 < len(members) <= MEMBERS:
        raise ArchiveDamaged(path, f"it holds {len(members):,} arrays")
    if sum(member.file_size for member in members) > RATIO * path.stat().st_size:
        raise ArchiveDamaged(path, f"it would unpack to over {RATIO} times its size")
    found: dict[str, NpyHeader] = {}
    for member in members:
        name = _NAME.fullmatch(member.filename)
        if not name or name[1] in found or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveDamaged(path, f"its member {shown(member.filename)} is none that numpy writes")
        with archive.open(member) as content:
            try:
                found[name[1]] = header = read_header(content)
            except ValueError as error:
                raise ArchiveDamaged(path, f"{name[1]} is {error}") from error
            if not header.of_numbers:
                raise ArchiveDamaged(path, f"{name[1]} is no array of numbers")
            if header.nbytes != member.file_size - content.tell():
                raise ArchiveDamaged(path, f"{name[1]} states {header.nbytes:,} bytes and has other ones")
    return found


def _values(path: Path, archive: zipfile.ZipFile, name: str, header: NpyHeader) -> F4:
    raw = bytearray()
    with archive.open(f"{name}.npy") as content:
        read_header(content)
        while piece := content.read(PIECE):
            raw += piece
    if len(raw) != header.nbytes:
        raise ArchiveDamaged(path, f"{name} is cut")
    with np.errstate(over="ignore", under="ignore"):
        values = np.frombuffer(raw, header.dtype).astype(np.float32, copy=False)
    return values.reshape(header.shape, order="F" if header.by_columns else "C")
