"""A direction file is one vector of finite numbers, or a sentence."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from interpviz.core.errors import InterpvizError
from interpviz.data.directions import read_direction

VECTOR = np.array([0.5, -2.0, 3.0], np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64, ">f4", np.int8])
def test_the_vector_of_an_npy_file_is_read_as_float32(tmp_path: Path, dtype: Any) -> None:
    np.save(tmp_path / "refusal.npy", (2 * VECTOR).astype(dtype))
    found = read_direction(tmp_path / "refusal.npy")
    assert found.dtype == np.float32
    assert found.tolist() == [1, -4, 6]


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_the_one_tensor_of_a_safetensors_file_is_read_whatever_its_name(tmp_path: Path, dtype: Any) -> None:
    save_file({"any name": VECTOR.astype(dtype)}, tmp_path / "refusal.safetensors")
    assert read_direction(str(tmp_path / "refusal.safetensors")).tolist() == VECTOR.tolist()


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((2, 3)), "does not hold one row of numbers"),
        (np.float32(1), "does not hold one row of numbers"),
        (np.array(["a"]), "does not hold one row of numbers"),
        (np.array([1j]), "does not hold one row of numbers"),
        (np.zeros(0), "is empty or holds NaN"),
        (np.array([1, np.nan]), "holds NaN or infinite numbers"),
        (np.array([1, 1e300]), "holds NaN or infinite numbers"),
    ],
)
def test_an_array_that_is_no_vector_is_a_sentence(tmp_path: Path, array: Any, sentence: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InterpvizError, match=sentence):
        read_direction(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "tensors", [{}, {"a": VECTOR, "b": VECTOR}, {"a": VECTOR.reshape(1, 3)}, {"a": np.array(1, np.float32)}]
)
def test_tensors_that_are_no_one_vector_are_a_sentence(tmp_path: Path, tensors: dict[str, Any]) -> None:
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(InterpvizError, match="does not hold one tensor of one dimension"):
        read_direction(tmp_path / "a.safetensors")


def test_pickled_objects_are_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], object), allow_pickle=True)
    with pytest.raises(InterpvizError, match="does not hold one row of numbers"):
        read_direction(tmp_path / "a.npy")


def test_a_length_that_the_file_cannot_hold_costs_no_memory(tmp_path: Path) -> None:
    written = io.BytesIO()
    np.lib.format.write_array_header_1_0(written, {"descr": "<f4", "fortran_order": False, "shape": (2**50,)})
    (tmp_path / "a.npy").write_bytes(written.getvalue() + bytes(12))
    with pytest.raises(InterpvizError, match="is cut, or does not hold one row"):
        read_direction(tmp_path / "a.npy")


def test_an_npy_file_that_is_cut_or_spoiled_anywhere_is_a_sentence_or_a_vector(tmp_path: Path) -> None:
    np.save(tmp_path / "whole.npy", VECTOR)
    whole = (tmp_path / "whole.npy").read_bytes()
    spoiled = [whole[:length] for length in range(len(whole))]
    spoiled += [whole[:at] + bytes([byte]) + whole[at + 1 :] for at in range(len(whole)) for byte in (0, 40, 255)]
    for content in spoiled:
        (tmp_path / "a.npy").write_bytes(content)
        with contextlib.suppress(InterpvizError):
            assert np.isfinite(read_direction(tmp_path / "a.npy")).all()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone.npy", "There is no file .*gone.npy. Check its name"),
        ("folder.npy", "There is no file"),
        ("pipe.npy", "There is no file"),
        ("a\0b.npy", "There is no file"),
        ("a.pt", "is no direction. Give a .npy or .safetensors file, or NAME/123 for a feature"),
        ("", "is no direction"),
        ("large.npy", "large.npy is over 16 MB. A direction is one vector of numbers"),
        ("large.safetensors", "large.safetensors is over 16 MB"),
        ("cut.safetensors", "cut.safetensors in .* is damaged"),
        ("text.npy", "text.npy is no array that numpy saved"),
    ],
)
def test_what_is_no_direction_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npy").mkdir()
    os.mkfifo(tmp_path / "pipe.npy")
    for large in ("large.npy", "large.safetensors"):
        with (tmp_path / large).open("wb") as file:
            file.truncate(2**24 + 1)
    for short in ("cut.safetensors", "text.npy"):
        (tmp_path / short).write_bytes(b"dear all")
    with pytest.raises(InterpvizError, match=sentence):
        read_direction(name)
