"""HDF5 files of strangers that are imported: what the probe lets pass is unpacked, and that may be spoiled as well."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.campaigns.hostile_bytes import patched
from tests.campaigns.hostile_case import Ends, Ground, case

Write = Callable[[Any, Ground], None]


def imported(name: str, said: str, ends: Ends = "refused", slow: bool = False) -> Callable[[Write], Write]:
    """Add a case: a file that this function writes, whose `values` are imported."""

    def add(write: Write) -> Write:
        def craft(ground: Ground) -> Path:
            with h5py.File(ground.here / "theirs.h5", "w") as file:
                write(file, ground)
            return ground.here / "theirs.h5"

        case(f"import: {name}", said, opener="import", ends=ends, slow=slow)(craft)
        return write

    return add


@imported("external link in place of the array", "values is a link that may lead out of the file")
def _link(file: Any, ground: Ground) -> None:
    file["values"] = h5py.ExternalLink("secret.h5", "/x")


@imported("virtual dataset in place of the array", "values is virtual")
def _virtual(file: Any, ground: Ground) -> None:
    layout = h5py.VirtualLayout((22, 1), "f4")
    layout[:, 0] = h5py.VirtualSource("secret.h5", "x", (22,), "u1")
    file.create_virtual_dataset("values", layout)


@imported("external raw storage in place of the array", "values keeps its data in other files")
def _raw(file: Any, ground: Ground) -> None:
    file.create_dataset("values", (5, 4), "u1", external=[("secret.bin", 0, 20)])


@imported("a good array beside one that leads away", "more is a link that may lead out of the file")
def _beside(file: Any, ground: Ground) -> None:
    file["values"] = np.ones((8, 4), "f4")
    file["more"] = h5py.ExternalLink("secret.h5", "/x")


@imported("no array at all", "Choose")
def _nothing(file: Any, ground: Ground) -> None:
    file.create_group("values")


@imported("texts in place of the array", "Choose")
def _texts(file: Any, ground: Ground) -> None:
    file["values"] = ["a", "b"]


@imported("compound numbers in place of the array", "Choose")
def _compound(file: Any, ground: Ground) -> None:
    file["values"] = np.zeros((4, 4), [("a", "f4")])


@imported("array of no rows", "Choose")
def _empty(file: Any, ground: Ground) -> None:
    file.create_dataset("values", (0, 4), "f4")


@imported("array of NaN, infinities and the largest float64, read as they are", "4 tokens", "read")
def _extremes(file: Any, ground: Ground) -> None:
    file["values"] = np.array([[np.nan, np.inf], [-np.inf, 1e308], [5e-324, 0.0], [-0.0, 65504.0]])


@imported("chunks that were never written, read as zeros", "64 tokens", "read")
def _unwritten(file: Any, ground: Ground) -> None:
    file.create_dataset("values", (64, 4), "f4", chunks=(8, 4))


@imported("names that mean something else in a file system", "8 tokens", "read")
def _names(file: Any, ground: Ground) -> None:
    file["values"] = np.ones((8, 4), "f4")
    file["../secret"] = np.ones((8, 4), "f4")


def _packed(ground: Ground, **how: Any) -> tuple[Path, int]:
    """A packed array, and where its only chunk lies."""
    with h5py.File(ground.here / "theirs.h5", "w") as file:
        values = file.create_dataset("values", data=np.arange(4096.0).reshape(64, 64), chunks=(64, 64), **how)
        file.flush()
        offset = values.id.get_chunk_info(0).byte_offset
    return ground.here / "theirs.h5", int(offset)


@case("import: chunk that is no deflate stream", "values of theirs.h5 cannot be read", opener="import")
def _garbage(ground: Ground) -> Path:
    path, offset = _packed(ground, compression="gzip")
    return patched(path, lambda content: content.__setitem__(slice(offset, offset + 64), b"\xff" * 64))


@case("import: chunk whose checksum is wrong", "values of theirs.h5 cannot be read", opener="import")
def _sum(ground: Ground) -> Path:
    path, offset = _packed(ground, fletcher32=True)
    return patched(path, lambda content: content.__setitem__(offset + 100, content[offset + 100] ^ 1))


@case("import: chunk that lies outside the file", "values of theirs.h5 cannot be read", opener="import")
def _outside(ground: Ground) -> Path:
    path, offset = _packed(ground, compression="gzip")
    packed = struct.pack("<Q", offset)
    return patched(path, lambda content: struct.pack_into("<Q", content, content.index(packed), 2**40))


@case("import: tree of chunks that points at itself", "cannot be read", opener="import")
def _tree(ground: Ground) -> Path:
    path, offset = _packed(ground, compression="gzip")
    packed = struct.pack("<Q", offset)

    def change(content: bytearray) -> None:
        at = content.rindex(b"TREE", 0, content.index(packed))
        content[at + 5] = 1
        struct.pack_into("<Q", content, content.index(packed), at)

    return patched(path, change)


@case("import: folder whose first chunk is a pipe", "it is no ordinary file", opener="import")
def _pipe(ground: Ground) -> Path:
    folder = ground.here / "theirs"
    folder.mkdir()
    os.mkfifo(folder / "chunk_0.hdf5")
    return folder


@case("import: folder whose last chunk has another number", "theirs lacks chunk_1", opener="import")
def _gap(ground: Ground) -> Path:
    folder = ground.here / "theirs"
    folder.mkdir()
    for number in (0, 999_999_999):
        with h5py.File(folder / f"chunk_{number}.hdf5", "w") as file:
            file["layer_0/inputs"] = np.ones((4, 4), "f4")
    return folder


@case("import: a pipe", "is of no layout that can be imported", opener="import")
def _pipe_alone(ground: Ground) -> Path:
    os.mkfifo(ground.here / "theirs.h5")
    return ground.here / "theirs.h5"


@case("import: a folder named as a file", "is of no layout that can be imported", opener="import")
def _folder(ground: Ground) -> Path:
    (ground.here / "theirs.h5").mkdir()
    return ground.here / "theirs.h5"
