"""The child that opens HDF5 files and says in JSON what is where. It reads no data but the root's attributes.

Run as `python -m interpviz.data.probe_child`; the limits are those of THREATS: everything that HDF5 would
follow out of the file is named as a problem and not followed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

os.environ.setdefault("HDF5_PLUGIN_PRELOAD", "::")

import h5py

MEMORY = 2 * 2**30
OBJECTS = 100_000
DEPTH = 32
RANK = 8
ATTRIBUTE_BYTES = 2**20
CHUNK_BYTES = 256 * 2**20
DECLARED_RATIO = 1100  # gzip's ceiling is 1,025
PROBLEMS = 20
FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "deflate",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
}


class Refused(Exception):
    """The file asks for something that is never done."""


def structure(path: str) -> dict[str, Any]:
    """Attributes of the root, and every dataset with {path, offset, shape, dtype, bytes}, and what was refused."""
    size = os.path.getsize(path)
    with h5py.File(path, "r", locking=False) as file:
        scan = _Scan(size)
        scan.walk(file.id)
        return {"attributes": _attributes(file), "datasets": scan.datasets, "problems": scan.problems, "size": size}


class _Scan:
    """An iterative walk over hard links, each object once."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.datasets: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self._declared = 0

    def walk(self, root: Any) -> None:
        """Fill `datasets` and `problems` from the root group down."""
        waiting = [("", root, 0)]
        seen = {_address(root)}
        while waiting:
            prefix, group, depth = waiting.pop()
            if group.get_num_objs() + len(seen) > OBJECTS:
                raise Refused(f"it holds over {OBJECTS:,} objects")
            for name, child in self._children(prefix, group):
                if _address(child) in seen:
                    continue
                seen.add(_address(child))
                if isinstance(child, h5py.h5d.DatasetID):
                    self._dataset(name, child)
                elif isinstance(child, h5py.h5g.GroupID):
                    if depth >= DEPTH:
                        raise Refused(f"its groups lie over {DEPTH} deep")
                    waiting.append((name + "/", child, depth + 1))

    def _children(self, prefix: str, group: Any) -> list[tuple[str, Any]]:
        found = []
        for raw in group:
            name = prefix + raw.decode("utf-8", "replace")
            if group.links.get_info(raw).type == h5py.h5l.TYPE_HARD:
                found.append((name, h5py.h5o.open(group, raw)))
            else:
                self._problem(f"{name} is a link that may lead out of the file")
        return found

    def _dataset(self, name: str, dataset: Any) -> None:
        plist, space, kind = dataset.get_create_plist(), dataset.get_space(), dataset.get_type()
        shape = space.get_simple_extent_dims() or ()
        declared = kind.get_size()
        for length in shape:
            declared *= length
        refusal = self._refusal(plist, shape, declared, kind.get_size())
        if refusal:
            self._problem(f"{name} {refusal}")
            return
        self._declared += declared
        offset = dataset.get_offset() if plist.get_layout() == h5py.h5d.CONTIGUOUS else None
        entry = {"path": name, "offset": offset, "shape": list(shape), "dtype": _dtype(dataset), "bytes": declared}
        self.datasets.append(entry)

    def _refusal(self, plist: Any, shape: tuple[int, ...], declared: int, item: int) -> str:
        layout = plist.get_layout()
        if layout == h5py.h5d.VIRTUAL:
            return "is virtual: its data lie in other files"
        if plist.get_external_count():
            return "keeps its data in other files"
        if len(shape) > RANK:
            return f"has {len(shape)} axes"
        if layout == h5py.h5d.CONTIGUOUS and declared > self.size:
            return f"declares {declared:,} bytes, more than the file has"
        if self._declared + declared > DECLARED_RATIO * max(self.size, 1):
            return f"declares {declared:,} bytes, too much for a file of {self.size:,}"
        if layout == h5py.h5d.CHUNKED:
            return _chunk_refusal(plist, item)
        return ""

    def _problem(self, text: str) -> None:
        if len(self.problems) < PROBLEMS:
            self.problems.append(text)


def _chunk_refusal(plist: Any, item: int) -> str:
    chunk = item
    for length in plist.get_chunk():
        chunk *= length
    if chunk > CHUNK_BYTES:
        return f"has chunks of {chunk:,} bytes"
    unknown = [code for code in (plist.get_filter(i)[0] for i in range(plist.get_nfilters())) if code not in FILTERS]
    return f"is packed by filter {unknown[0]}, which is not known here" if unknown else ""


def _dtype(dataset: Any) -> str:
    try:
        return str(dataset.dtype.str)
    except (TypeError, ValueError):
        return "unknown"


def _address(thing: Any) -> tuple[int, int]:
    found = h5py.h5o.get_info(thing)
    return found.fileno, found.addr


def _attributes(file: Any) -> dict[str, str | int]:
    """The root's attributes that are texts or whole numbers of at most 1 MB."""
    found: dict[str, str | int] = {}
    names = [h5py.h5a.open(file.id, index=i).name for i in range(min(h5py.h5a.get_num_attrs(file.id), 64))]
    for name in names:
        attribute = h5py.h5a.open(file.id, name)
        if attribute.get_storage_size() > ATTRIBUTE_BYTES:
            raise Refused(f"its attribute {name.decode('utf-8', 'replace')} takes over {ATTRIBUTE_BYTES:,} bytes")
        if attribute.shape == ():
            value = file.attrs[name.decode("utf-8", "replace")]
            if isinstance(value, str):
                found[name.decode("utf-8", "replace")] = value
            elif hasattr(value, "dtype") and value.dtype.kind in "iu":
                found[name.decode("utf-8", "replace")] = int(value)
    return found


def answer(line: bytes) -> dict[str, Any]:
    """The structure asked for, or {"error": what is the matter}."""
    try:
        return structure(json.loads(line)["path"])
    except Refused as refused:
        return {"error": str(refused)}
    except BlockingIOError:
        return {"error": "it is in use by another program"}
    except MemoryError:
        return {"error": "it asks for too much memory"}
    except Exception as broken:  # whatever h5py raises over a broken file is an answer, not a crash
        return {
            "error": f"HDF5 cannot read it ({str(broken).splitlines()[0][:200] if str(broken) else 'no cause given'})"
        }


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
