"""The shards of a cache as one run of rows: each is opened when it is first touched, and few stay open."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import F4
from interpviz.data.checked import CheckedArray
from interpviz.data.halves import floats
from interpviz.data.shard import Shard

# Each is a memory map, of which Linux allows a process 65,530; to open one again costs some 4 ms.
MOST_OPEN = 4096


class Shards:
    """Shards by their place in the cache, which `opened` opens, and what lies in them by row of the cache.

    Safe to read from several threads.
    """

    def __init__(self, tokens: Sequence[int], opened: Callable[[int], Shard]) -> None:
        """`tokens` is how many rows each shard has."""
        self.starts = np.cumsum([0, *tokens])
        self._opened = opened
        self._open: OrderedDict[int, Shard] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, place: int) -> Shard:
        """A shard, opened if it is not. Raises an InterpvizError that says what is the matter with it."""
        with self._lock:
            if (shard := self._open.get(place)) is not None:
                self._open.move_to_end(place)
                return shard
        if not 0 <= place < len(self):
            raise IndexError(place)
        shard = self._opened(place)
        with self._lock:
            self._open[place] = shard
            while len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        return shard

    @property
    def rows(self) -> int:
        """How many rows all shards have together."""
        return int(self.starts[-1])

    def place_of(self, row: int) -> tuple[int, int]:
        """The shard that a row lies in, and which of its rows that is."""
        place = int(np.searchsorted(self.starts, row, side="right")) - 1
        return place, row - int(self.starts[place])

    def stored(self, name: str, index: NDArray[np.intp]) -> NDArray[Any]:
        """A copy of these rows of a dataset, in their order, as they are stored."""
        return self._gathered(name, self._owners(index), index)

    def numbers(self, name: str, index: NDArray[np.intp]) -> F4:
        """These rows of a dataset of activations, or of the values of codes, in their order."""
        owners = self._owners(index)
        stored = self._gathered(name, owners, index)
        arrays = {place: self[place][name] for place in owners}
        values = floats(stored, all(array.finite for array in arrays.values()))
        for place, mine in owners.items():
            if (scale := arrays[place].scale) != 1.0:
                values[mine] *= np.float32(scale)
        return values

    def stretch(self, name: str, start: int, stop: int) -> F4:
        """The rows `start` to `stop` of such a dataset, without the cost of an index."""
        if start >= stop:
            return floats(self[0][name].values[:0])
        first, last = self.place_of(start)[0], self.place_of(stop - 1)[0]
        if first == last:
            return self._stretch(name, first, start, stop)
        return np.concatenate([self._stretch(name, place, start, stop) for place in range(first, last + 1)])

    def _stretch(self, name: str, place: int, start: int, stop: int) -> F4:
        """What of a stretch lies in one shard."""
        low, high = (int(min(max(row, self.starts[place]), self.starts[place + 1])) for row in (start, stop))
        array, begin = self[place][name], int(self.starts[place])
        return scaled(array, array.part(low - begin, high - begin))

    def _owners(self, index: NDArray[np.intp]) -> dict[int, NDArray[np.intp]]:
        """By shard, which of these rows lie in it."""
        if len(self) == 1:
            return {0: np.arange(len(index))}
        owner = np.searchsorted(self.starts, index, side="right") - 1
        return {int(place): np.flatnonzero(owner == place) for place in np.unique(owner)}

    def _gathered(self, name: str, owners: dict[int, NDArray[np.intp]], index: NDArray[np.intp]) -> NDArray[Any]:
        if len(owners) == 1:
            place = next(iter(owners))
            return self[place][name].rows(index - self.starts[place])
        like = self[0][name].values
        found = np.empty((len(index), *like.shape[1:]), like.dtype)
        rows = _as_rows(found)
        for place, mine in owners.items():
            rows[mine] = _as_rows(self[place][name].rows(index[mine] - self.starts[place]))
        return found


def _as_rows(values: NDArray[Any]) -> NDArray[Any]:
    """The same memory with one item a row, (n,), so that numpy copies rows and not numbers."""
    return values.reshape(len(values), -1).view(f"V{values[0].nbytes}")[:, 0] if len(values) else values[:0]


def scaled(array: CheckedArray, stored: NDArray[Any]) -> F4:
    """What numbers of a dataset mean: stored ones, times its scale."""
    values = floats(stored, array.finite)
    if array.scale != 1.0:
        values *= np.float32(array.scale)
    return values
