"""One tensor of a safetensors file as float32, whatever type of number it was saved in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4
from interpviz.data.halves import as_float32, of_bfloat16
from interpviz.data.weights import PlacedTensor, WeightsDamaged


def read_float32(path: Path, tensor: PlacedTensor) -> F4:
    """The tensor's values; read, not mapped, so that a file that changes later changes nothing here.

    A float64 too large for float32 becomes infinite. Raises InterpvizError for other types, and WeightsDamaged where
    the file has become shorter than its header says.
    """
    if tensor.dtype not in _STORED:
        raise InterpvizError(f"{path.name} holds numbers of type {tensor.dtype}. Save it as {', '.join(_STORED)}.")
    stored, convert = _STORED[tensor.dtype]
    count = (tensor.stop - tensor.start) // np.dtype(stored).itemsize
    values = np.fromfile(path, stored, count, offset=tensor.start)
    if values.size != count:
        raise WeightsDamaged(path, "it has become shorter")
    return convert(values).reshape(tensor.shape)


def finite(values: F4) -> bool:
    """Whether no value is NaN or infinite."""
    return not values.size or bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def _of_float64(stored: NDArray[Any]) -> F4:
    with np.errstate(over="ignore", under="ignore"):
        return stored.astype(np.float32)


def _of_float32(stored: NDArray[Any]) -> F4:
    return stored.astype(np.float32, copy=False)


_STORED: dict[str, tuple[str, Callable[[NDArray[Any]], F4]]] = {
    "F32": ("<f4", _of_float32),
    "F16": ("<f2", as_float32),
    "BF16": ("<u2", of_bfloat16),
    "F64": ("<f8", _of_float64),
}
