"""Folders of the `datasets` library, as SAELens caches activations: a row a context, a column a hook, and token_ids.

The Arrow files are opened by a child process, which says where the numbers lie; they are read through a memory map.
"""

from __future__ import annotations

from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Foreign
from interpviz.core.report import Report, silent
from interpviz.data import tables
from interpviz.data.foreign.config import config
from interpviz.data.foreign.names import by_head, hook_of_module, sure
from interpviz.data.foreign.source import Rows, Source
from interpviz.data.foreign.stacked import FLOATS, INTEGERS, Piece, Stacked

PARTS = ("dataset_info.json", "state.json")
RUNNER = "cache_activations_runner_cfg.json"  # SAELens puts it beside what it uploads
SIDE_BY_SIDE = "_flat"


def is_saved(path: Path) -> bool:
    """Whether this is a folder that `save_to_disk` wrote."""
    return path.is_dir() and all((path / name).is_file() for name in PARTS)


def opened(path: Path, report: Report = silent) -> Source:
    """The data set in this folder. Raises InterpvizError where a file is missing or is no Arrow file."""
    files = _files(path)
    gathered: dict[str, list[tuple[str, Piece]]] = {}
    rows = 0
    for number, file in enumerate(files):
        content = np.memmap(file, np.uint8, "r") if file.stat().st_size else np.empty(0, np.uint8)
        for batch in tables.answers("places", file):
            report(number / len(files), f"Looking at {file.name}")
            rows += batch["rows"]
            for name, offset, dtype, shape in batch["columns"]:
                piece = _piece(file, content, offset, dtype, tuple(shape))
                gathered.setdefault(name, []).append((dtype, piece))
    arrays = {name: array for name, found in gathered.items() if (array := _stacked(name, found, rows)) is not None}
    sure(path, arrays)
    holdings = tuple(array.holding(hook=_hook(array)) for array in arrays.values())
    context = next((array.shape[1] for array in arrays.values() if len(array.shape) > 2), 1)
    foreign = Foreign(str(path.resolve()), "a data set of Hugging Face's, as SAELens caches", rows * context, holdings)
    model = config(path / RUNNER).get("model_name", "")
    return Source(foreign, files, partial(_rows, arrays), _nothing, model=str(model))


def _files(path: Path) -> tuple[Path, ...]:
    """The data files in the order of state.json."""
    listed = config(path / "state.json").get("_data_files")
    entries = listed if isinstance(listed, list) else []
    names = [str(entry.get("filename")) for entry in entries if isinstance(entry, dict)]
    if not names or any(name != Path(name).name for name in names):
        raise InterpvizError(f"state.json of {path.name} names no data files. Copy or save the data set again.")
    lost = [name for name in names if not (path / name).is_file()]
    if lost:
        raise InterpvizError(f"{path.name} lacks {lost[0]}. Copy the folder again whole.")
    return tuple(path / name for name in names)


def _piece(file: Path, content: NDArray[np.uint8], offset: int, dtype: str, shape: tuple[int, ...]) -> Piece:
    kind = np.dtype(dtype)
    size = prod(shape) * kind.itemsize
    if size and not 0 <= offset <= offset + size <= len(content):
        raise InterpvizError(f"{file.name} keeps its numbers packed. Save the data set again, not compressed.")
    values = content[offset : offset + size] if size else np.empty(0, np.uint8)
    return Piece(shape, partial(_read, values.view(kind).reshape(shape)))


def _read(values: NDArray[Any], start: int, stop: int, axes: int) -> NDArray[Any]:
    return values.reshape(-1, *values.shape[axes:])[start:stop]


def _stacked(name: str, found: list[tuple[str, Piece]], rows: int) -> Stacked | None:
    """The column as one array; None where some rows have it not, or in other lengths."""
    kinds = {(dtype, piece.shape[1:]) for dtype, piece in found if piece.shape[0]}
    array = Stacked(name, found[0][0], tuple(piece for _, piece in found if piece.shape[0]))
    whole = len(kinds) == 1 and array.dtype[1:] in (*FLOATS, *INTEGERS) and len(array.shape) <= 4
    return array if whole and array.shape[0] == rows and 0 not in array.shape else None


def _hook(array: Stacked) -> str:
    """What a column is where its name alone does not say it: SAELens also caches what Hugging Face's modules put out.

    It lays the heads of an activation side by side, and keeps nowhere how many they were: that is another activation.
    """
    if array.whole_numbers or len(array.shape) not in (2, 3):
        return ""
    return (
        f"{array.name}{SIDE_BY_SIDE}" if by_head(array.name) and len(array.shape) == 3 else hook_of_module(array.name)
    )


def _rows(arrays: dict[str, Stacked], name: str, hook: str) -> Rows:
    """The column as this activation; three axes are (contexts, positions, width), never heads."""
    if by_head(hook) and len(arrays[name].shape) < 4:
        raise InterpvizError(
            f"{name} has its heads side by side, and nothing says how many they are. Call it {hook}{SIDE_BY_SIDE}."
        )
    return arrays[name].rows(hook)


def _nothing() -> None:
    """There is no child left to end."""
