"""Whether a GGUF file's header stays inside the file, before any parser believes it.

Source: the GGUF specification (ggml, docs/gguf.md), versions 2 and 3.
"""

from __future__ import annotations

import math
import stat
import struct
from pathlib import Path
from typing import BinaryIO

from interpviz.core.errors import InterpvizError, shown

MAGIC = b"GGUF"
ENTRIES = 65_536
STRING_BYTES = 2**20
NAME_BYTES = 65_535  # of a key, says the specification
ARRAY_ITEMS = 4_000_000  # of one list, and of the texts in all lists: these are walked one by one
DIMENSIONS = 4
LENGTH = 2**63  # what ggml's signed lengths cannot count
ALIGNMENT = 32
ALIGNMENTS = tuple(2**power for power in range(3, 13))

_STRING, _ARRAY = 8, 9
_SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
# ggml type: (values a block, bytes a block)
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18),
}  # fmt: skip


class BadHeader(InterpvizError):
    """The header says what cannot be."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path.name} is no whole GGUF file: {what}. Fetch the file again.")


def check_header(path: Path) -> None:
    """Raise BadHeader unless every count, length, shape and offset of the header lies inside the file."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # to open a pipe would wait for ever
            raise InterpvizError(f"{path} is no ordinary file. Choose a .gguf file or a model folder.")
        with path.open("rb") as file:
            _Header(path, file, found.st_size).check()
    except FileNotFoundError:
        raise InterpvizError(f"There is no {path}. Choose a .gguf file or a model folder.") from None
    except OSError as error:
        raise InterpvizError(f"{path} cannot be read ({error.strerror}). Check the disk and your rights.") from error


class _Header:
    """A walk through the header that never reads, allocates or loops beyond what the file has."""

    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        self._path, self._file, self._size = path, file, size
        self._alignment = ALIGNMENT
        self._texts = 0
        self._names: set[bytes] = set()

    def check(self) -> None:
        if self._file.read(4) != MAGIC:
            raise self._bad("it does not begin with GGUF")
        version = self._number("<I")
        if version not in (2, 3):
            swapped = " (its bytes are in big-endian order)" if version in (2 << 24, 3 << 24) else ""
            raise self._bad(f"its version is {version}, not 2 or 3{swapped}")
        tensors, entries = self._number("<Q"), self._number("<Q")
        for count, what in ((tensors, "tensors"), (entries, "entries")):
            if count > ENTRIES:
                raise self._bad(f"it declares {count:,} {what}")
        for _ in range(entries):
            self._entry()
        self._names.clear()
        self._check_places([self._tensor() for _ in range(tensors)])

    def _check_places(self, tensors: list[tuple[int, int, str]]) -> None:
        """Each tensor (first byte, byte after it, name), counted from the end of the header, has a place of its own."""
        start = -(-self._file.tell() // self._alignment) * self._alignment
        end = 0
        for low, high, name in sorted(tensors):
            if low % self._alignment:
                raise self._bad(f"tensor {name} begins at {low:,}, which is no multiple of {self._alignment}")
            if low < end:
                raise self._bad(f"tensor {name} lies over another")
            end = high
        if tensors and start + end > self._size:
            raise self._bad(f"its tensors end at byte {start + end:,}, but it has {self._size:,}")

    def _entry(self) -> None:
        key = self._name()
        kind = self._number("<I")
        if key == b"general.alignment":
            self._alignment = self._number("<I") if kind == 4 else 0
            if self._alignment not in ALIGNMENTS:
                raise self._bad(f"its alignment is {self._alignment}" if kind == 4 else "its alignment is no u32")
        else:
            self._value(kind)

    def _value(self, kind: int) -> None:
        if kind in _SCALAR_BYTES:
            self._skip(_SCALAR_BYTES[kind])
        elif kind == _STRING:
            self._string()
        elif kind == _ARRAY:
            self._array()
        else:
            raise self._bad(f"it has a value of type {kind}, which there is not")

    def _array(self) -> None:
        kind, length = self._number("<I"), self._number("<Q")
        self._texts += length if kind == _STRING else 0
        if length > ARRAY_ITEMS:
            raise self._bad(f"it declares a list of {length:,} items")
        if self._texts > ARRAY_ITEMS:
            raise self._bad(f"its lists hold over {ARRAY_ITEMS:,} texts")
        if kind in _SCALAR_BYTES:
            self._skip(length * _SCALAR_BYTES[kind])
        elif kind == _STRING:
            self._skip_texts(length)
        else:
            raise self._bad("it has lists inside lists" if kind == _ARRAY else f"it has a list of type {kind}")

    def _skip_texts(self, count: int) -> None:
        if count * 8 > self._size - self._file.tell():
            raise self._bad("it ends inside its header")
        read = self._file.read
        for _ in range(count):  # as plain as it can be: there are up to four millions
            length = int.from_bytes(raw := read(8), "little")
            if len(raw) < 8 or length > STRING_BYTES or len(read(length)) < length:
                raise self._bad(f"it declares a text of {length:,} bytes")

    def _tensor(self) -> tuple[int, int, str]:
        name = _legible(self._name())
        dimensions = self._number("<I")
        if dimensions > DIMENSIONS:
            raise self._bad(f"tensor {name} has {dimensions:,} axes")
        shape = [self._number("<Q") for _ in range(dimensions)]
        kind, offset = self._number("<I"), self._number("<Q")
        if not all(shape) or math.prod(shape) >= LENGTH:
            raise self._bad(f"tensor {name} has {math.prod(shape):,} values")
        if kind not in _BLOCKS:
            raise self._bad(f"tensor {name} is of type {kind}, which is not known here")
        block, nbytes = _BLOCKS[kind]
        if math.prod(shape[:1]) % block:
            raise self._bad(f"tensor {name} has rows of {math.prod(shape[:1]):,} values, not of whole blocks")
        return offset, offset + math.prod(shape) // block * nbytes, name

    def _name(self) -> bytes:
        """A key or a tensor's name, which stands once."""
        name = self._string()
        if len(name) > NAME_BYTES:
            raise self._bad(f"it has a name of {len(name):,} bytes")
        if name in self._names:
            raise self._bad(f"it has '{_legible(name)}' twice")
        self._names.add(name)
        return name

    def _string(self) -> bytes:
        length = self._number("<Q")
        if length > STRING_BYTES or length > self._size - self._file.tell():
            raise self._bad(f"it declares a text of {length:,} bytes")
        return self._file.read(length)

    def _number(self, form: str) -> int:
        raw = self._file.read(struct.calcsize(form))
        if len(raw) != struct.calcsize(form):
            raise self._bad("it ends inside its header")
        return int(struct.unpack(form, raw)[0])

    def _skip(self, count: int) -> None:
        if count > self._size - self._file.tell():
            raise self._bad("it ends inside its header")
        self._file.seek(count, 1)

    def _bad(self, what: str) -> BadHeader:
        return BadHeader(self._path, what)


def _legible(name: bytes) -> str:
    return shown(name.decode("utf-8", "replace"))
