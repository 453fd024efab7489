"""HDF5 files of other people: one, or chunk_0.hdf5, chunk_1.hdf5 and so on in a folder.

Known by name are `layer_{i}/inputs` and `layer_{i}/targets`, as the generator of the cross-layer-coding project writes
them: what the MLP reads (`model.layers.{}.mlp.input` in its scripts, so behind the norm: mlp.hook_in) and what it puts
out. It stores bfloat16 as uint16 without saying so, and shuffles the rows of a chunk, in some versions anew in every
layer. Groups whose members are `batch_{n}` and `batch_final` are one array.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Foreign, Holding
from interpviz.core.report import Report, silent
from interpviz.data import probe
from interpviz.data.child import Child, ChildFailed
from interpviz.data.foreign.config import config
from interpviz.data.foreign.names import by_head, sure
from interpviz.data.foreign.source import BFLOAT16, Rows, Source
from interpviz.data.foreign.stacked import FLOATS, INTEGERS, Piece, Stacked

LIMIT = 10.0
LOOKED_AT = 32  # rows; a row of activations has hundreds of numbers of either sign

_CHUNK = re.compile(r"chunk_(\d{1,9})\.(hdf5|h5)")
_LAYER = re.compile(r"layer_(\d{1,9})/(inputs|targets)")
_BATCH = re.compile(r"(.+)/batch_(\d{1,9}|final)")
_HOOKS = {"inputs": "mlp.hook_in", "targets": "hook_mlp_out"}


def files_of(path: Path) -> tuple[Path, ...]:
    """The HDF5 files of this source in their order; none where it is no such source."""
    if path.is_dir():
        return tuple(file for _, file in sorted(_chunks(path).items()))
    with path.open("rb") as file:
        return (path,) if file.read(len(probe.SIGNATURE)) == probe.SIGNATURE else ()


def opened(path: Path, report: Report = silent) -> Source:
    """The source at this path. Raises InterpvizError for what leads out of it, and for pieces that differ."""
    files = files_of(path)
    if path.is_dir() and (lost := set(range(len(files))) - _chunks(path).keys()):
        raise InterpvizError(f"{path.name} lacks chunk_{min(lost)}. Copy the folder again whole.")
    reader = _Reader()
    arrays = _arrays(files, reader, report)
    sure(path, arrays)
    layers = any(_LAYER.fullmatch(name) for name in arrays)
    halves = [array for array in arrays.values() if _is_halves(array)]
    layout = _layout(len(files), layers, bool(halves)) + _suspicion([array for array in halves if _is_clamped(array)])
    foreign = Foreign(str(path.resolve()), layout, _tokens(arrays), tuple(map(_holding, arrays.values())))

    def rows(name: str, hook: str) -> Rows:
        return arrays[name].rows(hook)

    model = str(config(path / "metadata.json").get("model_name", "")) if path.is_dir() else ""
    return Source(foreign, files, rows, reader.end, model=model)


def _chunks(folder: Path) -> dict[int, Path]:
    found = ((_CHUNK.fullmatch(file.name), file) for file in folder.iterdir())
    return {int(named[1]): file for named, file in found if named}


def _arrays(files: Sequence[Path], reader: _Reader, report: Report) -> dict[str, Stacked]:
    """Every array of all files by name, in the order of the first."""
    gathered: dict[str, list[tuple[str, Piece]]] = {}
    for number, file in enumerate(files):
        report(number / len(files), f"Looking at {file.name}")
        here = _of_file(file, reader)
        if gathered and here.keys() != gathered.keys():
            raise InterpvizError(
                f"{file.name} does not hold the arrays that {files[0].name} holds. Copy the folder again whole."
            )
        for name, pieces in here.items():
            gathered.setdefault(name, []).extend(pieces)
    arrays = {name: _stacked(name, pieces) for name, pieces in gathered.items()}
    return {name: array for name, array in arrays.items() if prod(array.shape)}


def _of_file(file: Path, reader: _Reader) -> dict[str, list[tuple[str, Piece]]]:
    found = probe.structure(file)
    if found.problems:
        raise InterpvizError(f"{file.name} is refused: {found.problems[0]}. Take a copy from its source.")
    arrays: dict[str, list[tuple[str, Piece]]] = {}
    for stored in sorted(found.datasets.values(), key=lambda stored: _natural(stored.path)):
        if stored.dtype[1:] in (*FLOATS, *INTEGERS) and 1 <= len(stored.shape) <= 4:
            piece = Piece(stored.shape, partial(reader.read, file, stored))
            arrays.setdefault(_array_name(stored.path), []).append((stored.dtype, piece))
    return arrays


def _stacked(name: str, pieces: list[tuple[str, Piece]]) -> Stacked:
    kinds = {(dtype, piece.shape[1:]) for dtype, piece in pieces}
    if len(kinds) > 1:
        raise InterpvizError(
            f"The pieces of {name} differ in width or type, so they are no one array. Write them anew."
        )
    filled = [piece for _, piece in pieces if piece.shape[0]] or [pieces[0][1]]
    return Stacked(name, pieces[0][0], tuple(filled))


def _array_name(path: str) -> str:
    batch = _BATCH.fullmatch(path)
    return batch[1] if batch else path


def _natural(path: str) -> list[tuple[int, int, str]]:
    """A key under which chunk_10 comes after chunk_9, and words after numbers."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d{1,18})", path) if part]


def _is_halves(array: Stacked) -> bool:
    return array.dtype[1:] == "u2" and _LAYER.fullmatch(array.name) is not None


def _holding(array: Stacked) -> Holding:
    if layer := _LAYER.fullmatch(array.name):
        hook = f"blocks.{layer[1]}.{_HOOKS[layer[2]]}"
        return array.holding(BFLOAT16 if _is_halves(array) else "", hook)
    return array.holding()


def _layout(files: int, layers: bool, halves: bool) -> str:
    where = "one HDF5 file" if files == 1 else f"{files} HDF5 chunks"
    if not layers:
        return f"{where} of arrays"
    said = ", bfloat16 stored as uint16" if halves else ""
    return (
        f"{where} of inputs and targets by layer, as a generator of CLT activations writes them{said}; rows are "
        "shuffled, and some versions shuffle every layer on its own"
    )


def _is_clamped(array: Stacked) -> bool:
    """Whether none of its first rows has a negative number: a version of the generator lets HDF5 turn signed halves

    into unsigned ones by value, and all that is negative becomes 0.
    """
    first = array.pieces[0]
    return not (first.read(0, min(LOOKED_AT, first.shape[0]), 1) >> 15).any()


def _suspicion(clamped: Sequence[Stacked]) -> str:
    if not clamped:
        return ""
    others = f" and {len(clamped) - 1} more arrays" if len(clamped) > 1 else ""
    return (
        f"; the first rows of {clamped[0].name}{others} hold no negative number, so what wrote them has most likely "
        "lost those"
    )


def _tokens(arrays: dict[str, Stacked]) -> int:
    """How many rows there are, as the first array that says what it is has them; else the first array at all."""
    holdings = {array.holding().proposed: array for array in reversed(arrays.values())}
    if "tokens" in holdings:
        return prod(holdings["tokens"].shape)
    array = next((array for array in arrays.values() if _holding(array).proposed), next(iter(arrays.values())))
    return prod(array.shape[: max(1, min(2, len(array.shape) - 1 - by_head(_holding(array).proposed)))])


class _Reader:
    """Rows of datasets, asked of a child process that starts with the first of them."""

    def __init__(self) -> None:
        self._child: Child | None = None

    def read(self, file: Path, stored: probe.Stored, start: int, stop: int, axes: int) -> NDArray[Any]:
        """Rows counted over the first one or two axes, as they are stored; raises InterpvizError."""
        if self._child is None or not self._child.alive:
            self.end()
            self._child = Child("interpviz.data.rows_child")
        shape = (stop - start, *stored.shape[axes:])
        asked = {"path": str(file.resolve()), "dataset": stored.path, "start": start, "stop": stop, "axes": axes}
        try:
            answer, raw = self._child.ask_for_bytes(asked, prod(shape) * np.dtype(stored.dtype).itemsize, LIMIT)
        except ChildFailed as failed:
            raise InterpvizError(f"{file.name} {failed} and is damaged or hostile. Choose another file.") from failed
        if answer.get("dtype") != stored.dtype:
            said = answer.get("error", "it has changed while it was read")
            raise InterpvizError(f"{stored.path} of {file.name} cannot be read: {said}. Copy or make the file again.")
        return np.frombuffer(raw, stored.dtype).reshape(shape)

    def end(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.end()
            self._child = None
