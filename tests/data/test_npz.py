"""The arrays of an .npz file are read as numpy reads them, or refused before room is made for what is not there."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interpviz.data import npz

ARRAYS: dict[str, Any] = {
    "W_enc": np.arange(12, dtype="f4").reshape(3, 4),
    "turned": np.asfortranarray(np.arange(6, dtype="f8").reshape(2, 3)),
    "half": np.array([0.5, -2], "f2"),
    "big_endian": np.array([1, -2], ">i4"),
    "one": np.float32(3),
    "none": np.zeros((0, 4), "f4"),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_array_is_what_numpy_saved(tmp_path: Path, save: Any) -> None:
    path = tmp_path / "params.npz"
    save(path, **ARRAYS)
    assert npz.shapes(path) == {name: array.shape for name, array in ARRAYS.items()}
    found = npz.read(path)
    for name, array in ARRAYS.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], array)


def npy(shape: str = "(2,)", descr: str = "'<f4'", content: bytes = bytes(8)) -> bytes:
    """An array whose header says this."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.npy", npy("(1099511627776, 64)"), "a states 281,474,976,710,656 bytes and has other ones"),
        ("a.npy", npy("(-2,)"), "a is no array of numbers"),
        ("a.npy", npy("(3,)"), "a states 12 bytes"),
        ("a.npy", npy("(1,)"), "a states 4 bytes"),
        ("a.npy", npy(descr="'|O'"), "a is no array of numbers"),
        ("a.npy", npy(descr="[('x', '<f4')]"), "a is no array of numbers"),
        ("a.npy", npy(descr="'<c8'"), "a is no array of numbers"),
        ("a.npy", npy(descr="__import__('os')"), "a is no array that numpy saved"),
        ("a.npy", b"hello", "a is no array that numpy saved"),
        ("../a.npy", npy(), "its member ../a.npy is none that numpy writes"),
        ("/etc/a.npy", npy(), "its member /etc/a.npy is none"),
        ("a.pkl", npy(), "its member a.pkl is none"),
        ("a\x1b[2J.npy", npy(), r"its member a\\u001b\[2J.npy is none"),
    ],
)
def test_a_member_that_numpy_would_not_write_is_refused(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    with zipfile.ZipFile(tmp_path / "params.npz", "w") as archive:
        archive.writestr(name, content)
    for read in (npz.shapes, npz.read):
        with pytest.raises(npz.ArchiveDamaged, match=sentence):
            read(tmp_path / "params.npz")


def test_zeros_packed_beyond_all_reason_are_refused_without_unpacking(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "params.npz", W_enc=np.zeros(2**22, "f4"))
    tracemalloc.start()
    with pytest.raises(npz.ArchiveDamaged, match="would unpack to over 100 times its size"):
        npz.read(tmp_path / "params.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21


def test_a_member_that_unpacks_to_more_than_it_states_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy("(4,)", content=bytes(16)))
    raw = path.read_bytes()
    path.write_bytes(raw.replace(struct.pack("<I", len(npy()) + 8), struct.pack("<I", len(npy()))))
    with pytest.raises(npz.ArchiveDamaged):
        npz.read(path)


@pytest.mark.parametrize("cut", [1, 30, 300])
def test_a_file_that_is_cut_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "params.npz"
    np.savez(path, **ARRAYS)
    os.truncate(path, path.stat().st_size - cut)
    with pytest.raises(npz.ArchiveDamaged, match="it is no archive that is whole"):
        npz.read(path)


def test_a_byte_that_changed_is_found_by_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "params.npz"
    np.savez(path, a=np.arange(64, dtype="f4"))
    raw = bytearray(path.read_bytes())
    raw[300] ^= 1
    path.write_bytes(raw)
    with pytest.raises(npz.ArchiveDamaged, match="Copy or fetch it again"):
        npz.read(path)


def test_too_many_members_and_too_long_a_directory_are_refused(tmp_path: Path) -> None:
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(65):
            archive.writestr(f"a{number}.npy", npy())
    (tmp_path / "many.npz").write_bytes(many.getvalue())
    with pytest.raises(npz.ArchiveDamaged, match="it holds 65 arrays"):
        npz.read(tmp_path / "many.npz")
    with zipfile.ZipFile(tmp_path / "long.npz", "w") as archive:
        for number in range(20):
            archive.writestr(f"{number:060000}", b"")
    with pytest.raises(npz.ArchiveDamaged, match="its directory is far too long"):
        npz.read(tmp_path / "long.npz")
