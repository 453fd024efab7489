"""GGUF files whose header says what cannot be; the first is the one of 49 bytes on which a reader hung."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

from tests.campaigns.hostile_case import Ends, Ground, case

U8, U32, TEXT, LIST, U64 = 0, 4, 8, 9, 10
F32, Q4_0 = 0, 2


def text(content: bytes) -> bytes:
    """A text with its length before it."""
    return struct.pack("<Q", len(content)) + content


def start(tensors: int, entries: int, version: int = 3) -> bytes:
    """Magic, version and counts."""
    return b"GGUF" + struct.pack("<IQQ", version, tensors, entries)


def tensor(name: bytes, shape: tuple[int, ...], kind: int = F32, offset: int = 0) -> bytes:
    """What the header says of one tensor."""
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def many(kind: int, length: int, items: bytes = b"") -> bytes:
    """A list as a value."""
    return struct.pack("<IIQ", LIST, kind, length) + items


def header(name: str, said: str, content: Callable[[], bytes], ends: Ends = "refused", slow: bool = False) -> None:
    """Add a case: a file of this content."""

    def craft(ground: Ground) -> Path:
        path = ground.here / "model.gguf"
        path.write_bytes(content())
        return path

    case(f"gguf: {name}", said, opener="gguf", ends=ends, slow=slow)(craft)


ZEROS = bytes(4096)
K = text(b"k")
ALIGNMENT = text(b"general.alignment")
ARCHITECTURE = text(b"general.architecture") + struct.pack("<I", TEXT) + text(b"llama")

header(
    "49 bytes that declare 2^63 entries",
    "it declares 9,223,372,036,854,775,808",
    lambda: start(0, 2**63) + K + many(TEXT, 2**63)[:16],
)
header("2^63 tensors", "it declares 9,223,372,036,854,775,808 tensors", lambda: start(2**63, 0))
header("2^64-1 entries", "it declares 18,446,744,073,709,551,615 entries", lambda: start(0, 2**64 - 1))
header("65,536 entries in a short file", "it has '' twice", lambda: start(0, 65_536) + ZEROS)
header("65,536 tensors in a short file", "it has '' twice", lambda: start(65_536, 0) + ZEROS)
header("wrong magic", "it does not begin with GGUF", lambda: b"GGML" + start(0, 0)[4:])
header("no byte at all", "it does not begin with GGUF", lambda: b"")
header("cut inside the counts", "it ends inside its header", lambda: start(1, 1)[:20])
header("version 0", "its version is 0", lambda: start(0, 0, 0))
header("version 1", "its version is 1", lambda: start(0, 0, 1))
header("version 4", "its version is 4", lambda: start(0, 0, 4))
header("big-endian", "its bytes are in big-endian order", lambda: b"GGUF" + struct.pack(">IQQ", 3, 1, 1) + ZEROS)

header(
    "text of 2^64-1 bytes",
    "it declares a text of 18,446,744,073,709,551,615 bytes",
    lambda: start(0, 1) + K + struct.pack("<IQ", TEXT, 2**64 - 1) + ZEROS,
)
header(
    "key of 2^63 bytes",
    "it declares a text of 9,223,372,036,854,775,808 bytes",
    lambda: start(0, 1) + struct.pack("<Q", 2**63) + ZEROS,
)
header(
    "key of 1 MB",
    "it has a name of 1,000,000 bytes",
    lambda: start(0, 1) + text(b"k" * 10**6) + struct.pack("<IB", U8, 0),
)
header(
    "text that is cut",
    "it declares a text of 5,000 bytes",
    lambda: start(0, 1) + K + struct.pack("<IQ", TEXT, 5000) + ZEROS,
)
header(
    "value of no type that is known",
    "it has a value of type 13",
    lambda: start(0, 1) + K + struct.pack("<I", 13) + ZEROS,
)
header(
    "value of type 2^32-1",
    "it has a value of type 4294967295",
    lambda: start(0, 1) + K + struct.pack("<I", 2**32 - 1) + ZEROS,
)
header("one key twice", "it has 'k' twice", lambda: start(0, 2) + 2 * (K + struct.pack("<IB", U8, 0)))
header(
    "key that would write on the screen",
    "it has 'a\\u000ab\\u202e' twice",
    lambda: start(0, 2) + 2 * (text("a\nb\u202e".encode()) + struct.pack("<IB", U8, 0)),
)

header("list of 2^40 items", "it declares a list of 1,099,511,627,776 items", lambda: start(0, 1) + K + many(U8, 2**40))
header(
    "list whose bytes pass 2^64",
    "it declares a list of 2,305,843,009,213,693,953 items",
    lambda: start(0, 1) + K + many(U64, 2**61 + 1),
)
header(
    "list of 4,000,000 numbers that are not there",
    "it ends inside its header",
    lambda: start(0, 1) + K + many(U64, 4_000_000) + ZEROS,
)
header(
    "list of 4,000,000 texts that are not there",
    "it ends inside its header",
    lambda: start(0, 1) + K + many(TEXT, 4_000_000) + ZEROS,
)
header(
    "list of 4,000,000 empty texts",
    "its lists hold over 4,000,000 texts",
    lambda: start(0, 2) + K + many(TEXT, 4_000_000) + bytes(32_000_000) + text(b"l") + many(TEXT, 1) + ZEROS,
    slow=True,
)
header(
    "lists inside lists",
    "it has lists inside lists",
    lambda: start(0, 1) + K + many(LIST, 1, struct.pack("<IQ", LIST, 1) * 1000),
)
header("list of no type that is known", "it has a list of type 99", lambda: start(0, 1) + K + many(99, 0))
header(
    "list inside which a text is cut",
    "it declares a text of 9,999 bytes",
    lambda: start(0, 1) + K + many(TEXT, 3, text(b"a") + struct.pack("<Q", 9999)) + ZEROS,
)


def _aligned(value: int) -> None:
    content = start(0, 1) + ALIGNMENT + struct.pack("<II", U32, value)
    header(f"alignment {value}", f"its alignment is {value}", lambda: content)


for _value in (0, 1, 3, 48, 2**31):
    _aligned(_value)
header(
    "alignment that is a text",
    "its alignment is no u32",
    lambda: start(0, 1) + ALIGNMENT + struct.pack("<I", TEXT) + text(b"32"),
)
header(
    "alignment twice",
    "it has 'general.alignment' twice",
    lambda: start(0, 2) + 2 * (ALIGNMENT + struct.pack("<II", U32, 64)),
)

header(
    "tensor of 2^32-1 axes",
    "tensor t has 4,294,967,295 axes",
    lambda: start(1, 0) + text(b"t") + struct.pack("<I", 2**32 - 1) + ZEROS,
)
header("tensor of 5 axes", "tensor t has 5 axes", lambda: start(1, 0) + tensor(b"t", (1,) * 5) + ZEROS)
header(
    "tensor whose product wraps to 0",
    "tensor t has 340,282,366,920,938,463,463,374,607,431,768,211,456 values",
    lambda: start(1, 0) + tensor(b"t", (2**32,) * 4) + ZEROS,
)
header("tensor whose product wraps to 4", "tensor t has", lambda: start(1, 0) + tensor(b"t", (2**62 + 1, 4)) + ZEROS)
header("tensor whose bytes wrap", "its tensors end at byte", lambda: start(1, 0) + tensor(b"t", (2**62,)) + ZEROS)
header("tensor of negative length", "tensor t has", lambda: start(1, 0) + tensor(b"t", (2**64 - 1,)) + ZEROS)
header(
    "tensor of no value beside 2^63", "tensor t has 0 values", lambda: start(1, 0) + tensor(b"t", (0, 2**63)) + ZEROS
)
header(
    "tensor that ends outside the file", "its tensors end at byte", lambda: start(1, 0) + tensor(b"t", (4096,)) + ZEROS
)
header(
    "tensor that begins outside the file",
    "its tensors end at byte",
    lambda: start(1, 0) + tensor(b"t", (4,), F32, 2**20) + ZEROS,
)
header(
    "tensor whose offset wraps",
    "its tensors end at byte",
    lambda: start(1, 0) + tensor(b"t", (8,), F32, 2**64 - 32) + ZEROS,
)
header(
    "tensors that overlap",
    "tensor b lies over another",
    lambda: start(2, 0) + tensor(b"a", (64,)) + tensor(b"b", (8,), F32, 32) + ZEROS,
)
header(
    "tensors in one place", "lies over another", lambda: start(2, 0) + tensor(b"a", (8,)) + tensor(b"b", (8,)) + ZEROS
)
header(
    "tensor off its alignment",
    "tensor t begins at 4, which is no multiple of 32",
    lambda: start(1, 0) + tensor(b"t", (8,), F32, 4) + ZEROS,
)
header(
    "two tensors of one name",
    "it has 'a' twice",
    lambda: start(2, 0) + tensor(b"a", (8,)) + tensor(b"a", (8,), F32, 32) + ZEROS,
)
header(
    "tensor of no type that is known",
    "tensor t is of type 99, which is not known here",
    lambda: start(1, 0) + tensor(b"t", (8,), 99) + ZEROS,
)
header(
    "tensor of a type that was taken back",
    "tensor t is of type 4, which is not known here",
    lambda: start(1, 0) + tensor(b"t", (32,), 4) + ZEROS,
)
header(
    "tensor of rows that are no whole blocks",
    "tensor t has rows of 33 values",
    lambda: start(1, 0) + tensor(b"t", (33,), Q4_0) + ZEROS,
)
header(
    "tensor name that would write on the screen",
    "tensor a\\u000ab is of type 99",
    lambda: start(1, 0) + tensor(b"a\nb", (8,), 99) + ZEROS,
)
header(
    "names and texts that are no UTF-8, read as they are",
    "[('t', [0.0, 0.0",
    lambda: _padded(start(1, 2) + ARCHITECTURE + K + many(TEXT, 1, text(b"\xff")) + tensor(b"t", (8,))),
    "read",
)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 32) + bytes(32)


@case("gguf: a pipe", "is no ordinary file", opener="gguf")
def _pipe(ground: Ground) -> Path:
    os.mkfifo(ground.here / "model.gguf")
    return ground.here / "model.gguf"


@case("gguf: a folder", "is no ordinary file", opener="gguf")
def _folder(ground: Ground) -> Path:
    (ground.here / "model.gguf").mkdir()
    return ground.here / "model.gguf"


@case("gguf: a link to /dev/zero", "is no ordinary file", opener="gguf")
def _device(ground: Ground) -> Path:
    (ground.here / "model.gguf").symlink_to("/dev/zero")
    return ground.here / "model.gguf"


@case("gguf: a link to /etc/passwd", "it does not begin with GGUF", opener="gguf")
def _linked(ground: Ground) -> Path:
    (ground.here / "model.gguf").symlink_to("/etc/passwd")
    return ground.here / "model.gguf"
