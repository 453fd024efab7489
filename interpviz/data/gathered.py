"""The rows of a shard in work, gathered in the types in which they are stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.data.halves import as_bfloat16, as_float32

LARGEST = 65504.0  # of float16


class Gathered:
    """Datasets by path. `scales` has those of float16 numbers: what is stored times its scale is the number."""

    def __init__(self) -> None:
        self.tokens = 0
        self.scales: dict[str, float] = {}
        self._arrays: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name][: self.tokens]

    @property
    def names(self) -> tuple[str, ...]:
        """The datasets that there are rows of."""
        return tuple(self._arrays)

    def add(self, arrays: Mapping[str, NDArray[Any]], rows: int, dtype: str) -> None:
        """Take rows of every dataset; `rows` is the most that there will be, `dtype` that of stored activations."""
        here = slice(self.tokens, self.tokens + len(next(iter(arrays.values()))))
        for name, values in arrays.items():
            if name not in self._arrays:
                stored = _stored_as(name, values, dtype)
                self._arrays[name] = np.empty((rows, *values.shape[1:]), stored)  # what is not filled takes no memory
            self._put(name, here, values)
        self.tokens = here.stop

    def _put(self, name: str, here: slice, values: NDArray[Any]) -> None:
        target = self._arrays[name]
        if target.dtype == np.float16:
            scale = self.scales.get(name, 1.0)
            wanted = max(scale, fitting_scale(values))
            if wanted > scale:
                target[: here.start] = half(as_float32(target[: here.start]), wanted / scale)
            self.scales[name] = wanted
            target[here] = half(values, wanted)
        else:
            target[here] = as_bfloat16(values) if values.dtype == np.float32 else values


def fitting_scale(values: NDArray[np.float32]) -> float:
    """The power of two by which to divide: 1 unless a finite value is too large for float16."""
    largest = float(max(-values.min(), values.max()))
    if not math.isfinite(largest):
        magnitude = np.abs(values)
        largest = float(magnitude.max(initial=0.0, where=np.isfinite(magnitude)))
    return 1.0 if largest <= LARGEST else 2.0 ** math.ceil(math.log2(largest / LARGEST))


def half(values: NDArray[np.float32], scale: float) -> NDArray[np.float16]:
    """Values divided by their scale, as float16."""
    return (values if scale == 1.0 else values / np.float32(scale)).astype("<f2")


def _stored_as(name: str, values: NDArray[Any], dtype: str) -> str:
    if values.dtype != np.float32:
        return values.dtype.str
    return "<u2" if dtype == "bfloat16" and name.startswith("activations/") else "<f2"
