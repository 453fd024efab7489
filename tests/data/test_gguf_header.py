"""A GGUF header is believed only as far as the file goes."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpviz.core.errors import InterpvizError
from interpviz.data import gguf_header
from interpviz.data.gguf_header import BadHeader, check_header


def _text(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def _start(tensors: int, entries: int, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, entries)


def _tensor(name: bytes, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    return _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


ENTRIES = (
    (_text(b"general.architecture") + struct.pack("<I", 8) + _text(b"llama"))
    + (_text(b"numbers") + struct.pack("<IIQ3f", 9, 6, 3, 1.0, 2.0, 3.0))
    + (_text(b"words") + struct.pack("<IIQ", 9, 8, 2) + _text(b"a") + _text(b"\xff"))
    + (_text(b"general.alignment") + struct.pack("<II", 4, 64))
)
WHOLE = _start(2, 4) + ENTRIES + _tensor(b"a", (8, 4)) + _tensor(b"b", (32,), 3, 128)
WHOLE += bytes(-len(WHOLE) % 64) + bytes(128 + 20)


def _check(folder: Path, content: bytes) -> None:
    path = folder / "model.gguf"
    path.write_bytes(content)
    check_header(path)


def test_a_whole_file_passes(tmp_path: Path) -> None:
    _check(tmp_path, WHOLE)


def test_the_file_of_49_bytes_that_declares_2_to_the_63_entries_is_refused_at_once(tmp_path: Path) -> None:
    hostile = _start(0, 2**63) + _text(b"k") + struct.pack("<IQI", 9, 2**63, 8)
    assert len(hostile) == 49
    started = time.monotonic()
    with pytest.raises(BadHeader, match=r"model\.gguf is no whole GGUF file: it declares 9,223,372,036,854,775,808"):
        _check(tmp_path, hostile)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not begin with GGUF"),
        (b"GGUF\x03", "ends inside its header"),
        (_start(0, 0, version=1), "version is 1, not 2 or 3"),
        (_start(0, 0, version=0x03000000), "version is 50331648"),
        (_start(65_537, 0), "declares 65,537 tensors"),
        (_start(0, 1) + struct.pack("<Q", 2**63), "text of 9,223,372,036,854,775,808 bytes"),
        (_start(0, 1) + struct.pack("<Q", 2**20 + 1) + bytes(2**20 + 64), "text of 1,048,577 bytes"),
        (_start(0, 1) + struct.pack("<Q", 2**20) + b"short", "text of 1,048,576 bytes"),
        (_start(0, 1) + _text(b"k") + struct.pack("<I", 13), "value of type 13"),
        (_start(0, 1) + _text(b"k") + struct.pack("<IIQ", 9, 0, 4_000_001), "list of 4,000,001 items"),
        (_start(0, 1) + _text(b"k") + struct.pack("<IIQ", 9, 9, 1), "lists inside lists"),
        (_start(0, 1) + _text(b"k") + struct.pack("<IIQ", 9, 12, 1000), "ends inside its header"),
        (_start(0, 1) + _text(b"general.alignment") + struct.pack("<II", 4, 0), "alignment is 0"),
        (_start(1, 0) + _text(b"t") + struct.pack("<I", 2**31), "2,147,483,648 axes"),
        (_start(1, 0) + _tensor(b"t", (2**62, 8)) + bytes(64), "tensor t has 36,893,488,147,419,103,232 values"),
        (_start(1, 0) + _tensor(b"t", (2**63, 2, 2**63)), "tensor t has"),
        (_start(1, 0) + _tensor(b"t", (0, 2**63)) + bytes(64), "tensor t has 0 values"),
        (_start(1, 0) + _tensor(b"t", (2**40,)) + bytes(64), "tensors end at byte"),
        (_start(1, 0) + _tensor(b"t", (4,), 0, 2**64 - 32) + bytes(64), "tensors end at byte"),
        (_start(1, 0) + _tensor(b"t", (4,), 0, 8) + bytes(64), "tensor t begins at 8, which is no multiple of 32"),
        (_start(2, 0) + _tensor(b"a", (16,)) + _tensor(b"b", (4,), 0, 32) + bytes(128), "tensor b lies over another"),
        (_start(2, 0) + _tensor(b"a", (8,)) + _tensor(b"a", (8,), 0, 32) + bytes(128), "it has 'a' twice"),
        (_start(1, 0) + _tensor(b"t", (16,), 2) + bytes(64), "tensor t has rows of 16 values"),
        (_start(0, 2) + 2 * (_text(b"k") + bytes(5)), "it has 'k' twice"),
        (_start(0, 1) + _text(b"k" * 65_536) + bytes(64), "name of 65,536 bytes"),
        (_start(0, 1) + _text(b"k") + struct.pack("<IIQ", 9, 8, 1000), "ends inside its header"),
        (_start(0, 1) + _text(b"general.alignment") + struct.pack("<IQ", 10, 32), "its alignment is no u32"),
        (_start(1, 0) + _tensor(b"t", (4,), 99) + bytes(64), "type 99, which is not known"),
        (WHOLE[:-1], "tensors end at byte"),
    ],
)
def test_what_does_not_fit_the_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(BadHeader, match=said):
        _check(tmp_path, content)


def test_the_texts_of_many_lists_count_together(tmp_path: Path) -> None:
    words = b"".join(_text(b"k%d" % number) + struct.pack("<IIQ", 9, 8, 100) + bytes(800) for number in range(3))
    _check(tmp_path, _start(0, 3) + words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gguf_header, "ARRAY_ITEMS", 250)
        with pytest.raises(BadHeader, match="its lists hold over 250 texts"):
            _check(tmp_path, _start(0, 3) + words)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.gguf")
    with pytest.raises(InterpvizError, match="is no ordinary file"):
        check_header(tmp_path / "model.gguf")


def test_a_name_in_a_sentence_has_no_control_signs(tmp_path: Path) -> None:
    with pytest.raises(BadHeader) as caught:
        _check(tmp_path, _start(1, 0) + _tensor("a\n\u202eb".encode(), (4,), 99))
    assert "tensor a\\u000a\\u202eb is of type 99" in str(caught.value)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InterpvizError, match="There is no"):
        check_header(tmp_path / "gone.gguf")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.integers(0, len(WHOLE)))
def test_a_spoiled_file_is_judged_and_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, cut: int
) -> None:
    spoiled = bytearray(WHOLE)
    spoiled[at] = byte
    try:
        _check(tmp_path_factory.getbasetemp(), bytes(spoiled[:cut]))
    except InterpvizError:
        return


def test_what_the_gguf_library_writes_passes(tmp_path: Path) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_token_list(["a", "b"])
    writer.add_tensor("weights", np.zeros((4, 8), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    check_header(tmp_path / "model.gguf")
    raw = (tmp_path / "model.gguf").read_bytes()
    with pytest.raises(BadHeader):
        _check(tmp_path, raw[:-64])
