"""HDF5 files whose bytes no library would write: each pointer and each length is patched by hand."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from tests.campaigns.hostile_case import Ground, case

UNREAD = "cannot be opened: HDF5 cannot read it"


def recast(source: Path, path: Path, libver: str | tuple[str, str], user_block: int = 0) -> Path:
    """The same attributes and datasets in another version of the file format."""
    with h5py.File(source, "r") as old, h5py.File(path, "w", libver=libver, userblock_size=user_block) as new:
        for name, value in old.attrs.items():
            new.attrs[name] = value
        old.visititems(
            lambda name, thing: (
                new.create_dataset(name, data=thing[()], dtype=thing.dtype) and None
                if isinstance(thing, h5py.Dataset)
                else None
            )
        )
    return path


def patched(path: Path, change: Callable[[bytearray], None]) -> Path:
    """The file with its bytes changed in place."""
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    return path


def old_groups(ground: Ground) -> Path:
    """A file of version 0: its root is a B-tree over a heap of names."""
    path = ground.here / "old.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        file["values"] = np.arange(4)
        file["group/more"] = np.arange(4)
    return path


@case("superblock version 0, truncated", UNREAD, opener="hdf5")
def _cut_superblock(ground: Ground) -> Path:
    path = ground.stranger()
    path.write_bytes(path.read_bytes()[:40])
    return path


@case("superblock version 2", "60 tokens", opener="cache", ends="read")
def _second(ground: Ground) -> Path:
    path = recast(ground.shard(), ground.here / "second.h5", ("v108", "v108"))
    assert path.read_bytes()[8] == 2
    return path


@case("superblock version 3", "60 tokens", opener="cache", ends="read")
def _third(ground: Ground) -> Path:
    path = recast(ground.shard(), ground.here / "third.h5", "latest")
    assert path.read_bytes()[8] >= 3
    return path


@case("superblock of no version that is known", UNREAD, opener="cache")
def _version(ground: Ground) -> Path:
    return patched(ground.shard(), lambda content: content.__setitem__(8, 99))


@case("superblock whose checksum is wrong", UNREAD, opener="cache")
def _checksum(ground: Ground) -> Path:
    path = recast(ground.shard(), ground.here / "third.h5", "latest")
    return patched(path, lambda content: content.__setitem__(44, content[44] ^ 1))


@case("superblock whose offsets have 255 bytes", UNREAD, opener="hdf5")
def _sizes(ground: Ground) -> Path:
    return patched(ground.stranger(), lambda content: content.__setitem__(13, 255))


@case("end of file far beyond the file", UNREAD, opener="hdf5")
def _end(ground: Ground) -> Path:
    return patched(ground.stranger(), lambda content: struct.pack_into("<Q", content, 40, 2**40))


@case("root group that lies outside the file", UNREAD, opener="hdf5")
def _root(ground: Ground) -> Path:
    return patched(ground.stranger(), lambda content: struct.pack_into("<Q", content, 64, 2**40))


@case("user block before the signature", "60 tokens", opener="cache", ends="read")
def _user_block(ground: Ground) -> Path:
    path = recast(ground.shard(), ground.here / "block.h5", "earliest", 1024)
    return patched(path, lambda content: content.__setitem__(slice(0, 9), b"not HDF5!"))


@case("B-tree that points at itself", "made the reading process crash and is damaged or hostile", opener="hdf5")
def _tree(ground: Ground) -> Path:
    def change(content: bytearray) -> None:
        at = content.index(b"TREE")
        content[at + 5] = 1  # a node of nodes
        struct.pack_into("<Q", content, at + 32, at)

    return patched(old_groups(ground), change)


@case("B-tree of 65,535 children", UNREAD, opener="hdf5")
def _wide_tree(ground: Ground) -> Path:
    return patched(
        old_groups(ground), lambda content: struct.pack_into("<H", content, content.index(b"TREE") + 6, 65535)
    )


@case("heap of names that lies outside the file", UNREAD, opener="hdf5")
def _heap(ground: Ground) -> Path:
    return patched(
        old_groups(ground), lambda content: struct.pack_into("<Q", content, content.index(b"HEAP") + 24, 2**40)
    )


@case("heap whose free list is a circle", UNREAD, opener="hdf5", slow=True)
def _free_list(ground: Ground) -> Path:
    def change(content: bytearray) -> None:
        at = content.index(b"HEAP")
        free, data = struct.unpack_from("<QQ", content, at + 16)
        struct.pack_into("<Q", content, data + free, free)

    return patched(old_groups(ground), change)


@case("symbol whose name begins outside the heap", UNREAD, opener="hdf5")
def _name_offset(ground: Ground) -> Path:
    return patched(
        old_groups(ground), lambda content: struct.pack_into("<Q", content, content.index(b"SNOD") + 8, 2**32)
    )


@case("attribute whose text lies outside its heap", UNREAD, opener="cache")
def _global_heap(ground: Ground) -> Path:
    return patched(ground.shard(), lambda content: struct.pack_into("<Q", content, content.index(b"GCOL") + 24, 2**48))


@case("attribute whose heap is gone", UNREAD, opener="cache")
def _no_heap(ground: Ground) -> Path:
    return patched(ground.shard(), lambda content: content.__setitem__(slice(content.index(b"GCOL"), None), b""))


@case("hard link whose name leads through an external one", "a/x has a name that HDF5 forbids", opener="hdf5")
def _path_name(ground: Ground) -> Path:
    path = ground.stranger()
    with h5py.File(path, "r+") as file:
        file["a"] = h5py.ExternalLink("secret.h5", "/")
        file["a~x"] = file["values"]
    return patched(path, lambda content: content.__setitem__(slice(at := content.index(b"a~x"), at + 3), b"a/x"))


@case("link that is named .", "has a name that HDF5 forbids", opener="hdf5")
def _dot(ground: Ground) -> Path:
    path = ground.stranger()
    with h5py.File(path, "r+") as file:
        file["!"] = 1.0
    return patched(path, lambda content: content.__setitem__(content.index(b"!\0"), ord(".")))


def moved(path: Path, name: str, offset: int) -> Path:
    """The layout of this dataset says that it lies there."""
    with h5py.File(path, "r") as file:
        layout = b"\x03\x01" + struct.pack("<Q", file[name].id.get_offset())  # version 3, in one piece
    return patched(path, lambda content: struct.pack_into("<Q", content, content.index(layout) + 2, offset))


def _overlaid(path: Path, first: str, second: str) -> Path:
    """The second dataset lies where the first does."""
    with h5py.File(path, "r") as file:
        offset = file[first].id.get_offset()
    return moved(path, second, offset)


@case("two datasets in one place", "lies over", opener="hdf5")
def _one_place(ground: Ground) -> Path:
    path = ground.stranger()
    with h5py.File(path, "r+") as file:
        file["more"] = np.arange(4)
    return _overlaid(path, "values", "more")


@case("two datasets of a shard in one place", "lies over", opener="cache")
def _shard_place(ground: Ground) -> Path:
    return _overlaid(ground.shard(), "tokens/id", "tokens/position")


@case("dataset that ends outside the file", UNREAD, opener="cache")
def _outside(ground: Ground) -> Path:
    path = ground.shard()
    return moved(path, "tokens/id", path.stat().st_size - 8)


@case("signature and nothing behind it", UNREAD, opener="hdf5")
def _signature(ground: Ground) -> Path:
    path = ground.here / "empty.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(4096))
    return path


@case("a file of another kind named as a shard", UNREAD, opener="cache")
def _text(ground: Ground) -> Path:
    return Path(shutil.copy(__file__, ground.here / "shard-00000.h5"))
