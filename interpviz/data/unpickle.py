"""The tensors of a file that `torch.save` wrote, asked of one reused child process: nothing is unpickled here."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4
from interpviz.data.child import Child, ChildFailed

START = 60.0  # to import torch
LIMIT = 8.0  # of silence; with the way there and back under 10
PIECE = 32 * 2**20

Shape = tuple[int, ...]

_lock = threading.Lock()
_children: list[Child] = []


class UnreadablePickle(InterpvizError):
    """The file cannot be opened, or holds something else than tensors."""


def shapes(path: Path) -> dict[str, Shape]:
    """The tensors' names and shapes. Raises UnreadablePickle with a sentence."""
    with _lock:
        found = _opened(path)
        _told({"done": True}, path)
    return found


def read(path: Path) -> dict[str, F4]:
    """Every tensor as float32, also NaN and infinities. Raises UnreadablePickle, also after LIMIT s of silence."""
    with _lock:
        found = {name: _tensor(path, name, shape) for name, shape in _opened(path).items()}
        _told({"done": True}, path)
    return found


def end() -> None:
    """End the child, if there is one; the next question starts another."""
    with _lock:
        while _children:
            _children.pop().end()


def _opened(path: Path) -> dict[str, Shape]:
    answer = _told({"path": os.path.realpath(path)}, path)
    found = {name: tuple(shape) for name, shape in answer["tensors"].items()}
    # The child has read what a stranger wrote: it is not believed either. A number takes a byte at least.
    whole = all(type(length) is int and length >= 0 for shape in found.values() for length in shape)
    if not whole or sum(map(math.prod, found.values())) > path.stat().st_size:
        raise UnreadablePickle(f"{path.name} declares more than it holds. Choose another file.")
    return found


def _tensor(path: Path, name: str, shape: Shape) -> F4:
    """One tensor, fetched by rows so that no answer takes long."""
    values = np.empty(shape, np.float32)
    if not values.size:
        return values
    table = values.reshape(shape[0] if shape else 1, -1)
    step = max(1, PIECE // table[0].nbytes)
    for start in range(0, len(table), step):
        part = table[start : start + step]
        question = {"tensor": name, "start": start, "stop": start + len(part)}
        part[:] = np.frombuffer(_told_bytes(question, part.nbytes, path)[1], "<f4").reshape(part.shape)
    return values


def _told(question: Mapping[str, Any], path: Path) -> dict[str, Any]:
    return _told_bytes(question, 0, path)[0]


def _told_bytes(question: Mapping[str, Any], size: int, path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        answer, raw = _child().ask_for_bytes(question, size, LIMIT)
    except ChildFailed as failed:
        raise UnreadablePickle(f"{path.name} {failed} and is damaged or hostile. Choose another file.") from failed
    if "error" in answer:
        raise UnreadablePickle(f"{path.name} {answer['error']}")
    return answer, raw


def _child() -> Child:
    if not _children or not _children[-1].alive:
        while _children:
            _children.pop().end()
        started = Child("interpviz.data.unpickle_child")
        _children.append(started)
        started.ask({"done": True}, START)
    return _children[-1]
