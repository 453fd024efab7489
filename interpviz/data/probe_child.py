"""The child that opens HDF5 files and says in JSON what is where. It reads no data but the root's attributes.

Run as `python -m interpviz.data.probe_child`. Everything that HDF5 would follow out of the file is named as a
problem and not followed; what would take too much time or memory is refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from typing import Any

from interpviz.core.errors import shown
from interpviz.data.closed_hdf5 import h5py

MEMORY = 2**30
OBJECTS = 100_000
DEPTH = 32
RANK = 8
PATH_BYTES = 4096
TEXT_BYTES = 4 * 2**20  # of all paths, and of all texts: the answer in JSON, six times as long at most, gets through
ATTRIBUTES = 1024
ATTRIBUTE_BYTES = 2**20
CHUNK_BYTES = 256 * 2**20
DECLARED_RATIO = 1100  # gzip's ceiling is 1,025
PROBLEMS = 20
FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "deflate",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
}
IN_USE = "it is in use by another program"


class Refused(Exception):
    """The file asks for something that is never done."""


def structure(path: str) -> dict[str, Any]:
    """Attributes of the root, and every dataset with {path, offset, shape, dtype, bytes}, and what was refused."""
    size = _free_size(path)
    with h5py.File(path, "r", locking=False) as file:
        scan = _Scan(size)
        scan.walk(file.id)
        scan.apart()
        return {"attributes": _attributes(file), "datasets": scan.datasets, "problems": scan.problems, "size": size}


class _Scan:
    """An iterative walk over hard links, each object once."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.datasets: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self._declared = self._links = self._named = 0
        self._seen: set[int] = set()  # addresses

    def walk(self, root: Any) -> None:
        """Fill `datasets` and `problems` from the root group down."""
        waiting = [("", root, 0)]
        self._seen = {h5py.h5o.get_info(root).addr}
        while waiting:
            prefix, group, depth = waiting.pop()
            self._links += group.get_num_objs()
            if self._links > OBJECTS:
                raise Refused(f"it holds over {OBJECTS:,} objects")
            for name, child in self._children(prefix, group):
                if isinstance(child, h5py.h5d.DatasetID):
                    self._dataset(name, child)
                elif isinstance(child, h5py.h5g.GroupID):
                    if depth >= DEPTH:
                        raise Refused(f"its groups lie over {DEPTH} deep")
                    waiting.append((name + "/", child, depth + 1))

    def apart(self) -> None:
        """Name the datasets that share bytes: a small file could hold any number of them."""
        placed = (entry for entry in self.datasets if entry["offset"] is not None and entry["bytes"])
        end, before = 0, ""
        for entry in sorted(placed, key=lambda entry: int(entry["offset"])):
            if entry["offset"] < end:
                self._problem(f"{shown(entry['path'])} lies over {shown(before)}")
            if entry["offset"] + entry["bytes"] > end:
                end, before = entry["offset"] + entry["bytes"], entry["path"]

    def _children(self, prefix: str, group: Any) -> Iterator[tuple[str, Any]]:
        """The members of a group that lie in this file and were not met before."""
        for raw in group:
            name = prefix + raw.decode("utf-8", "replace")
            self._named += len(name.encode())
            if len(name) > PATH_BYTES or self._named > TEXT_BYTES:
                raise Refused(f"its names are over {PATH_BYTES:,} bytes long, or over {TEXT_BYTES:,} together")
            if not _is_plain(raw):
                self._problem(f"{shown(name)} has a name that HDF5 forbids")
                continue
            link = group.links.get_info(raw)
            if link.type != h5py.h5l.TYPE_HARD:
                self._problem(f"{shown(name)} is a link that may lead out of the file")
            elif link.u not in self._seen:
                self._seen.add(link.u)
                yield name, h5py.h5o.open(group, raw)

    def _dataset(self, name: str, dataset: Any) -> None:
        plist, kind = dataset.get_create_plist(), dataset.get_type()
        shape = _shape(dataset.get_space())
        declared = kind.get_size()
        for length in shape:
            declared *= length
        refusal = self._refusal(plist, shape, declared, kind.get_size())
        if refusal:
            self._problem(f"{shown(name)} {refusal}")
            return
        self._declared += declared
        offset = dataset.get_offset() if plist.get_layout() == h5py.h5d.CONTIGUOUS else None
        entry = {"path": name, "offset": offset, "shape": list(shape), "dtype": _dtype(kind), "bytes": declared}
        self.datasets.append(entry)

    def _refusal(self, plist: Any, shape: tuple[int, ...], declared: int, item: int) -> str:
        layout = plist.get_layout()
        if layout == h5py.h5d.VIRTUAL:
            return "is virtual: its data lie in other files"
        if plist.get_external_count():
            return "keeps its data in other files"
        if len(shape) > RANK:
            return f"has {len(shape)} axes"
        if layout != h5py.h5d.CHUNKED and declared > self.size:
            return f"declares {declared:,} bytes, more than the file has"
        if self._declared + declared > DECLARED_RATIO * max(self.size, 1):
            return f"declares {declared:,} bytes, too much for a file of {self.size:,}"
        if layout == h5py.h5d.CHUNKED:
            return _chunk_refusal(plist, item)
        return ""

    def _problem(self, text: str) -> None:
        if len(self.problems) < PROBLEMS:
            self.problems.append(text)


def _free_size(path: str) -> int:
    """Bytes of an ordinary file that nobody is writing; to open a pipe or a device would wait for ever."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise Refused("it is no ordinary file")
    with open(path, "rb") as file:
        _ask_for_lock(file.fileno())
        return os.fstat(file.fileno()).st_size


def _ask_for_lock(number: int) -> None:
    """Raise BlockingIOError where a writer holds the file; h5py does not, as it is to read where no lock can be had."""
    with contextlib.suppress(ImportError):  # Windows: there the writer's own lock lets nobody open the file
        import fcntl

        try:
            fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # a network disk without locks
            return


def _is_plain(raw: bytes) -> bool:
    """Whether HDF5 looks up this very name: "a/b" would lead through a, wherever that leads."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return b"/" not in raw and raw not in (b"", b".")


def _shape(space: Any) -> tuple[int, ...]:
    """() for one value, (0,) for none at all."""
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        return (0,)
    return tuple(space.get_simple_extent_dims() or ())


def _chunk_refusal(plist: Any, item: int) -> str:
    chunk = item
    for length in plist.get_chunk():
        chunk *= length
    if chunk > CHUNK_BYTES:
        return f"has chunks of {chunk:,} bytes"
    unknown = [code for code in (plist.get_filter(i)[0] for i in range(plist.get_nfilters())) if code not in FILTERS]
    return f"is packed by filter {unknown[0]}, which is not known here" if unknown else ""


def _dtype(kind: Any) -> str:
    try:
        return str(kind.dtype.str)
    except (TypeError, ValueError):
        return "unknown"


def _attributes(file: Any) -> dict[str, str | int]:
    """The root's attributes that are single texts or whole numbers."""
    found: dict[str, str | int] = {}
    if h5py.h5a.get_num_attrs(file.id) > ATTRIBUTES:
        raise Refused(f"it has over {ATTRIBUTES:,} attributes")
    names: list[bytes] = []
    h5py.h5a.iterate(file.id, names.append)
    texts = 0
    for raw in names:
        name = raw.decode("utf-8", "replace")
        value = _value(file, raw, name)
        if isinstance(value, str):
            texts += len(name) + len(value.encode("utf-8", "replace"))  # HDF5 tells it only by reading it
            found[name] = value
        elif value is not None:
            found[name] = int(value)
        if texts > TEXT_BYTES:
            raise Refused(f"its attribute {shown(name)} is too long a text")
    return found


def _value(file: Any, raw: bytes, name: str) -> Any:
    """One attribute, None unless it is a single text or whole number."""
    attribute = h5py.h5a.open(file.id, raw)
    extent = attribute.get_space().get_simple_extent_type()
    if extent != h5py.h5s.NULL and attribute.get_storage_size() > ATTRIBUTE_BYTES:
        raise Refused(f"its attribute {shown(name)} takes over {ATTRIBUTE_BYTES:,} bytes")
    if extent != h5py.h5s.SCALAR or attribute.get_type().get_class() not in (h5py.h5t.STRING, h5py.h5t.INTEGER):
        return None
    value = file.attrs[raw]
    whole = hasattr(value, "dtype") and value.dtype.kind in "iu"
    return value if whole or isinstance(value, str) else None


def answer(line: bytes) -> dict[str, Any]:
    """The structure asked for, or {"error": what is the matter}."""
    try:
        return structure(json.loads(line)["path"])
    except Refused as refused:
        return {"error": str(refused)}
    except BlockingIOError:
        return {"error": IN_USE}
    except MemoryError:
        return {"error": "it asks for too much memory"}
    except Exception as broken:  # whatever h5py raises over a broken file is an answer, not a crash
        return {"error": _cause(str(broken))}


def _cause(said: str) -> str:
    if "already open for" in said:  # a writer is at it, or was killed
        return f"{IN_USE}, or a program that wrote it did not end well"
    first = said.strip("'\"").splitlines()[0] if said else "no cause given"
    return f"HDF5 cannot read it ({shown(first)})"


def main() -> None:
    """Answer until the input ends."""
    with contextlib.suppress(ImportError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        sys.stdout.write(json.dumps(answer(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
