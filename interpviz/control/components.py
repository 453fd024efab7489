"""The component grid: every head and MLP, coloured by what it does to the metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from interpviz.control.desk import Desk
from interpviz.control.plan import effect_requests
from interpviz.core.document import Document, Measure, ModelFacts
from interpviz.core.requests import Request
from interpviz.core.results import F4, Effects
from interpviz.core.scale import symmetric_limit
from interpviz.core.sites import Site


@dataclass(frozen=True, eq=False)
class GridPicture:
    """`values` (layer, column) in nats: one column a head, then one for the MLP if `mlps`; NaN where not yet known.

    `limit` is the magnitude at the ends of the colours, which some values may exceed; `done` is the share of values
    that are there; `measure` names what is shown; `problem` is empty or a sentence that says why nothing is.
    """

    layers: int
    heads: int
    mlps: bool
    values: F4
    limit: float
    cut: frozenset[Site]
    selected: frozenset[Site]
    measure: Measure
    done: float
    problem: str

    def site(self, layer: int, column: int) -> Site:
        """The component of a cell."""
        return Site(layer, "head", column) if column < self.heads else Site(layer, "mlp_out")


class ComponentsView(Protocol):
    def show(self, picture: GridPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class ComponentsController:
    """Keeps the grid true."""

    def __init__(self, desk: Desk, view: ComponentsView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the grid of this document."""
        if document.model is None:
            self._view.explain("Open a model to see its heads and MLPs.")
            return
        requests = effect_requests(document)
        values = _values(self._desk, document.model, requests)
        known = np.isfinite(values)
        self._view.show(
            GridPicture(
                layers=document.model.layers,
                heads=document.model.heads,
                mlps=bool(document.model.d_mlp),
                values=values,
                limit=symmetric_limit(values),
                cut=frozenset(edit.site for edit in document.interventions),
                selected=frozenset(document.selection.sites),
                measure=document.measure,
                done=float(known.mean()),
                problem=_problem(self._desk, document, requests),
            )
        )


def _values(desk: Desk, model: ModelFacts, requests: tuple[Request, ...]) -> F4:
    values = np.full((model.layers, model.heads + bool(model.d_mlp)), np.nan, np.float32)
    for request in requests:
        effects: Effects | None = desk.latest(request)
        for site, value in zip(effects.sites, effects.values, strict=True) if effects else ():
            values[site.layer, site.index if site.kind == "head" else model.heads] = value
    return values


def _problem(desk: Desk, document: Document, requests: tuple[Request, ...]) -> str:
    if not document.prompt.text and document.prompt.tokens is None:
        return "Type a prompt to see what each component does."
    if not document.target:
        return "Name a target token to see what each component does for it."
    return desk.first_problem(*requests)
