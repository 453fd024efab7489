"""The circuit: which component's output matters through which other's input, by edge attribution patching."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from interpviz.control.desk import Desk
from interpviz.control.plan import graph_request
from interpviz.core.document import Document
from interpviz.core.results import CircuitGraph
from interpviz.core.sites import Site


@dataclass(frozen=True, eq=False)
class CircuitPicture:
    """`graph` with its first `kept` edges drawn; `cut` and `selected` are (node,) bool; `threshold` 0 to 1.

    `status` says how many edges of how many are drawn and against what; `pending` that more are on their way.
    """

    graph: CircuitGraph
    kept: int
    threshold: float
    cut: NDArray[np.bool_]
    selected: NDArray[np.bool_]
    status: str
    pending: bool


class CircuitView(Protocol):
    def show(self, picture: CircuitPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class CircuitController:
    """Keeps the circuit true."""

    def __init__(self, desk: Desk, view: CircuitView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the circuit of this document."""
        request = graph_request(document)
        if request is None:
            first = "Type" if document.model else "Open a model, type"
            self._view.explain(f"{first} a prompt and name a target token to see the circuit behind it.")
            return
        graph: CircuitGraph | None = self._desk.latest(request)
        if graph is None:
            self._view.explain(self._desk.problem(request) or "Tracing the circuit …")
            return
        kept = graph.kept(document.graph.threshold)
        pending = self._desk.answer(request) is None
        self._view.show(
            CircuitPicture(
                graph=graph,
                kept=kept,
                threshold=document.graph.threshold,
                cut=_marked(graph, frozenset(edit.site for edit in document.interventions)),
                selected=_marked(graph, frozenset(document.selection.sites)),
                status=_status(graph, kept),
                pending=pending,
            )
        )


def _marked(graph: CircuitGraph, sites: frozenset[Site]) -> NDArray[np.bool_]:
    return np.array([site in sites for site in _sites(graph)], bool)


@lru_cache(1)
def _sites(graph: CircuitGraph) -> tuple[Site | None, ...]:
    """What each node stands for; remembered, since every step of a drag asks anew."""
    return tuple(graph.site(node) for node in range(len(graph.kind)))


def _status(graph: CircuitGraph, kept: int) -> str:
    drawn = float(np.abs(graph.weight[:kept]).sum()) / graph.total if graph.total else 0.0
    against = "zero" if graph.corruption == "zero" else f"“{graph.corruption}”"
    return f"{kept:,} of {graph.considered:,} edges, {drawn:.0%} of the total score · corrupted by {against}"
