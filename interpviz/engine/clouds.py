"""Clouds: the token activations of one recorded site in two dimensions, by PCA or UMAP."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.requests import CloudRequest
from interpviz.core.results import F4, Cloud
from interpviz.core.scale import robust_limits
from interpviz.engine import umap_stream
from interpviz.engine.projection import Projected, Rows, principal
from interpviz.engine.quality import SAMPLE, quality

UMAP_POINTS = 50_000
UMAP_DIMENSIONS = 50


def cloud(cache: Rows, request: CloudRequest, report: Report = silent) -> Cloud:
    """The site's tokens in the unit box, with the map's quality; `ids` say which rows of the cache are shown.

    PCA shows every row that is finite. UMAP shows at most 50,000 of them, a sample drawn by the request's seed; it
    starts from the principal plane, sees the first 50 principal axes, and reports where the points are about twice a
    second. The quality is measured on at most 20,000 of the points shown, against the whole activations.
    Raises InterpvizError where no row is finite, and where UMAP fails.
    """
    dimensions = 2 if request.method == "pca" else UMAP_DIMENSIONS
    rows = np.arange(cache.facts.tokens)
    if request.method == "umap":
        rows = _sample(rows, UMAP_POINTS, request.seed)
    found = principal(cache, request.site, rows, dimensions, report)
    if not len(found.ids):
        raise InterpvizError(f"No token of {cache.facts.name} has finite numbers at {request.site}. Record it again.")
    plane = _plane(found)
    xy = plane if request.method == "pca" else _settled(found, plane, request, report)
    report(1.0, "measuring the map", Cloud(xy, found.ids, None, request.method))
    measured = _sample(np.arange(len(xy)), SAMPLE, request.seed)
    truth = cache.rows(request.site, found.ids[measured]).reshape(len(measured), -1)
    return Cloud(xy, found.ids, quality(truth, xy[measured], request.seed, report), request.method)


def _settled(found: Projected, plane: F4, request: CloudRequest, report: Report) -> F4:
    xy = plane
    for moving in umap_stream.maps(found.values, plane, request.seed, report):
        xy = unit_box(moving.positions)
        report(moving.epoch / moving.epochs, "UMAP", Cloud(xy, found.ids, None, "umap"))
    return xy


def _plane(found: Projected) -> F4:
    """The first two axes in the unit box; a site of one dimension lies on a line."""
    flat = np.zeros((len(found.values), 2), np.float32)
    flat[:, : found.values.shape[1]] = found.values[:, :2]
    return unit_box(flat, flat[found.usual])


def unit_box(positions: F4, usual: F4 | None = None) -> F4:
    """Positions (n, 2) moved and scaled, both axes alike, into the box from 0 to 1.

    The box is that of the `usual` ones (all, where not given), by robust limits: what lies far outside these is drawn
    at the border, so that one wild point cannot push all others into one spot.
    """
    low, high = np.array([_limits(axis) for axis in (positions if usual is None else usual).T]).T
    scaled = (positions - (low + high) / 2) / (high - low).max() + 0.5
    box: F4 = np.clip(scaled, 0, 1).astype(np.float32)
    return box


def _limits(values: NDArray[np.float32]) -> tuple[float, float]:
    """The robust limits with a quarter of their width on either side, but no wider than the values are."""
    low, high = robust_limits(values)
    margin = (high - low) / 4
    if values.min() == values.max():
        return low, high
    return max(low - margin, float(values.min())), min(high + margin, float(values.max()))


def _sample(rows: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
