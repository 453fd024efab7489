"""What torch.save wrote is read as tensors, or refused in a sentence; nothing that it asks for is ever run."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interpviz.data import unpickle

SAVED = {
    "weight": torch.arange(12, dtype=torch.float32).reshape(3, 4) / 4,
    "turned": torch.arange(12, dtype=torch.float64).reshape(3, 4).T,
    "half": torch.tensor([0.5, -2.0], dtype=torch.float16),
    "brain": torch.tensor([[1.5]], dtype=torch.bfloat16),
    "k": torch.tensor(7, dtype=torch.int32),
    "empty": torch.zeros(0, 5),
}


@pytest.fixture(autouse=True, scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The child starts here, which takes torch's time, and ends with the module."""
    unpickle.read(saved(tmp_path_factory.mktemp("first"), SAVED))
    yield
    unpickle.end()


class Evil:
    """What a pickle can hold: a call that unpickling it makes."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self._mark}",)


def saved(folder: Path, content: Any, **how: Any) -> Path:
    torch.save(content, folder / "ae.pt", **how)
    return folder / "ae.pt"


@pytest.mark.parametrize("new", [True, False])
def test_every_tensor_is_read_as_float32(tmp_path: Path, new: bool) -> None:
    path = saved(tmp_path, SAVED, _use_new_zipfile_serialization=new)
    assert unpickle.shapes(path) == {name: tuple(tensor.shape) for name, tensor in SAVED.items()}
    found = unpickle.read(path)
    for name, tensor in SAVED.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], tensor.float().numpy())


def test_a_tensor_larger_than_an_answer_is_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickle, "PIECE", 40)  # two rows and a half
    np.testing.assert_array_equal(
        unpickle.read(saved(tmp_path, SAVED))["turned"], np.arange(12, dtype="f4").reshape(3, 4).T
    )


def test_this_process_does_not_unpickle() -> None:
    assert "torch.load" not in Path(unpickle.__file__).read_text("utf-8")
    assert "torch" not in vars(unpickle)


@pytest.mark.parametrize("new", [True, False])
def test_code_that_a_file_asks_for_is_named_and_not_run(tmp_path: Path, new: bool) -> None:
    path = saved(tmp_path, {"weight": Evil(tmp_path / "ran")}, _use_new_zipfile_serialization=new)
    name = f"{os.system.__module__}.system"
    with pytest.raises(unpickle.UnreadablePickle, match=rf"ae.pt asks for code to be run \({name}\), and only tensors"):
        unpickle.read(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([torch.zeros(2)], "ae.pt holds no dict of 1 to 4,096 tensors. Save a flat dict of tensors"),
        ({}, "holds no dict"),
        ({"a": {"b": torch.zeros(2)}}, "holds a, which is no tensor"),
        ({3: torch.zeros(2)}, "holds 3, which is no tensor"),
        ({"a": torch.zeros(2, dtype=torch.complex64)}, "holds a as torch.complex64"),
        ({"a": torch.zeros(2, dtype=torch.bool)}, "holds a as torch.bool"),
        ({"a": torch.eye(3).to_sparse()}, "holds a as torch.float32, torch.sparse_coo"),
        ({"a": torch.zeros(1).expand(2**20, 2**20)}, "declares 4,398,046,511,104 bytes, more than its"),
    ],
)
def test_what_is_no_flat_dict_of_tensors_is_refused(tmp_path: Path, content: Any, sentence: str) -> None:
    with pytest.raises(unpickle.UnreadablePickle, match=sentence):
        unpickle.read(saved(tmp_path, content))


@pytest.mark.parametrize("raw", [b"", b"hello", b"PK\x03\x04", b"\x80\x02}q\x00."])
def test_what_torch_did_not_save_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "ae.pt").write_bytes(raw)
    with pytest.raises(unpickle.UnreadablePickle, match="ae.pt (is cut, damaged, or nothing|holds no dict)"):
        unpickle.read(tmp_path / "ae.pt")


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_file_that_is_cut_is_refused(tmp_path: Path, kept: float) -> None:
    path = saved(tmp_path, SAVED)
    os.truncate(path, int(kept * path.stat().st_size))
    with pytest.raises(unpickle.UnreadablePickle, match="is cut, damaged, or nothing that torch.save wrote"):
        unpickle.read(path)


def test_a_byte_that_changed_is_found_by_its_checksum(tmp_path: Path) -> None:
    path = saved(tmp_path, {"a": torch.arange(64, dtype=torch.float32)})
    raw = bytearray(path.read_bytes())
    raw[raw.index(np.float32(40).tobytes()) + 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(unpickle.UnreadablePickle, match="is damaged: a checksum in it is wrong"):
        unpickle.read(path)


def test_a_file_that_was_saved_without_checksums_is_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(tmp_path, SAVED)
    finally:
        torch.serialization.set_crc32_options(True)
    assert set(unpickle.read(path)) == set(SAVED)


def test_a_file_that_unpacks_to_more_than_it_is_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, SAVED)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/99", bytes(2**24))
    with pytest.raises(unpickle.UnreadablePickle, match="would unpack to more than it is"):
        unpickle.read(path)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process cannot be held to so much memory")
def test_room_that_a_file_only_states_is_not_made(tmp_path: Path) -> None:
    path = saved(tmp_path, {"a": torch.zeros(1000)}, _use_new_zipfile_serialization=False)
    raw = path.read_bytes()
    stated = b"M\xe8\x03"  # 1,000, in the pickle of a storage
    assert stated in raw
    path.write_bytes(raw.replace(stated, b"J\xff\xff\xff\x7f"))
    with pytest.raises(unpickle.UnreadablePickle, match="asks for too much memory"):
        unpickle.read(path)


@pytest.mark.slow
def test_a_pickle_that_never_ends_is_given_up_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpickle.read(saved(tmp_path, SAVED))
    pairs = b"".join(b"q" + bytes([depth]) + b"h" + bytes([depth]) + b"\x86" for depth in range(64))
    with zipfile.ZipFile(tmp_path / "late.pt", "w") as archive:  # a key whose hash takes 2^64 steps
        archive.writestr("late/data.pkl", b"\x80\x02})" + pairs + b"Ns.")
        archive.writestr("late/version", b"3\n")
    with monkeypatch.context() as patched:
        patched.setattr(unpickle, "LIMIT", 0.3)
        with pytest.raises(unpickle.UnreadablePickle, match="late.pt took over 0.3 seconds and is damaged or hostile"):
            unpickle.read(tmp_path / "late.pt")
    assert set(unpickle.read(tmp_path / "ae.pt")) == set(SAVED)


@pytest.mark.parametrize("shape", [[2**40], [-1], [1.5], [True]])
def test_the_child_is_not_believed_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: list[Any]) -> None:
    class Liar:
        def ask_for_bytes(self, *_: Any) -> Any:
            return {"tensors": {"a": shape}}, b""

    monkeypatch.setattr(unpickle, "_child", Liar)
    with pytest.raises(unpickle.UnreadablePickle, match="declares more than it holds"):
        unpickle.read(saved(tmp_path, SAVED))
