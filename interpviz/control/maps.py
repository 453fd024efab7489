"""The maps: where the selected head looks, and how much each layer writes at each token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from interpviz.control.desk import Desk
from interpviz.control.plan import cache_rows_request, norms_request, pattern_request
from interpviz.core.document import Document
from interpviz.core.results import FeatureMap, Patterns
from interpviz.core.scale import robust_limits
from interpviz.core.sites import Site


@dataclass(frozen=True, eq=False)
class MapsPicture:
    """`pattern` (query, key) of `head` with the tokens on both axes, and `norms` (component, token).

    Each is None while it is on its way; `norms.rows` say where a row is from the cache.
    """

    head: Site | None
    pattern: FeatureMap | None
    norms: FeatureMap | None
    source: str
    problem: str


class MapsView(Protocol):
    def show(self, picture: MapsPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class MapsController:
    """Keeps both maps true."""

    def __init__(self, desk: Desk, view: MapsView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the maps of this document."""
        if document.model is None or not (document.prompt.text or document.prompt.tokens):
            first = "Type" if document.model else "Open a model and type"
            self._view.explain(f"{first} a prompt to see where the model's heads look.")
            return
        requests = (pattern_request(document), norms_request(document), cache_rows_request(document))
        self._view.show(
            MapsPicture(
                head=shown_head(document),
                pattern=_pattern(self._desk.answer(requests[0]), shown_head(document)),
                norms=self._norms(document),
                source=_source(document),
                problem=self._desk.first_problem(*requests) or _left_out(document),
            )
        )

    def _norms(self, document: Document) -> FeatureMap | None:
        run: FeatureMap | None = self._desk.answer(norms_request(document))
        cached: FeatureMap | None = self._desk.answer(cache_rows_request(document))
        return run if cached is None else beside(run, cached)


def shown_head(document: Document) -> Site | None:
    """The head that is selected first, itself or by its query or an edge of it; else the first of the layer."""
    sites = document.selection.sites
    layer = max(sites[0].layer, 0) if sites else 0
    own = (Site(site.layer, "head", site.index) for site in sites if site.kind in ("head", "query", "edge"))
    return next(own, Site(layer, "head", 0))


def beside(run: FeatureMap | None, cached: FeatureMap) -> FeatureMap:
    """The rows read from the cache above those of the clean run, marked as what they are."""
    marked = tuple(f"{row} cache" for row in cached.rows)
    if run is None or run.values.shape[1] != cached.values.shape[1]:
        return FeatureMap(cached.values, cached.limits, marked, cached.columns)
    values = np.concatenate([cached.values, run.values])
    return FeatureMap(values, robust_limits(values), marked + run.rows, run.columns)


def _pattern(patterns: Patterns | None, head: Site | None) -> FeatureMap | None:
    if patterns is None or head is None or patterns.layer != head.layer:
        return None
    texts = patterns.tokens.texts
    return FeatureMap(patterns.values[head.index], (0.0, 1.0), texts, texts)


def _source(document: Document) -> str:
    beside = document.cache_fits and document.token is not None and document.cache
    return f"{beside.name} and clean run" if beside else "clean run"


def _left_out(document: Document) -> str:
    """Why what was recorded of the chosen context is not beside the run; empty where none was chosen, or it is."""
    apart = document.cache_apart if document.token is not None else ""
    return apart and f"{apart} Its rows are left out here."
