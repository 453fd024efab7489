"""HDF5 files that lead out of themselves: to other files, and to code that would unpack them."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from tests.campaigns.hostile_case import Ground, in_shard, in_stranger

LINK = "is a link that may lead out of the file"


@in_shard("external link, absolute", f"out {LINK}")
def _absolute(file: Any, ground: Ground) -> None:
    file["out"] = h5py.ExternalLink(str(ground.secrets[0]), "/x")


@in_shard("external link, relative", f"out {LINK}")
def _relative(file: Any, ground: Ground) -> None:
    file["out"] = h5py.ExternalLink("secret.h5", "/x")


@in_shard("external link, ..", f"out {LINK}")
def _above(file: Any, ground: Ground) -> None:
    file["out"] = h5py.ExternalLink("../secret.h5", "/x")


@in_shard("external link in place of a dataset", f"vocabulary/text {LINK}")
def _in_place(file: Any, ground: Ground) -> None:
    del file["vocabulary/text"]
    file["vocabulary/text"] = h5py.ExternalLink("secret.h5", "/x")


@in_stranger("external link in a stranger's file", f"group/out {LINK}")
def _strange_link(file: Any, ground: Ground) -> None:
    file["group/out"] = h5py.ExternalLink("secret.h5", "/")


@in_stranger("external link to a device", f"out {LINK}")
def _device_link(file: Any, ground: Ground) -> None:
    file["out"] = h5py.ExternalLink("/dev/zero", "/")


@in_shard("soft link, dangling", f"out {LINK}")
def _dangling(file: Any, ground: Ground) -> None:
    file["out"] = h5py.SoftLink("/nowhere")


@in_shard("soft link to the root", f"out {LINK}")
def _to_root(file: Any, ground: Ground) -> None:
    file["out"] = h5py.SoftLink("/")


@in_shard("soft links in a circle", f"a {LINK}")
def _circle(file: Any, ground: Ground) -> None:
    file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")


@in_shard("soft link through an external one", f"b {LINK}")
def _through(file: Any, ground: Ground) -> None:
    file["c"] = h5py.ExternalLink("secret.h5", "/")
    file["b"] = h5py.SoftLink("/c/x")


def _raw(file: Any, name: str) -> None:
    file.create_dataset("out", (16,), "u1", external=[(name, 0, 16)])


@in_shard("external raw storage of /etc/passwd", "out keeps its data in other files")
def _passwd(file: Any, ground: Ground) -> None:
    _raw(file, "/etc/passwd")


@in_shard("external raw storage beside", "out keeps its data in other files")
def _raw_beside(file: Any, ground: Ground) -> None:
    _raw(file, "secret.bin")


@in_stranger("external raw storage above, in a stranger's file", "out keeps its data in other files")
def _raw_above(file: Any, ground: Ground) -> None:
    _raw(file, "../secret.bin")


@in_shard("external raw storage in place of a dataset", "tokens/id keeps its data in other files")
def _raw_tokens(file: Any, ground: Ground) -> None:
    del file["tokens/id"]
    file.create_dataset("tokens/id", (60,), "<i4", external=[("/dev/zero", 0, h5py.h5f.UNLIMITED)])


def _virtual(file: Any, source: str, name: str = "x") -> None:
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(source, name, (4,), "u1")
    file.create_virtual_dataset("out", layout)


@in_shard("virtual dataset on another file", "out is virtual")
def _virtual_other(file: Any, ground: Ground) -> None:
    _virtual(file, "secret.h5")


@in_shard("virtual dataset on its own file", "out is virtual")
def _virtual_own(file: Any, ground: Ground) -> None:
    _virtual(file, ".", "tokens/id")


@in_shard("virtual dataset on itself", "out is virtual")
def _virtual_self(file: Any, ground: Ground) -> None:
    _virtual(file, ".", "out")


@in_stranger("virtual dataset on a pattern of files", "out is virtual", libver="latest")
def _virtual_pattern(file: Any, ground: Ground) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    endless = h5py.h5s.create_simple((10,), (h5py.h5s.UNLIMITED,))
    endless.select_hyperslab((0,), (h5py.h5s.UNLIMITED,), (10,), (10,))
    plist.set_virtual(endless, b"../secret%b.h5", b"x", h5py.h5s.create_simple((10,)))
    space = h5py.h5s.create_simple((10,), (h5py.h5s.UNLIMITED,))
    h5py.h5d.create(file.id, b"out", h5py.h5t.STD_U8LE, space, plist)


def _filtered(file: Any, code: int, values: tuple[int, ...] = ()) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((8,))
    plist.set_filter(code, h5py.h5z.FLAG_OPTIONAL, values)
    h5py.h5d.create(file.id, b"out", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((8,)), plist)


@in_shard("filter that a plugin would bring", "out is packed by filter 307")
def _plugin(file: Any, ground: Ground) -> None:
    _filtered(file, 307)


@in_shard("filter of no number that is known", "out is packed by filter 65535")
def _no_filter(file: Any, ground: Ground) -> None:
    _filtered(file, 65535)


@in_stranger("filter LZF", "out is packed by filter 32000")
def _lzf(file: Any, ground: Ground) -> None:
    file.create_dataset("out", data=np.zeros(64), compression="lzf")


@in_stranger("filter szip", "out is packed by filter 4")
def _szip(file: Any, ground: Ground) -> None:
    _filtered(file, h5py.h5z.FILTER_SZIP, (141, 8))


@in_stranger("filter nbit", "out is packed by filter 5")
def _nbit(file: Any, ground: Ground) -> None:
    _filtered(file, h5py.h5z.FILTER_NBIT)


@in_stranger("filter scaleoffset", "out is packed by filter 6")
def _scaleoffset(file: Any, ground: Ground) -> None:
    file.create_dataset("out", data=np.arange(64), scaleoffset=0)
