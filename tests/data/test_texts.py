"""Whatever kind a text file is of, its documents come one by one, in little memory."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.core.errors import InterpvizError
from interpviz.data import texts
from interpviz.data.texts import Piece, documents, own_separator
from tests.data import text_files
from tests.data.text_files import DOCUMENTS, MAKERS
from tests.sources import ROOT


@pytest.mark.parametrize("kind", MAKERS)
def test_the_same_documents_come_out_of_every_kind(tmp_path: Path, kind: str) -> None:
    file = MAKERS[kind](tmp_path)
    found = list(documents(file))
    assert [piece.text.removesuffix("\n\n") for piece in found] == list(DOCUMENTS)
    assert all(piece.begins for piece in found)
    assert own_separator(file) == (not kind.startswith(("jsonl", "parquet")))


def _whole(text: str) -> list[str]:
    """What blank lines separate, told from the whole text at once."""
    pieces = [*re.split(r"(\n(?:[^\S\n]*\n)+)", text), ""]
    return [part + blank for part, blank in zip(pieces[::2], pieces[1::2], strict=True) if part.strip()]


@given(st.text(alphabet="ab \n\r\té🙂\x0b\u2028", max_size=60), st.integers(1, 7))
def test_reading_in_pieces_finds_what_reading_at_once_finds(
    tmp_path_factory: pytest.TempPathFactory, text: str, chunk: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "a.txt"
    file.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "CHUNK", chunk)
        assert [piece.text for piece in documents(file)] == _whole(text.replace("\r\n", "\n"))


@given(st.text(alphabet="ab \n", max_size=80), st.integers(1, 7), st.integers(1, 9))
def test_a_long_document_is_cut_the_same_however_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, text: str, chunk: int, most: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "a.txt"
    file.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "PIECE", most)
        at_once = list(documents(file))
        patch.setattr(texts, "CHUNK", chunk)
        assert list(documents(file)) == at_once
    assert all(len(piece.text) <= most for piece in at_once)
    assert "".join("".join(piece.text for piece in at_once).split()) == "".join(text.split())


def test_one_long_line_is_cut_at_white_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "PIECE", 10)
    (tmp_path / "a.txt").write_text("some words and averyverylongone\n\nb")
    assert list(documents(tmp_path / "a.txt")) == [
        Piece("some words", True),
        Piece(" and", False),
        Piece(" averyvery", False),
        Piece("longone\n\n", False),
        Piece("b", True),
    ]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffa".encode())
    assert list(documents(tmp_path / "a.txt")) == [Piece("a", True)]


def test_the_only_field_of_text_is_read_and_what_is_empty_is_not(tmp_path: Path) -> None:
    lines = [{"n": 1, "body": "one"}, {"text": "two", "title": "x"}, {"text": ""}, {"text": None}, {"text": " \n"}]
    (tmp_path / "a.ndjson").write_text("\n\n".join(map(json.dumps, lines)) + "\r\n")
    assert list(documents(tmp_path / "a.ndjson")) == [Piece("one", True), Piece("two", True)]
    file = text_files.table(tmp_path / "a.parquet", {"n": [1, 2, 3, 4], "body": ["one", None, " ", "two"]})
    assert list(documents(file)) == [Piece("one", True), Piece("two", True)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", r"a\.jsonl, line 3, is no JSON \(Expecting property name"),
        ("[" * 100_000, r"a\.jsonl, line 3, is no JSON \(nested too deeply"),
        ("[1]", r"line 3, is no JSON object\. Write each line as"),
        ('{"a": "x", "b": "y"}', r"line 3, has no field of text \(its fields: a, b\)\. Name the one to read `text`"),
        ('{"text": 7, "b": "y"}', r"line 3, has no field of text \(its fields: text, b\)"),
        ("{}", r"line 3, has no field of text \(its fields: none\)"),
        ('{"text": "\\ud83d"}', r"line 3, holds half a character"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n\n' + line)
    with pytest.raises(InterpvizError, match=said):
        list(documents(tmp_path / "a.jsonl"))


def test_a_line_without_end_is_not_read_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "LINE", 100)
    monkeypatch.setattr(texts, "CHUNK", 10)
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n{"text": "' + 1000 * "x")
    with pytest.raises(InterpvizError, match=r"line 2, has over 100 characters\. Split it"):
        list(documents(tmp_path / "a.jsonl"))


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind not in ("plain", "jsonl")])
@pytest.mark.parametrize("kept", [0.5, 0.97])
def test_a_file_that_was_cut_off_is_a_sentence(tmp_path: Path, kind: str, kept: float) -> None:
    file = MAKERS[kind](tmp_path)
    raw = file.read_bytes()
    file.write_bytes(raw[: int(kept * len(raw))])
    with pytest.raises(InterpvizError, match=rf"{file.name} is cut or damaged.*Copy or fetch it again"):
        list(documents(file))


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, "gz"), (lzma.compress, "xz"), (text_files.zstd, "zst")])
def test_packed_parts_one_after_the_other_are_one_text(
    tmp_path: Path, pack: Callable[[bytes], bytes], suffix: str
) -> None:
    file = tmp_path / f"a.txt.{suffix}"
    file.write_bytes(pack(b"one ") + pack(b"two"))
    assert list(documents(file)) == [Piece("one two", True)]


def test_a_frame_that_zstd_skips_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + text_files.zstd(b"one"))
    assert list(documents(tmp_path / "a.txt")) == [Piece("one", True)]


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _picture(path: Path) -> None:
    path.write_bytes(b"\x89PNG\xff")


def _half_a_character(path: Path) -> None:
    path.write_bytes("é".encode()[:1])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_folder, r"a\.txt is a folder\. Name the text files in it"),
        (_pipe, r"a\.txt is no ordinary file\. Save the text"),
        (_device, r"a\.txt is no ordinary file\. Save the text"),
        (_picture, r"a\.txt is no text in UTF-8\. Convert it"),
        (_half_a_character, r"a\.txt is no text in UTF-8\. Convert it"),
        (lambda path: None, r"a\.txt cannot be read \(No such file or directory\)\. Choose another"),
    ],
)
def test_what_is_no_text_file_is_a_sentence(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    make(tmp_path / "a.txt")
    with pytest.raises(InterpvizError, match=said):
        list(documents(tmp_path / "a.txt"))


def test_parquet_in_another_packing_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(text_files.parquet(tmp_path).read_bytes()))
    with pytest.raises(InterpvizError, match=r"a\.parquet\.gz is Parquet inside gzip\. Unpack it first"):
        list(documents(tmp_path / "a.parquet.gz"))


PEAK = """
import re, sys, resource
from pathlib import Path
from interpviz.data.texts import documents
size = sum(len(piece.text) for piece in documents(Path(sys.argv[1])))
own = re.search("VmHWM: *(.*) kB", Path("/proc/self/status").read_text().replace("\t", " "))[1]  # ru_maxrss is pytest's
print(size, own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.parametrize("line", [b"x", b"some words ", b"some words " * 20 + b"\n\n"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, text_files.zstd])
def test_memory_does_not_grow_with_the_text(tmp_path: Path, line: bytes, pack: Callable[[bytes], bytes]) -> None:
    short, long = (_peak(tmp_path / "a.txt", pack(line * (times * 2**24 // len(line)))) for times in (1, 4))
    assert long < 1.15 * short


@pytest.mark.slow
def test_memory_does_not_grow_with_a_column(tmp_path: Path) -> None:
    peaks = []
    for times in (1, 4):
        cells = [f"{row} " * 2000 for row in range(times * 1000)]
        file = text_files.table(tmp_path / "a.parquet", {"text": cells}, len(cells), use_dictionary=False)
        peaks.append(_peak(file, file.read_bytes()))
    assert peaks[1] < 1.15 * peaks[0]


def _peak(file: Path, raw: bytes) -> int:
    """The most KiB that reading the file took, of this program or of its child."""
    file.write_bytes(raw)
    answer = subprocess.run([sys.executable, "-c", PEAK, str(file)], capture_output=True, text=True, cwd=ROOT)
    size, *peaks = map(int, answer.stdout.split())
    assert size > 2**20, answer.stderr
    return sum(peaks)
