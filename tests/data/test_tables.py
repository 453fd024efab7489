"""What a Parquet or zstd file makes pyarrow do happens in a child, and ends in a sentence."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.data import child, tables
from interpviz.data.arrow_child import PIECE
from tests.data import text_files


def test_cells_come_in_order_over_row_groups(tmp_path: Path) -> None:
    cells = [f"cell {number}" for number in range(201)]
    file = text_files.table(tmp_path / "a.parquet", {"text": cells}, 70)
    assert list(tables.texts(file)) == [(cell, True) for cell in cells]


def test_a_long_cell_comes_in_parts(tmp_path: Path) -> None:
    cells = ["é" * (2 * PIECE + 5), "b"]
    file = text_files.table(tmp_path / "a.parquet", {"text": cells})
    found = list(tables.texts(file))
    assert [(len(text), begins) for text, begins in found] == [(PIECE, True), (PIECE, False), (5, False), (1, True)]
    assert "".join(text for text, _ in found) == "".join(cells)


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()])
def test_a_string_is_a_string_however_it_is_stored(tmp_path: Path, kind: pa.DataType) -> None:
    file = text_files.table(tmp_path / "a.parquet", {"a.b": pa.array(["x", None, "y"], pa.string()).cast(kind)})
    assert [text for text, _ in tables.texts(file)] == ["x", "y"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"a": ["x"], "b": ["y"], "n": [1]}, r"has no column of texts \(its columns: a, b, n\)\. Name the one to read"),
        ({"text": [1], "b": ["y"]}, r"has no column of texts \(its columns: text, b\)"),
        ({"text": [["x"]]}, r"has no column of texts \(its columns: text\)"),
        ({"text": pa.array([b"\xff\xfe"]).view(pa.string())}, r"is cut or damaged \('utf-8' codec"),
    ],
)
def test_a_table_without_texts_is_a_sentence(tmp_path: Path, columns: dict[str, object], said: str) -> None:
    file = text_files.table(tmp_path / "a.parquet", columns)
    with pytest.raises(InterpvizError, match=rf"^a\.parquet {said}"):
        list(tables.texts(file))


@pytest.mark.parametrize("raw", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"text"])
def test_what_is_no_parquet_is_a_sentence(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(raw)
    with pytest.raises(InterpvizError, match=r"^a\.parquet is cut or damaged \(.*\)\. Copy or fetch it again\.$"):
        list(tables.texts(tmp_path / "a.parquet"))


def test_zstd_is_unpacked_piece_by_piece(tmp_path: Path) -> None:
    raw = os.urandom(1000) * 3000
    (tmp_path / "a.zst").write_bytes(text_files.zstd(raw))
    pieces = list(tables.unpacked(tmp_path / "a.zst"))
    assert b"".join(pieces) == raw
    assert max(map(len, pieces)) <= PIECE


def test_a_path_that_reads_as_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("s3:")
    file.mkdir()
    text_files.table(file / "a.parquet", {"text": ["x"]})
    assert [text for text, _ in tables.texts(Path("s3://a.parquet"))] == ["x"]


@pytest.mark.skipif(sys.platform == "darwin", reason="its names are UTF-8")
def test_a_path_need_not_be_utf8(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"\xff.parquet")
    text_files.table(file, {"text": ["x"]})
    assert [text for text, _ in tables.texts(file)] == ["x"]


def test_a_page_that_is_not_as_it_was_written_is_a_sentence(tmp_path: Path) -> None:
    file = text_files.table(
        tmp_path / "a.parquet",
        {"text": ["some words"]},
        compression="none",
        use_dictionary=False,
        write_page_checksum=True,
    )
    file.write_bytes(file.read_bytes().replace(b"some words", b"some wards"))
    with pytest.raises(InterpvizError, match=r"a\.parquet is cut or damaged"):
        list(tables.texts(file))


def test_the_process_ends_with_the_stream(tmp_path: Path) -> None:
    before = set(child._alive)
    stream = tables.texts(text_files.parquet(tmp_path))
    next(stream)
    (started,) = set(child._alive) - before
    stream.close()  # type: ignore[attr-defined]
    assert not started.alive


@pytest.mark.slow
def test_a_process_that_crashes_or_hangs_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = text_files.table(tmp_path / "a.parquet", {"text": ["x" * 2 * PIECE]})
    for send, said in ((signal.SIGKILL, "made the"), (signal.SIGSTOP, r"took over 0\.5 seconds")):
        before = set(child._alive)
        stream = tables.texts(file)
        next(stream)
        (started,) = set(child._alive) - before
        os.kill(started.pid, send)
        monkeypatch.setattr(tables, "LIMIT", 0.5)
        with pytest.raises(InterpvizError, match=rf"a\.parquet {said}.* is damaged or hostile\. Choose another"):
            next(stream)
        monkeypatch.undo()
