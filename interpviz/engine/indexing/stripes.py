"""What features are active where, kept on the disk while an index is built, so that memory does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from interpviz.core.results import F4, I4
from interpviz.engine.indexing.spool import Spool

STRIPE = 2**20  # entries: what is held at once, some 12 bytes each, until they are written
BUCKET = 2**21

I8 = NDArray[np.int64]
U4 = NDArray[np.uint32]


class Entries(NamedTuple):
    """Where features are active: rows (n,) of the cache, ascending; features (n,); values (n,)."""

    rows: I8
    features: I4
    values: F4


@dataclass(frozen=True, eq=False)
class Bucket:
    """The entries of the features from `first` on: those of one are `rows[ptr[i]:ptr[i+1]]`, in the cache's order."""

    first: int
    ptr: I8
    rows: U4
    values: F4

    def ranked(self) -> Bucket:
        """The same, of each feature the largest value first; of equal ones the earlier."""
        local = np.repeat(np.arange(len(self.ptr) - 1), np.diff(self.ptr))
        order = ranking(local, self.values)
        return Bucket(self.first, self.ptr, self.rows[order], self.values[order])


class _Stripe(NamedTuple):
    """Some rows: what lies where in the spool, as CSR (row by row) and as CSC (feature by feature)."""

    first: int
    rows: int
    entries: int
    row_ptr: int
    features: int
    feature_ptr: int
    local_rows: int
    values: int


class Stripes:
    """Entries as they come, row by row, and feature by feature again, from a spool.

    `counts` (feature,) is at how many rows each is active; `pairs` the sum over rows of the square of how many are;
    `largest` the largest magnitude of a value.
    """

    def __init__(self, features: int, spool: Spool) -> None:
        self.features, self._spool = features, spool
        self.counts = np.zeros(features, np.int64)
        self.largest, self.pairs = 0.0, 0
        self.stripes: list[_Stripe] = []
        self._waiting: list[Entries] = []
        self._held = 0

    @property
    def entries(self) -> int:
        """How many there are."""
        return int(self.counts.sum())

    def add(self, found: Entries) -> None:
        """Take entries of later rows than all before."""
        self._waiting.append(found)
        self._held += len(found.rows)
        self.counts += np.bincount(found.features, minlength=self.features)
        self.largest = max(self.largest, float(np.abs(found.values).max(initial=0.0)))
        if self._held >= STRIPE:
            self.flush()

    def flush(self) -> None:
        """Write what waits. Raises InterpvizError where the disk is full."""
        if not self._held:
            return
        rows, features, values = (np.concatenate(part) for part in zip(*self._waiting, strict=True))
        first = int(rows[0])
        a_row = np.bincount(rows - first)
        self.pairs += int((a_row.astype(np.int64) ** 2).sum())
        by_row = sparse.csr_matrix((values, features, _ptr(a_row).astype(np.int32)), (len(a_row), self.features))
        by_feature = by_row.tocsc()
        parts = (by_row.indptr, by_row.indices, by_feature.indptr, by_feature.indices, by_feature.data)
        self.stripes.append(_Stripe(first, len(a_row), len(rows), *map(self._spool.append, parts)))
        self._waiting, self._held = [], 0

    def buckets(self) -> Iterator[Bucket]:
        """All entries, feature by feature, about `BUCKET` at once."""
        low = 0
        while low < self.features:
            reach = np.cumsum(self.counts[low:])
            high = low + max(1, int(np.searchsorted(reach, BUCKET, side="right")))
            yield self._bucket(low, high)
            low = high

    def by_row(self, stripe: _Stripe) -> Any:
        """A stripe as a CSR matrix (row, feature) of ones."""
        ptr, features = (
            self._spool.read(stripe.row_ptr, stripe.rows + 1, "<i4"),
            self._spool.read(stripe.features, stripe.entries, "<i4"),
        )
        return sparse.csr_matrix((np.ones(len(features), np.float32), features, ptr), (stripe.rows, self.features))

    def by_feature(self, stripe: _Stripe, low: int, high: int) -> Any:
        """Some features of a stripe as a CSR matrix (feature, row) of ones."""
        ptr = self._feature_ptr(stripe, low, high)
        rows = self._spool.read(stripe.local_rows + 4 * int(ptr[0]), int(ptr[-1] - ptr[0]), "<i4")
        return sparse.csr_matrix((np.ones(len(rows), np.float32), rows, ptr - ptr[0]), (high - low, stripe.rows))

    def _bucket(self, low: int, high: int) -> Bucket:
        ptr = _ptr(self.counts[low:high])
        rows, values, at = np.empty(ptr[-1], np.uint32), np.empty(ptr[-1], np.float32), ptr[:-1].copy()
        for stripe in self.stripes:
            theirs = self._feature_ptr(stripe, low, high).astype(np.int64)
            start, count, each = int(theirs[0]), int(theirs[-1] - theirs[0]), np.diff(theirs)
            place = np.arange(count) + np.repeat(at - (theirs[:-1] - start), each)
            rows[place] = self._spool.read(stripe.local_rows + 4 * start, count, "<i4") + np.int64(stripe.first)
            values[place] = self._spool.read(stripe.values + 4 * start, count, "<f4")
            at += each
        return Bucket(low, ptr, rows, values)

    def _feature_ptr(self, stripe: _Stripe, low: int, high: int) -> I4:
        return self._spool.read(stripe.feature_ptr + 4 * low, high - low + 1, "<i4")


def ranking(group: NDArray[np.integer[Any]], values: F4) -> NDArray[np.intp]:
    """The order (n,) by group, in each the largest value first, and of equal ones the one that came first."""
    bits = values.view(np.int32).astype(np.int64)
    rising = np.where(bits < 0, np.int64(-(2**31)) - bits, bits)  # orders as the numbers do, -0 and 0 alike
    return np.argsort(group.astype(np.int64) * 2**33 - rising, kind="stable")


def _ptr(counts: NDArray[Any]) -> I8:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
