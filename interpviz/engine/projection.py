"""Principal axes of recorded activations, read in blocks so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from numpy.typing import NDArray

from interpviz.core.document import CacheFacts
from interpviz.core.report import Report, silent
from interpviz.core.results import F4

BLOCK = 8192

# Multiplications between two looks at whether the work is still wanted: 60 ms of one core.
_STEP = 2.5e9

# Beyond this many dimensions the covariance is not solved in one uninterruptible piece: 0.3 s at 1,024.
_WHOLE = 1024

# A row is wild beyond this many median norms: the first token of a context often is, at a hundred of them.
_WILD = 8.0


class Rows(Protocol):
    """What is needed of a cache: its facts, and the float32 activations (n, d...) of a site at some rows."""

    @property
    def facts(self) -> CacheFacts: ...

    def rows(self, site: str, rows: NDArray[np.integer[Any]], /) -> F4: ...


@dataclass(frozen=True, eq=False)
class Projected:
    """`values` (n, dimension) of the rows `ids` (n,) along the principal axes; `usual` (n,) false for wild rows."""

    values: F4
    ids: NDArray[np.int32]
    usual: NDArray[np.bool_]


def principal(cache: Rows, site: str, rows: NDArray[np.intp], dimensions: int, report: Report = silent) -> Projected:
    """These rows along the `dimensions` axes of greatest variance, largest first; fewer where the site has fewer.

    Rows that are not finite are left out. Rows over eight median norms long are projected, but do not turn the axes:
    a few of them would leave all others in one spot. Each axis points where its largest loading is positive.
    """
    norms = _norms(cache, site, rows, report)
    finite = np.isfinite(norms)
    ids, norms = rows[finite], norms[finite]
    usual = norms <= _WILD * np.median(norms) if len(norms) else np.empty(0, bool)
    if not len(ids):
        return Projected(np.empty((0, dimensions), np.float32), ids.astype(np.int32), usual)
    mean, axes = _axes(cache, site, ids[usual], dimensions, report)
    values = np.empty((len(ids), axes.shape[1]), np.float32)
    for start, block in _blocks(cache, site, ids):
        report(0.0, "projecting")
        values[start : start + len(block)] = (block - mean) @ axes
    return Projected(values, ids.astype(np.int32), usual)


def _norms(cache: Rows, site: str, rows: NDArray[np.intp], report: Report) -> NDArray[np.float64]:
    norms = np.empty(len(rows))
    for start, block in _blocks(cache, site, rows):
        report(0.0, "reading activations")
        with np.errstate(over="ignore", invalid="ignore"):
            norms[start : start + len(block)] = np.sqrt(np.einsum("nd,nd->n", block, block, dtype=np.float64))
    return norms


def _axes(
    cache: Rows, site: str, rows: NDArray[np.intp], dimensions: int, report: Report
) -> tuple[F4, NDArray[np.float32]]:
    """Mean (d,) and principal axes (d, dimension), from one pass over the rows."""
    centre = cache.rows(site, rows[:BLOCK]).reshape(min(len(rows), BLOCK), -1).mean(0, dtype=np.float64)
    total = np.zeros(len(centre))
    products = np.zeros((len(centre), len(centre)))
    size = int(min(BLOCK, max(64, _STEP / len(centre) ** 2)))
    for _, block in _blocks(cache, site, rows, size):
        report(0.0, "principal axes")
        # The provisional centre keeps float32 products exact enough; their sum is kept in float64.
        shifted = block - centre.astype(np.float32)
        total += shifted.sum(0, dtype=np.float64)
        products += shifted.T @ shifted
    offset = total / len(rows)
    covariance = products / len(rows) - np.outer(offset, offset)
    axes = _leading(covariance, min(dimensions, len(centre)), report)
    signs = np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    mean = (centre.astype(np.float32) + offset).astype(np.float32)
    return mean, (axes * signs).astype(np.float32)


def _leading(covariance: NDArray[np.float64], count: int, report: Report) -> NDArray[np.float64]:
    """The eigenvectors (d, count) of the largest eigenvalues, largest first."""
    size = len(covariance)
    if size <= _WHOLE:
        _, vectors = scipy.linalg.eigh(covariance, subset_by_index=[size - count, size - 1])
        whole: NDArray[np.float64] = vectors[:, ::-1]
        return whole

    def multiply(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        report(0.0, "principal axes")
        return covariance @ vector

    operator = scipy.sparse.linalg.LinearOperator((size, size), multiply, dtype=np.float64)
    values, vectors = scipy.sparse.linalg.eigsh(operator, count, v0=np.ones(size), tol=1e-6)
    leading: NDArray[np.float64] = vectors[:, np.argsort(values)[::-1]]
    return leading


def _blocks(cache: Rows, site: str, rows: NDArray[np.intp], size: int = 0) -> Iterator[tuple[int, F4]]:
    size = size or BLOCK
    for start in range(0, len(rows), size):
        chosen = rows[start : start + size]
        yield start, cache.rows(site, chosen).reshape(len(chosen), -1)
