"""The components: every head and MLP and what it does to the metric, as a grid or as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from interpviz.control.desk import Desk
from interpviz.control.effects import attribution_request, estimate_request, sweep_requests, writes_request
from interpviz.control.runs import sides, those
from interpviz.core.document import Document, Measure
from interpviz.core.interventions import REFERENCED
from interpviz.core.requests import Request
from interpviz.core.results import F4, I4, Effects, Writes
from interpviz.core.scale import symmetric_limit
from interpviz.core.sites import Site

COLUMNS = ("component", "activation", "direct", "attributed", "measured", "difference")


@dataclass(frozen=True, eq=False)
class GridPicture:
    """`values` (layer, column) in nats: one column a head, then one for the MLP if `mlps`; NaN where not yet known.

    `limit` is the magnitude at the ends of the colours, which some values may exceed; `done` is the share of values
    that are there; `measure` names what is shown; `problem` is empty or a sentence that says why nothing is. What is
    `cut` says nothing of its own any more, what is `edited` something else; `slow`: TransformerLens's hooks did it.
    """

    layers: int
    heads: int
    mlps: bool
    values: F4
    limit: float
    cut: frozenset[Site]
    edited: frozenset[Site]
    selected: frozenset[Site]
    measure: Measure
    done: float
    problem: str
    slow: bool = False

    def site(self, layer: int, column: int) -> Site:
        """The component of a cell."""
        return Site(layer, "head", column) if column < self.heads else Site(layer, "mlp_out")

    def cell(self, site: Site) -> tuple[int, int] | None:
        """Layer and column of a component; None for a site that has no cell."""
        if site.kind == "head":
            return site.layer, site.index
        return (site.layer, self.heads) if site.kind == "mlp_out" and self.mlps else None


@dataclass(frozen=True, eq=False)
class TablePicture:
    """`numbers` (component, column) for the COLUMNS after the first; components layer by layer, the MLP last.

    Activation is a norm, the others are nats; NaN where not known, and not on its way either unless `asked` (column,).
    `order` (row,) are the components from top to bottom, sorted by `column`. `limit` is the magnitude that fills a
    bar, which some values may exceed; `sides` are the runs that `difference` sets against each other, empty where
    they are the same; `done` is the share that is measured; `problem` is empty or says why nothing is.
    """

    heads: int
    mlps: bool
    numbers: F4
    asked: tuple[bool, ...]
    order: I4
    column: str
    descending: bool
    limit: float
    sides: tuple[str, ...]
    cut: frozenset[Site]
    edited: frozenset[Site]
    selected: frozenset[Site]
    done: float
    problem: str
    slow: bool = False

    def site(self, row: int) -> Site:
        """The component of a row."""
        layer, index = divmod(int(self.order[row]), self.heads + self.mlps)
        return Site(layer, "head", index) if index < self.heads else Site(layer, "mlp_out")

    def rows(self, sites: Iterable[Site]) -> I4:
        """The rows of these components, from top to bottom; sites that are none are left out."""
        wide = self.heads + self.mlps
        found = np.array([site.layer * wide + _place(site, self.heads) for site in sites if _is_one(site)], np.int32)
        return np.flatnonzero(np.isin(self.order, found)).astype(np.int32)


class ComponentsView(Protocol):
    def show(self, picture: GridPicture | TablePicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class ComponentsController:
    """Keeps grid or table true, whichever the document shows."""

    def __init__(self, desk: Desk, view: ComponentsView) -> None:
        self._desk = desk
        self._view = view
        self._cells: WeakKeyDictionary[Effects | Writes, NDArray[np.intp]] = WeakKeyDictionary()

    def update(self, document: Document) -> None:
        """Show the components of this document."""
        if document.model is None:
            self._view.explain("Open a model to see its heads and MLPs.")
        elif document.components.shown_as == "grid":
            self._view.show(self._grid(document))
        else:
            self._view.show(self._table(document))

    def _grid(self, document: Document) -> GridPicture:
        assert document.model is not None
        model, requests = document.model, _tiers(document)[document.measure]
        values = self._values(document, requests).reshape(model.layers, -1)
        return GridPicture(
            layers=model.layers,
            heads=model.heads,
            mlps=bool(model.d_mlp),
            values=values,
            limit=symmetric_limit(values),
            cut=edited_sites(document, cut=True),
            edited=edited_sites(document, cut=False),
            selected=frozenset(document.selection.sites),
            measure=document.measure,
            done=float(np.isfinite(values).mean()),
            problem=_lacking(document) or self._desk.first_problem(*requests),
            slow=self._slow(requests),
        )

    def _table(self, document: Document) -> TablePicture:
        assert document.model is not None
        tiers, view = _tiers(document), document.components
        left, right = (attribution_request(document, name) for name in sides(document))
        compared = those(left, right) if left != right else ()
        asked = (those(writes_request(document)), *tiers.values(), compared)
        columns = [self._values(document, requests) for requests in asked[:-1]]
        columns.append(self._values(document, compared[1:]) - self._values(document, compared[:1]))
        numbers = np.stack(columns, axis=1)
        return TablePicture(
            heads=document.model.heads,
            mlps=bool(document.model.d_mlp),
            numbers=numbers,
            asked=tuple(bool(requests) for requests in asked),
            order=_order(numbers, view.column, view.descending),
            column=view.column,
            descending=view.descending,
            limit=symmetric_limit(numbers[:, 1:]),
            sides=tuple(name or "edited" for name in sides(document)) if compared else (),
            cut=edited_sites(document, cut=True),
            edited=edited_sites(document, cut=False),
            selected=frozenset(document.selection.sites),
            done=float(np.isfinite(columns[3]).mean()),
            problem=_lacking(document) or self._desk.first_problem(*(one for part in asked for one in part)),
            slow=self._slow(one for part in asked for one in part),
        )

    def _slow(self, requests: Iterable[Request]) -> bool:
        """Whether any of these was answered by TransformerLens's hooks."""
        return any(getattr(self._desk.latest(request), "road", "fast") == "slow" for request in requests)

    def _values(self, document: Document, requests: Sequence[Request]) -> F4:
        """What these requests found of every component; NaN where not yet known."""
        model = document.model
        assert model is not None
        values = np.full(model.layers * (model.heads + bool(model.d_mlp)), np.nan, np.float32)
        for request in requests:
            found: Effects | Writes | None = self._desk.latest(request)
            if found is not None:
                cells = self._cells_of(found, model.heads, bool(model.d_mlp))
                values[cells] = found.norms if isinstance(found, Writes) else found.values
        return values

    def _cells_of(self, found: Effects | Writes, heads: int, mlps: bool) -> NDArray[np.intp]:
        """The components that an answer is about. Looked up once: a site takes 1 us, and every answer asks for all."""
        if found not in self._cells:
            places = (site.layer * (heads + mlps) + _place(site, heads) for site in found.sites)
            self._cells[found] = np.fromiter(places, np.intp, len(found.sites))
        return self._cells[found]


def _tiers(document: Document) -> dict[Measure, tuple[Request, ...]]:
    """What to ask for each way of telling an effect, soonest first."""
    return {
        "direct": those(attribution_request(document)),
        "attributed": those(estimate_request(document)),
        "ablation": sweep_requests(document),
    }


def _is_one(site: Site) -> bool:
    return site.kind in ("head", "mlp_out")


def _place(site: Site, heads: int) -> int:
    return site.index if site.kind == "head" else heads


def _order(numbers: F4, column: str, descending: bool) -> I4:
    """Rows sorted by this column: what is not known last, what is equal layer by layer."""
    place = COLUMNS.index(column) - 1 if column in COLUMNS else -1
    if place < 0:
        layerwise = np.arange(len(numbers), dtype=np.int32)
        return layerwise[::-1] if descending else layerwise
    keys = -numbers[:, place] if descending else numbers[:, place]
    return np.argsort(keys, kind="stable").astype(np.int32)


def _lacking(document: Document) -> str:
    if not document.prompt.text and document.prompt.tokens is None:
        return "Type a prompt to see what each component does."
    if not document.target:
        return "Name a target token to see what each component does for it."
    return ""


def edited_sites(document: Document, cut: bool) -> frozenset[Site]:
    """The sites whose edits cut them out, or, without `cut`, those whose edits do something else alone."""
    ablated = {edit.site for edit in document.interventions if edit.mode in ("zero", *REFERENCED)}
    return frozenset(ablated if cut else {edit.site for edit in document.interventions} - ablated)
