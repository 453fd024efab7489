"""HDF5 files that ask for more than there is, or hold what is odd. Made by the library's own means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.campaigns.hostile_case import Ground, case, in_shard, in_stranger


@in_shard("shape of 4,096 TiB", "out declares 4,503,599,627,370,496 bytes")
def _huge(file: Any, ground: Ground) -> None:
    file.create_dataset("out", (2**40, 1024), "f4", chunks=(1024, 1024))


@in_stranger("shape whose product passes 2^64", "out declares")
def _wrapping(file: Any, ground: Ground) -> None:
    file.create_dataset("out", (2**33, 2**33, 2**33), "f4", chunks=(8, 8, 8))


@in_stranger("dataset in one piece that was never written", "out declares 1,073,741,824 bytes, more than the file has")
def _unwritten(file: Any, ground: Ground) -> None:
    file.create_dataset("out", (2**28,), "f4")


@in_stranger("chunks over 256 MB", "out has chunks of 268,435,464 bytes")
def _thick(file: Any, ground: Ground) -> None:
    file.create_dataset("out", (1,), "f8", chunks=(2**25 + 1,), maxshape=(None,))


@in_stranger("chunks of 32 axes", "out has 32 axes")
def _many_axes(file: Any, ground: Ground) -> None:
    file.create_dataset("out", (1,) * 32, "f4", chunks=(1,) * 32)


@in_shard("bomb of 1,025:1 in place of a site", "does not lie whole in the file")
def _bomb(file: Any, ground: Ground) -> None:
    name = "activations/blocks.0.hook_resid_post"
    del file[name]
    file.create_dataset(name, data=np.zeros((60, 48), "<f2"), chunks=(60, 48), compression=9)


@in_stranger("bomb of 1,025:1, which is told and not unpacked", "['bomb', 'values']", "read", slow=True)
def _told(file: Any, ground: Ground) -> None:
    file.create_dataset("bomb", data=np.zeros(2**28, "u1"), chunks=(2**22,), compression=9)


@in_stranger("bombs that were never written", "too much for a file of")
def _bombs(file: Any, ground: Ground) -> None:
    for number in range(3):
        file.create_dataset(f"d{number}", (2**26,), "u1", chunks=(2**20,), compression=9)


@in_stranger("100,001 objects", "it holds over 100,000 objects", libver="latest", slow=True)
def _objects(file: Any, ground: Ground) -> None:
    for number in range(100_001):
        h5py.h5g.create(file.id, b"%d" % number)


@in_stranger("names by the thousand for one group", "it holds over 100,000 objects", slow=True)
def _aliases(file: Any, ground: Ground) -> None:
    wide = file.create_group("wide")
    for number in range(20_000):
        h5py.h5o.link(file.id, wide.id, b"%d" % number)
    for number in range(10):
        file[f"again{number}"] = wide
    for number in range(5):
        more = file.create_group(f"more{number}")
        for other in range(20_000):
            h5py.h5o.link(file.id, more.id, b"%d" % other)


@in_stranger("groups 3,000 deep", "its groups lie over 32 deep", slow=True)
def _deep(file: Any, ground: Ground) -> None:
    group = file
    for _ in range(3000):
        group = group.create_group("g")


@in_shard("a group inside itself", "60 tokens", "read")
def _ring(file: Any, ground: Ground) -> None:
    file["tokens/again"] = file["tokens"]
    file["tokens/root"] = file["/"]


@in_stranger("attribute of 80 MB", "its attribute big takes over 1,048,576 bytes", libver="latest", slow=True)
def _big(file: Any, ground: Ground) -> None:
    file.attrs["big"] = np.zeros(10 * 2**20)


@in_stranger("attribute of 80 MB that is one text", "its attribute big is too long a text", slow=True)
def _big_text(file: Any, ground: Ground) -> None:
    file.attrs["big"] = "x" * 80 * 2**20


@in_shard("1,100 attributes", "it has over 1,024 attributes", slow=True)
def _attributes(file: Any, ground: Ground) -> None:
    for number in range(1100):
        file.attrs[f"a{number}"] = number


@in_stranger("attributes of every type", "'number': 7", "read")
def _attribute_types(file: Any, ground: Ground) -> None:
    file.attrs["number"], file.attrs["empty"] = 7, h5py.Empty("i4")
    file.attrs["reference"] = file.ref
    file.attrs["region"] = file["values"].regionref[1:2]
    file.attrs["enum"] = np.array(1, h5py.enum_dtype({"a": 1}))
    file.attrs["compound"] = np.zeros((), [("a", "i4"), ("b", "f8")])
    file.attrs["opaque"] = np.void(b"\x00\x01")
    file.attrs["ragged"] = np.array([1, 2], "i4")
    file.attrs.create("bytes", np.bytes_(b"\xff\xfe"))
    file.attrs.create("words", ["a", "b"], dtype=h5py.string_dtype())


@in_stranger("datasets of every type", "'compound', 'empty', 'enum', 'null', 'one', 'opaque'", "read")
def _types(file: Any, ground: Ground) -> None:
    file["compound"] = np.zeros(3, [("a", "i4"), ("b", "f8", (2,))])
    file["empty"] = np.zeros((0, 4), "f4")
    file["enum"] = np.zeros(3, h5py.enum_dtype({"a": 0}, "u1"))
    file["null"] = h5py.Empty("f4")
    file["opaque"] = np.array([b"ab", b"cd"], "V2")
    file["one"] = 3.0
    file["kind"] = np.dtype("f8")
    file.create_dataset("reference", data=file.ref, dtype=h5py.ref_dtype)
    file.create_dataset("region", data=file["values"].regionref[1:2], dtype=h5py.regionref_dtype)
    file.create_dataset("texts", data=["a", "b"], dtype=h5py.string_dtype())
    file.create_dataset("ragged", (2,), h5py.vlen_dtype("i4"))
    h5py.h5d.create(file.id, b"time", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((2,)))


@in_shard("committed types and empty groups", "60 tokens", "read")
def _committed(file: Any, ground: Ground) -> None:
    file["kind"] = np.dtype([("a", "f8")])
    file.create_group("nothing")


@in_shard("texts of other length in place of the vocabulary", "vocabulary/text is missing or not as its header says")
def _vlen(file: Any, ground: Ground) -> None:
    del file["vocabulary/text"]
    file.create_dataset("vocabulary/text", data=["a"] * 8, dtype=h5py.string_dtype())


@in_shard("null dataspace in place of the tokens", "tokens/id is missing or not as its header says")
def _null(file: Any, ground: Ground) -> None:
    del file["tokens/id"]
    file["tokens/id"] = h5py.Empty("<i4")


@in_shard("one number in place of the tokens", "tokens/id is missing or not as its header says")
def _scalar(file: Any, ground: Ground) -> None:
    del file["tokens/id"]
    file["tokens/id"] = np.int32(3)


@in_shard("a group in place of the tokens", "tokens/id is missing or not as its header says")
def _group(file: Any, ground: Ground) -> None:
    del file["tokens/id"]
    file.create_group("tokens/id")


@in_shard("checksums of another length", "checksums/tokens/id is missing or not as its header says")
def _sums(file: Any, ground: Ground) -> None:
    del file["checksums/tokens/id"]
    file["checksums/tokens/id"] = np.zeros(2, "<u4")


@in_stranger(
    "names with line ends, turned directions and ..", repr(["..", "a\nb", "a\u202eb", "values", "ü 🙂"]), "read"
)
def _names(file: Any, ground: Ground) -> None:
    for name in ("a\nb", "a\u202eb", "..", "ü 🙂"):
        file[name] = 1.0


@in_stranger("link whose name would write on the screen", "a\\u000ab\\u202ec\\u0007 is a link")
def _loud_name(file: Any, ground: Ground) -> None:
    file["a\nb\u202ec\x07"] = h5py.SoftLink("/")


@in_stranger("name that is no UTF-8", "has a name that HDF5 forbids")
def _foreign_name(file: Any, ground: Ground) -> None:
    h5py.h5g.create(file.id, b"caf\xe9")


@in_stranger("name of 60,000 letters", "its names are over 4,096 bytes long")
def _long_name(file: Any, ground: Ground) -> None:
    file["n" * 60_000] = 1.0


@in_stranger("long names by the thousand", "its names are over 4,096 bytes long, or over 4,194,304 together", slow=True)
def _long_names(file: Any, ground: Ground) -> None:
    for number in range(1200):
        file["n" * 4000 + str(number)] = 1.0


@case("a pipe named as a shard", "it is no ordinary file", opener="cache")
def _pipe(ground: Ground) -> Path:
    os.mkfifo(ground.here / "shard-00000.h5")
    return ground.here / "shard-00000.h5"


@case("a pipe that is dropped on the window", "is no model, cache, dictionary, index or session", opener="kind")
def _dropped_pipe(ground: Ground) -> Path:
    return _pipe(ground)


@case("a link to /dev/zero", "it is no ordinary file", opener="cache")
def _device(ground: Ground) -> Path:
    (ground.here / "zero.h5").symlink_to("/dev/zero")
    return ground.here / "zero.h5"


@case("a link to itself", "Choose", opener="cache")
def _loop(ground: Ground) -> Path:
    (ground.here / "loop.h5").symlink_to("loop.h5")
    return ground.here / "loop.h5"


@case("a link to /etc/passwd", "cannot be opened: HDF5 cannot read it", opener="cache")
def _linked(ground: Ground) -> Path:
    (ground.here / "a.h5").symlink_to("/etc/passwd")
    return ground.here / "a.h5"


@case("an empty folder named as a shard", "holds no manifest.jsonl", opener="cache")
def _folder(ground: Ground) -> Path:
    (ground.here / "shard-00000.h5").mkdir()
    return ground.here / "shard-00000.h5"


@case("a shard that another program is writing", "it is in use by another program", opener="while written")
def _written(ground: Ground) -> Path:
    return ground.shard()


@case("a file whose writer was killed", "it is in use by another program, or", opener="hdf5")
def _swmr(ground: Ground) -> Path:
    with h5py.File(ground.here / "live.h5", "w", libver="latest") as file:
        file["x"] = np.zeros(4)
        file.swmr_mode = True
        (ground.here / "left.h5").write_bytes((ground.here / "live.h5").read_bytes())
    return ground.here / "left.h5"


@case("a shard that is cut while it is open", "damaged", opener="after a cut")
def _cut_later(ground: Ground) -> Path:
    return ground.shard()


@case("a name of 5,000 letters", "Choose", opener="cache")
def _long_path(ground: Ground) -> Path:
    return ground.here / ("n" * 5000)
