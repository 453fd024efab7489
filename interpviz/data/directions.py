"""A direction to add to an activation: the one vector of a `.npy` or `.safetensors` file."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4
from interpviz.data.npy import read_header
from interpviz.data.tensors import finite, read_float32
from interpviz.data.weights import placed_tensors

FILE_BYTES = 16 * 2**20
WHAT = "A direction is one vector of numbers"


def read_direction(path: Path | str) -> F4:
    """The vector (d,) of the file as float32, not normalised.

    Raises InterpvizError where there is none, and where it is not one vector of finite numbers.
    """
    file = Path(os.path.expanduser(path))
    readers = {".npy": _of_npy, ".safetensors": _of_safetensors}
    if file.suffix not in readers:
        raise InterpvizError(f"'{path}' is no direction. Give a .npy or .safetensors file, or NAME/123 for a feature.")
    try:
        if not os.path.isfile(file):  # to open a pipe would wait for ever
            raise InterpvizError(f"There is no file {path}. Check its name and the folder that you are in.")
        if file.stat().st_size > FILE_BYTES:
            raise InterpvizError(f"{file.name} is over {FILE_BYTES // 2**20} MB. {WHAT}: save that alone.")
        values = readers[file.suffix](file)
    except OSError as error:
        raise InterpvizError(f"{path} cannot be read ({error.strerror}). Check the disk and your rights.") from error
    if not values.size or not finite(values):
        raise InterpvizError(f"{file.name} is empty or holds NaN or infinite numbers. Save another.")
    return values


def _of_safetensors(file: Path) -> F4:
    tensors = list(placed_tensors(file).values())
    if len(tensors) != 1 or len(tensors[0].shape) != 1:
        raise InterpvizError(f"{file.name} does not hold one tensor of one dimension. {WHAT}: save that alone.")
    return read_float32(file, tensors[0])


def _of_npy(file: Path) -> F4:
    content = io.BytesIO(file.read_bytes())
    try:
        header = read_header(content)
    except ValueError as error:
        raise InterpvizError(f"{file.name} is no array that numpy saved. Save it again with numpy.save.") from error
    rest = content.read()
    if not header.of_numbers or len(header.shape) != 1 or len(rest) != header.nbytes:
        raise InterpvizError(f"{file.name} is cut, or does not hold one row of numbers. {WHAT}: save it as that.")
    with np.errstate(over="ignore", under="ignore"):
        return np.frombuffer(rest, header.dtype).astype(np.float32)
