"""Every token of a text is there once, in its document, behind a BOS, and none of them stays in memory."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.engine import packing
from interpviz.engine.packing import Packed, packed
from tests.data import text_files
from tests.data.text_files import DOCUMENTS
from tests.sources import ROOT

END = 3


class Letters:
    """A tokenizer of one character a token, whose id is its code point; it remembers nothing."""

    def __init__(self, eos: int | None = END) -> None:
        self.eos_token_id = eos

    def __call__(self, text: str | list[str], add_special_tokens: bool) -> dict[str, list[Any]]:
        assert not add_special_tokens
        return {"input_ids": [self._ids(one) for one in text] if isinstance(text, list) else self._ids(text)}

    def _ids(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]


def _pack(
    folder: Path, texts: list[str], context: int, tokens: int | None = None, bos: int | None = 1
) -> tuple[list[int], list[int], list[int]]:
    """Token, document and position of every row."""
    files = [folder / f"{number}.txt" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_bytes(text.encode())
    with packed(Letters(), bos, files, context, tokens, folder) as found:
        return _rows(found)


def _rows(found: Packed) -> tuple[list[int], list[int], list[int]]:
    token, document, position = (part.tolist() for part in found.rows(0, found.tokens))
    return token, document, position


def test_contexts_begin_with_a_bos_and_documents_are_counted(tmp_path: Path) -> None:
    token, document, position = _pack(tmp_path, ["ab\n\ncd", "e"], context=4)
    assert token == [1, *b"ab\n", 1, *b"\ncd", 1, *b"e"]
    assert document == [0, 0, 0, 0, 0, 0, 1, 1, 2, 2]
    assert position == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]


def test_without_a_bos_the_text_fills_the_context(tmp_path: Path) -> None:
    token, _, position = _pack(tmp_path, ["abcde"], context=3, bos=None)
    assert token == [*b"abcde"]
    assert position == [0, 1, 2, 0, 1]


def test_any_rows_are_read_and_each_file_has_its_sha256(tmp_path: Path) -> None:
    files = [text_files.plain(tmp_path), text_files.gz(tmp_path)]
    with packed(Letters(), 1, files, 5, None, tmp_path) as found:
        every = found.rows(0, found.tokens)
        for some, whole in zip(found.rows(7, 12), every, strict=True):
            np.testing.assert_array_equal(some, whole[7:12])
        assert (found.context, found.tokens) == (5, len(every[0]))
        assert found.sha256 == tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


@pytest.mark.parametrize(("tokens", "kept"), [(4, 4), (5, 4), (6, 6), (100, 12)])
def test_it_stops_after_so_many_tokens_and_never_on_a_bos(tmp_path: Path, tokens: int, kept: int) -> None:
    assert [len(part) for part in _pack(tmp_path, ["abcdefghi"], context=4, tokens=tokens)] == [kept] * 3


@pytest.mark.parametrize("make", [text_files.jsonl, text_files.jsonl_zst, text_files.parquet])
@pytest.mark.parametrize(("eos", "after"), [(END, chr(END)), (None, "\n\n")])
def test_rows_of_a_table_are_followed_by_the_end_of_a_text(tmp_path: Path, make: Any, eos: int, after: str) -> None:
    with packed(Letters(eos), None, [make(tmp_path)], 8, None, tmp_path) as found:
        token, document, _ = _rows(found)
    assert "".join(map(chr, token)) == "".join(text + after for text in DOCUMENTS)
    assert document == [number for number, text in enumerate(DOCUMENTS) for _ in text + after]


def test_a_document_that_is_cut_keeps_its_number_and_ends_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interpviz.data.texts.PIECE", 4)
    (tmp_path / "a.jsonl").write_text('{"text": "a few words"}\n{"text": "more"}')
    with packed(Letters(), None, [tmp_path / "a.jsonl"], 8, None, tmp_path) as found:
        token, document, _ = _rows(found)
    assert bytes(token) == b"a few words\x03more\x03"
    assert document == [0] * 12 + [1] * 5


def _at_once(texts: list[str], context: int, tokens: int | None, bos: int | None) -> list[tuple[int, int, int]]:
    """The rows that a loop over whole texts in memory gives."""
    rows: list[tuple[int, int, int]] = []
    number = -1
    for text in texts:
        pieces = [*re.split(r"(\n(?:[^\S\n]*\n)+)", text.replace("\r\n", "\n")), ""]
        for document, blank in zip(pieces[::2], pieces[1::2], strict=True):
            number += bool(document.strip())
            for letter in (document + blank) * bool(document.strip()):
                if bos is not None and len(rows) % context == 0:
                    rows.append((bos, number, 0))
                rows.append((ord(letter), number, len(rows) % context))
    rows = rows[:tokens]
    return rows[:-1] if rows and bos is not None and rows[-1][2] == 0 else rows


@given(
    st.lists(st.text(alphabet="abé \r\n", min_size=1, max_size=40), min_size=1, max_size=3),
    st.integers(2, 9),
    st.none() | st.integers(1, 60),
    st.sampled_from([None, 1]),
    st.sampled_from([1, 5, 2**17]),
)
def test_the_rows_are_those_of_whole_texts(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    context: int,
    tokens: int | None,
    bos: int | None,
    batch: int,
) -> None:
    wanted = _at_once(texts, context, tokens, bos)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "BATCH", batch)
        if not wanted:
            with pytest.raises(InterpvizError, match="no tokens"):
                _pack(tmp_path_factory.getbasetemp(), texts, context, tokens, bos)
            return
        found = _pack(tmp_path_factory.getbasetemp(), texts, context, tokens, bos)
    assert list(zip(*found, strict=True)) == wanted


def test_a_batch_of_documents_has_the_tokens_of_each(tmp_path: Path, demo_tokenizer: Any) -> None:
    texts = ["Once upon a time.\n\n", " The end\n\n", "é 🙂 x"]
    (tmp_path / "a.txt").write_text("".join(texts))
    with packed(demo_tokenizer, None, [tmp_path / "a.txt"], 16, None, tmp_path) as found:
        token, document, _ = _rows(found)
    each = [demo_tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    assert token == [*itertools.chain(*each)]
    assert document == [number for number, ids in enumerate(each) for _ in ids]


@pytest.fixture(scope="module")
def demo_tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(ROOT / "resources" / "demo" / "model")


@pytest.mark.parametrize("texts", [[""], [" \n\n"], []])
def test_texts_without_tokens_are_a_sentence(tmp_path: Path, texts: list[str]) -> None:
    with pytest.raises(InterpvizError, match="The texts have no tokens"):
        _pack(tmp_path, texts, context=4)


def test_what_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(InterpvizError, match=r"a\.png is no text in UTF-8"):
        packed(Letters(), 1, [tmp_path / "a.png"], 4, None, tmp_path)
    with pytest.raises(InterpvizError, match=r"gone\.txt cannot be read \(No such file"):
        packed(Letters(), 1, [tmp_path / "gone.txt"], 4, None, tmp_path)


def test_a_folder_that_takes_no_rows_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InterpvizError, match=r"cannot be kept in .*gone \(No such file.*Choose another folder"):
        packed(Letters(), 1, [text_files.plain(tmp_path)], 4, None, tmp_path / "gone")


def test_it_says_how_far_it_is_and_stops_when_unwanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[float, str]] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        said.append((fraction, text))
        if fraction >= 0.2:
            raise Cancelled

    monkeypatch.setattr(packing, "BATCH", 100)
    (tmp_path / "a.txt").write_text("12345678\n\n" * 1000)
    with pytest.raises(Cancelled):
        packed(Letters(), None, [tmp_path / "a.txt"], 64, 1000, tmp_path, report)
    assert said[-3:] == [(share / 10, f"Reading the texts: {share * 100} tokens") for share in range(3)]


def test_the_rows_have_no_name_on_the_disk(tmp_path: Path) -> None:
    file = text_files.plain(tmp_path)
    with packed(Letters(), 1, [file], 4, None, tmp_path):
        assert list(tmp_path.iterdir()) == [file]


PEAK = """
import sys, re, json
from pathlib import Path
from interpviz.engine.packing import packed
from tests.engine.test_packing import Letters
with packed(Letters(), 1, [Path(sys.argv[1])], 128, None, Path(sys.argv[2])) as found:
    total = sum(len(found.rows(start, min(start + 4096, found.tokens))[0]) for start in range(0, found.tokens, 4096))
peak = re.search("VmHWM: *(.*) kB", Path("/proc/self/status").read_text().replace("\t", " "))[1]
print(json.dumps([total, int(peak)]))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_tokens(tmp_path: Path) -> None:
    peaks = []
    for times in (1, 4):
        (tmp_path / "a.txt").write_text("some words\n\n" * (times * 200_000))
        command = [sys.executable, "-c", PEAK, str(tmp_path / "a.txt"), str(tmp_path)]
        answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        total, peak = json.loads(answer.stdout or "null") or pytest.fail(answer.stderr)
        assert total > times * 2_400_000
        peaks.append(peak)
    assert peaks[1] < 1.15 * peaks[0]
