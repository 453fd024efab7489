"""The documents of a text file as a stream: plain text, JSONL or Parquet, packed or not, however long it is."""

from __future__ import annotations

import codecs
import gzip
import json
import lzma
import stat
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from interpviz.core.errors import InterpvizError
from interpviz.data import tables

PIECE = 2**18  # characters: a tokenizer takes some 0.1 s over them, and a cancel must not wait longer
LINE = 64 * 2**20  # characters of a line of JSONL
CHUNK = 2**20
XZ_MEMORY = 256 * 2**20  # xz -9 asks for 65 MiB; the format allows 4 GiB

Kind = Literal["plain", "jsonl", "parquet"]
Packing = Literal["", "gzip", "xz", "zstd"]


class Piece(NamedTuple):
    """A document, or a part of a long one; `begins` says whether a document begins with it."""

    text: str
    begins: bool


class TextUnreadable(InterpvizError):
    """The file is missing, cut, or holds no texts."""


def documents(file: Path) -> Iterator[Piece]:
    """The documents of a file in order, without those of white space alone, and never half a character.

    Plain text: what blank lines separate, each with the blank lines that follow it, line ends as Unix has them.
    JSONL and Parquet: the field `text` of each line or row, or the only one that holds strings. A document of over
    PIECE characters comes in pieces, cut at white space where there is some. Raises TextUnreadable or
    tables.TableUnreadable, each with a sentence.
    """
    kind, packing = _look(file)
    if kind == "parquet":
        return _pieces(Piece(*part) for part in tables.texts(file))
    characters = _characters(file, packing)
    return _pieces(_objects(file, characters) if kind == "jsonl" else _paragraphs(characters))


def own_separator(file: Path) -> bool:
    """Whether the documents of a file bring what separates them: the blank lines of plain text do."""
    return _look(file)[0] == "plain"


def _look(file: Path) -> tuple[Kind, Packing]:
    """What a file is, told from its name and its first bytes."""
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise TextUnreadable(f"{file} is a folder. Name the text files in it.")
        if not stat.S_ISREG(mode):  # opening a pipe would wait for whoever writes into it
            raise TextUnreadable(f"{file} is no ordinary file. Save the text in one, then choose that.")
        with file.open("rb") as content:
            start = content.read(6)
    except OSError as error:
        raise _unread(file, error) from error
    packing = _packing(start)
    name = file.with_suffix("").name if file.suffix.lower() in (".gz", ".xz", ".zst") else file.name
    if start.startswith(b"PAR1") or name.lower().endswith(".parquet"):
        if packing:
            raise TextUnreadable(
                f"{file.name} is Parquet inside {packing}. Unpack it first, then choose what it holds."
            )
        return "parquet", ""
    return ("jsonl" if name.lower().endswith((".jsonl", ".ndjson")) else "plain"), packing


def _packing(start: bytes) -> Packing:
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start == b"\xfd7zXZ\0":
        return "xz"
    # pzstd begins with a frame to skip, which has one of 16 signatures.
    if start.startswith(b"\x28\xb5\x2f\xfd") or (start[1:4] == b"\x2a\x4d\x18" and start[0] >> 4 == 5):
        return "zstd"
    return ""


def _pieces(parts: Iterable[Piece]) -> Iterator[Piece]:
    """Parts joined to whole documents, as far as PIECE allows."""
    held, begins = "", True
    for text, new in parts:
        if new:
            if held.strip() or (held and not begins):
                yield Piece(held, begins)
            held, begins = "", True
        held += text
        start = 0
        while len(held) - start > PIECE:
            stop = _cut(held, start)
            if held[start:stop].strip() or not begins:
                yield Piece(held[start:stop], begins)
                begins = False
            start = stop
        held = held[start:]
    if held.strip() or (held and not begins):
        yield Piece(held, begins)


def _cut(text: str, start: int) -> int:
    """Where the piece from `start` ends: before the last white space in it, as tokens begin with theirs."""
    found = max(text.rfind(space, start + 1, start + PIECE + 1) for space in " \n\t")
    return found if found > 0 else start + PIECE


def _paragraphs(characters: Iterable[str]) -> Iterator[Piece]:
    """The lines of plain text; a document begins with the first line that is not blank after blank ones."""
    first, closed, ended = True, False, False
    for line in _lines(characters, PIECE):
        blank, whole = not line.strip(), line.endswith("\n")
        begins = closed and not (blank and whole)
        yield Piece(line, first or begins)
        closed = not begins and (closed or (blank and whole and ended))
        first, ended = False, whole


def _objects(file: Path, characters: Iterable[str]) -> Iterator[Piece]:
    """The text of each line of JSONL."""
    for number, line in enumerate(_lines(characters, LINE), 1):
        if len(line) >= LINE:
            raise _bad_line(file, number, f"has over {LINE:,} characters", "Split it, or leave it out.")
        if line.strip():
            yield Piece(_text(file, number, line), True)


def _text(file: Path, number: int, line: str) -> str:
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply or a number too long"
        raise _bad_line(file, number, f"is no JSON ({said})", "Mend it, or leave it out.") from error
    if not isinstance(found, dict):
        raise _bad_line(file, number, "is no JSON object", 'Write each line as {"text": "..."}.')
    strings = [value for value in found.values() if isinstance(value, str)]
    text = found["text"] if "text" in found else strings[0] if len(strings) == 1 else 0
    if text is not None and not isinstance(text, str):
        fields = ", ".join(name[:50] for name in list(found)[:20]).encode("utf-8", "replace").decode() or "none"
        raise _bad_line(file, number, f"has no field of text (its fields: {fields})", "Name the one to read `text`.")
    try:
        (text or "").encode()
    except UnicodeEncodeError as error:
        what = "holds half a character, which no tokenizer knows"
        raise _bad_line(file, number, what, "Mend it, or leave it out.") from error
    return text or ""


def _lines(characters: Iterable[str], most: int) -> Iterator[str]:
    """Lines with their ends; of a line of over `most` characters, parts of that length."""
    rest = ""
    for text in characters:
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            yield from _parts(line + "\n", most)
        while len(rest) > most:
            yield rest[:most]
            rest = rest[most:]
    if rest:
        yield rest


def _parts(line: str, most: int) -> Iterator[str]:
    return (line[start : start + most] for start in range(0, len(line), most))


def _characters(file: Path, packing: Packing) -> Iterator[str]:
    """A file's text in pieces, unpacked, with line ends as Unix has them."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    held = ""
    try:
        for chunk in _unpacked(file, packing):
            text = held + decoder.decode(chunk)
            held = "\r" if text.endswith("\r") else ""  # its \n may come with the next chunk
            yield text.removesuffix("\r").replace("\r\n", "\n")
        yield held + decoder.decode(b"", final=True)
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
        raise TextUnreadable(
            f"{file.name} is cut or damaged inside ({packing}: {error}). Copy or fetch it again."
        ) from error
    except OSError as error:
        raise _unread(file, error) from error
    except UnicodeDecodeError as error:
        raise TextUnreadable(f"{file.name} is no text in UTF-8. Convert it, or choose another file.") from error


def _unpacked(file: Path, packing: Packing) -> Iterator[bytes]:
    """The bytes of a file in pieces of at most CHUNK."""
    if packing == "zstd":
        yield from tables.unpacked(file)
    elif packing == "xz":
        yield from _xz(file)
    else:
        with gzip.open(file) if packing else file.open("rb") as content:
            while chunk := content.read(CHUNK):
                yield chunk


def _xz(file: Path) -> Iterator[bytes]:
    """Not lzma.open: it lets the file say how much memory to take."""
    with file.open("rb") as content:
        raw = content.read(CHUNK)
        while raw:
            stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)
            while not stream.eof:
                yield stream.decompress(raw, CHUNK)
                raw = content.read(CHUNK) if stream.needs_input else b""
                if stream.needs_input and not raw and not stream.eof:
                    raise EOFError("it ends too early")
            raw = (stream.unused_data.lstrip(b"\0") or content.read(CHUNK)).lstrip(b"\0")


def _unread(file: Path, error: OSError) -> TextUnreadable:
    return TextUnreadable(f"{file} cannot be read ({error.strerror or error}). Choose another text file.")


def _bad_line(file: Path, number: int, what: str, advice: str) -> TextUnreadable:
    return TextUnreadable(f"{file.name}, line {number:,}, {what}. {advice}")
