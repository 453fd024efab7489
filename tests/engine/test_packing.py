"""Every token of a text is there once, in its document, behind a BOS."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.core.errors import InterpvizError
from interpviz.engine.packing import Packed, documents, packed


class Letters:
    """A tokenizer of one character a token, whose id is its code point; it remembers nothing."""

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        assert not add_special_tokens
        return {"input_ids": [ord(letter) for letter in text]}


def _pack(folder: Path, texts: list[str], context: int, tokens: int | None = None, bos: int | None = 1) -> Packed:
    files = [folder / f"{number}.txt" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_bytes(text.encode())
    tokenizer: Any = Letters()
    return packed(tokenizer, bos, files, context, tokens)


def test_contexts_begin_with_a_bos_and_documents_are_counted(tmp_path: Path) -> None:
    found = _pack(tmp_path, ["ab\n\ncd", "e"], context=4)
    assert found.token.tolist() == [1, *b"ab\n", 1, *b"\ncd", 1, *b"e"]
    assert found.document.tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 2, 2]
    assert found.position.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert found.contexts() == [slice(0, 4), slice(4, 8), slice(8, 10)]
    assert found.sha256 == tuple(hashlib.sha256(text).hexdigest() for text in (b"ab\n\ncd", b"e"))


def test_without_a_bos_the_text_fills_the_context(tmp_path: Path) -> None:
    found = _pack(tmp_path, ["abcde"], context=3, bos=None)
    assert found.token.tolist() == [*b"abcde"]
    assert found.position.tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(("tokens", "kept"), [(4, 4), (5, 4), (6, 6), (100, 12)])
def test_it_stops_after_so_many_tokens_and_never_on_a_bos(tmp_path: Path, tokens: int, kept: int) -> None:
    found = _pack(tmp_path, ["abcdefghi"], context=4, tokens=tokens)
    assert len(found.token) == len(found.document) == len(found.position) == kept


def test_a_line_of_blanks_separates_documents() -> None:
    assert list(documents("a\nb\n \t\n\n  c\n\n\n")) == ["a\nb\n \t\n\n", "  c\n\n\n"]
    assert list(documents("\n\na")) == ["a"]
    assert list(documents(" \n\n \n")) == []


@given(st.text(alphabet="ab \n\t", max_size=60))
def test_documents_leave_out_blanks_at_the_ends_alone(text: str) -> None:
    parts = list(documents(text))
    assert "".join(parts) in text
    assert all(part.strip() for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@pytest.mark.slow
@given(st.lists(st.text(alphabet="abc \n", min_size=1, max_size=40), min_size=1, max_size=3), st.integers(2, 9))
def test_every_token_is_there_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], context: int
) -> None:
    if not "".join(texts).strip():
        return
    found = _pack(tmp_path_factory.getbasetemp(), texts, context)
    wanted = "".join(part for text in texts for part in documents(text))
    assert "".join(chr(token) for token in found.token[found.position > 0]) == wanted
    assert (found.token[found.position == 0] == 1).all()
    assert (np.diff(found.document) >= 0).all()
    assert found.position.max() < context


def test_windows_line_ends_and_a_byte_order_mark_make_no_tokens(tmp_path: Path) -> None:
    found = _pack(tmp_path, ["\ufeffa\r\n\r\nb"], context=20)
    assert found.token.tolist() == [1, *b"a\n\nb"]
    assert found.document.tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("texts", [[""], [" \n\n"], []])
def test_texts_without_tokens_are_a_sentence(tmp_path: Path, texts: list[str]) -> None:
    with pytest.raises(InterpvizError, match="The texts have no tokens"):
        _pack(tmp_path, texts, context=4)


def test_what_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    tokenizer: Any = Letters()
    (tmp_path / "a.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(InterpvizError, match=r"a\.png is no text in UTF-8"):
        packed(tokenizer, 1, [tmp_path / "a.png"], 4, None)
    with pytest.raises(InterpvizError, match=r"gone\.txt cannot be read \(No such file"):
        packed(tokenizer, 1, [tmp_path / "gone.txt"], 4, None)
