"""The table of a dictionary's features: narrowed by an expression and a list, sorted by a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from interpviz.control.desk import Desk
from interpviz.control.indexed import effects_request, index_job, notes_request, table_request
from interpviz.control.notes import members_of
from interpviz.core import feature_filter
from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import Index
from interpviz.core.feature_results import FeatureTable, Notes
from interpviz.core.features import DictionaryFacts, IndexFacts, TableColumn
from interpviz.core.filter_clauses import Columns
from interpviz.core.results import F4, I4, Effects

COLUMNS: tuple[TableColumn, ...] = get_args(TableColumn)
NO_NOTES = Notes()
_NO_DICTIONARY = "A dictionary, such as a sparse autoencoder, takes activations apart into features. Open one first."


@dataclass(frozen=True)
class Offer:
    """What stands where there is nothing to show: why, and what a button does about it; `job` builds an index.

    `dictionary` is the one that is meant, of all those that are open.
    """

    sentence: str
    does: Literal["", "dictionary", "index"] = ""
    job: Index | None = None
    dictionary: str = ""
    dictionaries: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class FeaturesPicture:
    """Features from top to bottom are `order` (row,), out of the `total` of them.

    `effects` (feature,) in nats is NaN where not known, None where nothing can be asked. `measuring` says that they
    are on their way; `wrong` what is wrong with the filter; `source` what the figures are of. `problem` is empty or a
    sentence.
    """

    dictionary: DictionaryFacts
    dictionaries: tuple[str, ...]
    index: IndexFacts
    table: FeatureTable
    notes: Notes
    effects: F4 | None
    order: I4
    column: TableColumn
    descending: bool
    filter: str
    wrong: str
    list: str
    chosen: int | None
    measuring: bool
    source: str
    problem: str

    @property
    def total(self) -> int:
        """How many features the dictionary has."""
        return len(self.table.density)

    def row(self, feature: int | None) -> int | None:
        """The row of a feature; None where it is not shown."""
        if feature is None:
            return None
        found = np.flatnonzero(self.order == feature)
        return int(found[0]) if len(found) else None

    def random(self, seed: int) -> int | None:
        """One of the features shown that are ever active; None where none is."""
        live = self.order[self.table.density[self.order] > 0]
        return int(np.random.default_rng(seed).choice(live)) if len(live) else None


class FeaturesView(Protocol):
    def show(self, picture: FeaturesPicture | Offer) -> None: ...

    def explain(self, sentence: str) -> None: ...


class FeaturesController:
    """Keeps the table true. What was sorted last is kept: a step through the rows must not sort 100,000 again."""

    def __init__(self, desk: Desk, view: FeaturesView) -> None:
        self._desk = desk
        self._view = view
        self._kept: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def update(self, document: Document) -> None:
        """Show the features of this document."""
        request = table_request(document)
        if document.dictionary is None:
            self._view.show(Offer(document.index_apart or _NO_DICTIONARY, "dictionary"))
        elif request is None:
            names = tuple(one.name for one in document.dictionaries)
            self._view.show(replace(_lacking(document), dictionary=document.dictionary.name, dictionaries=names))
        elif (table := self._desk.answer(request)) is None:
            problem = self._desk.problem(request)
            self._view.explain(problem or f"Reading the index of {document.dictionary.name} …")
        else:
            self._view.show(self._picture(document, table))

    def _picture(self, document: Document, table: FeatureTable) -> FeaturesPicture:
        shown, index, view, asked = document.dictionary, document.index, document.features, effects_request(document)
        assert shown is not None
        assert index is not None
        notes: Notes = self._desk.answer(notes_request(document)) or NO_NOTES
        effects = self._effects(self._desk.latest(asked), index.features) if asked else None
        order, wrong = self._order(document, table, notes, effects)
        return FeaturesPicture(
            dictionary=shown,
            dictionaries=tuple(one.name for one in document.dictionaries),
            index=index,
            table=table,
            notes=notes,
            effects=effects,
            order=order,
            column=view.column,
            descending=view.descending,
            filter=view.filter,
            wrong=wrong,
            list=view.list,
            chosen=view.feature,
            measuring=asked is not None and self._desk.asked(asked) and self._desk.answer(asked) is None,
            source=f"{index.tokens:,} tokens of {index.cache}",
            problem=document.index_apart or self._desk.first_problem(notes_request(document), asked) or notes.problem,
        )

    def _effects(self, found: Effects | None, features: int) -> F4:
        values: F4 = self._once("effects", (found, features), lambda: _by_feature(found, features))
        return values

    def _order(self, document: Document, table: FeatureTable, notes: Notes, effects: F4 | None) -> tuple[I4, str]:
        view = document.features
        members = frozenset(members_of(notes, view.list)) if view.list else None
        columns = self._once("columns", (table, notes, effects), lambda: Columns(table, notes, effects))
        labels = self._once("labels", (table, notes.labels), lambda: shown_labels(table, notes))
        try:
            of = (view.filter, members, columns)
            kept, wrong = self._once("kept", of, lambda: _let_through(*of)), ""
        except InterpvizError as error:
            kept, wrong = _let_through("", members, columns), str(error)
        texts: Sequence[str] = {"label": labels, "top_token": table.top_token}.get(view.column, ())
        ranks = self._once(f"ranks {view.column}", (texts,), lambda: _ranks(texts))
        keys = ranks if texts else self._figures(view.column, table, effects)
        every = self._once("every", (keys, view.descending), lambda: ordered(keys, view.descending))
        order = self._once("order", (every, kept), lambda: every[kept[every]])
        return order, wrong

    def _figures(self, column: TableColumn, table: FeatureTable, effects: F4 | None) -> F4:
        figures: dict[str, F4 | None] = {
            "density": table.density,
            "maximum": table.maximum,
            "score": table.score,
            "effect": effects,
        }
        found = figures.get(column)
        count = len(table.density)
        numbers: F4 = self._once("numbers", (count,), lambda: np.arange(count, dtype=np.float32))
        return numbers if found is None else found

    def _once(self, name: str, of: tuple[Any, ...], make: Any) -> Any:
        """What `make` gives; not made again while it is of the same things."""
        had = self._kept.get(name)
        if had is None or len(had[0]) != len(of) or any(_differ(a, b) for a, b in zip(had[0], of, strict=True)):
            had = self._kept[name] = (of, make())
        return had[1]


def shown_labels(table: FeatureTable, notes: Notes) -> list[str]:
    """What each feature is called: by a person, else by the index; empty where nobody called it anything."""
    labels = list(table.label)
    for feature, label in notes.labels:
        if feature < len(labels):
            labels[feature] = label
    return labels


def shown_label(table: FeatureTable | None, notes: Notes, feature: int) -> str:
    """What one feature is called."""
    return notes.label(feature) or (table.label[feature] if table and feature < len(table.label) else "")


def ordered(keys: F4, descending: bool) -> I4:
    """Features sorted by their keys (feature,): what has none stands last, what is equal by number.

    Keys and numbers are sorted as one integer each, 100,000 in 2 ms: a stable sort of floats takes 11.
    """
    bits = np.ascontiguousarray(keys + np.float32(0)).view(np.uint32)  # + 0: −0 is 0
    rising = np.where(bits >> 31, ~bits, bits | 0x80000000)
    falling = ~rising if descending else rising
    last = np.where(np.isnan(keys), 0xFFFFFFFF, falling).astype(np.uint64)
    packed = (last << np.uint64(32)) | np.arange(len(keys), dtype=np.uint64)
    packed.sort()
    return (packed & np.uint64(0xFFFFFFFF)).astype(np.int32)


def _lacking(document: Document) -> Offer:
    assert document.dictionary is not None
    name, job = document.dictionary.name, index_job(document)
    apart = f"{document.index_apart} " if document.index_apart else ""
    if isinstance(job, str):
        return Offer(f"{apart}There is no index of {name} yet. {job}")
    assert document.cache is not None
    built = f"Build one: every feature is looked up in {document.cache.name}, {document.cache.tokens:,} tokens."
    return Offer(f"{apart}There is no index of {name} yet. {built}", "index", job)


def _let_through(text: str, members: frozenset[int] | None, columns: Columns) -> NDArray[np.bool_]:
    clause = feature_filter.parse(text).clause
    kept = np.ones(columns.count, bool) if clause is None else clause.rows(columns)
    if members is None:
        return kept
    chosen = np.zeros(columns.count, bool)
    chosen[[feature for feature in members if feature < columns.count]] = True
    return kept & chosen


def _ranks(texts: Sequence[str]) -> F4:
    """Each text's place in the alphabet, by its first letters; NaN for an empty one. 100,000 take 60 ms."""
    cut = np.array(texts, "U24")
    _, places = np.unique(cut, return_inverse=True)
    return np.where(cut == "", np.nan, places).astype(np.float32)


def _by_feature(found: Effects | None, features: int) -> F4:
    values = np.full(features, np.nan, np.float32)
    if found is not None:
        values[[site.index for site in found.sites]] = found.values
    return values


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, str | int | bool | frozenset | tuple):
        return one is not other and bool(one != other)
    return one is not other
