"""Texts of a feature index, which lie one behind the other as UTF-8."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.data.feature_index_file import IndexDamaged


class PackedTexts:
    """Text i is the bytes `ptr[i]` to `ptr[i + 1]` of `raw`. Raises IndexDamaged where they cannot be."""

    def __init__(self, path: Path, ptr: NDArray[np.uint64], raw: NDArray[np.uint8]) -> None:
        ends = ptr.astype(np.int64)
        if ends[0] != 0 or (np.diff(ends) < 0).any() or ends[-1] > len(raw):
            raise IndexDamaged(path, "its texts do not lie in it")
        self._ends, self._raw = ends, raw[: ends[-1]].tobytes()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> str:
        return self._raw[self._ends[number] : self._ends[number + 1]].decode("utf-8", "replace")

    def every(self) -> tuple[str, ...]:
        """All of them."""
        ends, raw = self._ends.tolist(), self._raw
        found = (raw[low:high] for low, high in itertools.pairwise(ends))
        return tuple(text.decode("utf-8", "replace") if text else "" for text in found)


class Vocabulary:
    """The texts of tokens by id."""

    def __init__(self, path: Path, ids: NDArray[np.int32], ptr: NDArray[np.uint64], raw: NDArray[np.uint8]) -> None:
        if len(ptr) != len(ids) + 1 or (np.diff(ids) <= 0).any():
            raise IndexDamaged(path, "its vocabulary has gaps")
        self._path, self._ids, self._texts = path, ids, PackedTexts(path, ptr, raw)
        self._known: dict[int, str] = {}

    def text(self, token: int) -> str:
        """The text of a token. Raises IndexDamaged where there is none."""
        if token not in self._known:
            self.texts(np.array([token]))
        return self._known[token]

    def texts(self, tokens: NDArray[np.integer[Any]]) -> tuple[str, ...]:
        """The text of each of these tokens."""
        asked = tokens.tolist()
        if new := [token for token in set(asked) if token not in self._known]:
            place = np.minimum(np.searchsorted(self._ids, new), len(self._ids) - 1)
            if (self._ids[place] != new).any():
                raise IndexDamaged(self._path, "its vocabulary has gaps")
            self._known |= dict(zip(new, map(self._texts.__getitem__, place.tolist()), strict=True))
        return tuple(self._known[token] for token in asked)
