"""What an HDF5 file holds and where, asked of one reused child process: this process never imports h5py."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from interpviz.core.errors import InterpvizError
from interpviz.data.child import Child, ChildFailed

LIMIT = 10.0
SIGNATURE = b"\x89HDF\r\n\x1a\n"

_lock = threading.Lock()
_children: list[Child] = []


class Unreadable(InterpvizError):
    """The file cannot be opened as HDF5, or asks for what is refused."""


@dataclass(frozen=True)
class Stored:
    """One dataset; `offset` is its first byte in the file, None where it is not one plain block.

    `nbytes` is what its shape and type declare; `dtype` is "unknown" where numpy has none like it.
    """

    path: str
    offset: int | None
    shape: tuple[int, ...]
    dtype: str
    nbytes: int


@dataclass(frozen=True)
class Structure:
    """All datasets by path, the root's attributes, and what HDF5 would have followed out of the file."""

    attributes: dict[str, str | int]
    datasets: dict[str, Stored]
    problems: tuple[str, ...]
    size: int


def structure(path: Path) -> Structure:
    """Look into an HDF5 file, within 10 seconds. Raises Unreadable with a sentence."""
    with _lock:
        try:
            answer = _child().ask({"path": os.path.realpath(path)}, LIMIT)
        except ChildFailed as failed:
            raise Unreadable(f"{path.name} {failed} and is damaged or hostile. Choose another file.") from failed
    if "error" in answer:
        raise Unreadable(f"{path.name} cannot be opened: {answer['error']}. Choose another file, or make it again.")
    datasets = (Stored(d["path"], d["offset"], tuple(d["shape"]), d["dtype"], d["bytes"]) for d in answer["datasets"])
    return Structure(
        answer["attributes"], {stored.path: stored for stored in datasets}, tuple(answer["problems"]), answer["size"]
    )


def end() -> None:
    """End the child, if there is one; the next question starts another."""
    with _lock:
        while _children:
            _children.pop().end()


def _child() -> Child:
    if not _children or not _children[-1].alive:
        while _children:
            _children.pop().end()
        _children.append(Child("interpviz.data.probe_child"))
    return _children[-1]
