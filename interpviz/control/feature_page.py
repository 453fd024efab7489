"""The page of one feature: what an index says of it, what a person noted, and the edit that is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from interpviz.control.desk import Desk
from interpviz.control.features import NO_NOTES, shown_label
from interpviz.control.indexed import lies_in_cache, notes_request, page_request, table_request
from interpviz.control.notes import lists_of
from interpviz.core.document import Document
from interpviz.core.feature_results import Example, FeaturePage, FeatureTable, Notes, Related
from interpviz.core.features import DictionaryFacts, NoIndex
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site


@dataclass(frozen=True)
class Kin:
    """Another feature, how alike it is, and what it is called."""

    feature: int
    value: float
    label: str


@dataclass(frozen=True, eq=False)
class PagePicture:
    """A feature: `own` is the label that a person gave, `automatic` that of the index with its `score` (NaN: none).

    `page` is None where no index says more; `waiting` tells that it is on its way. `edit` is what is made of the
    feature now, `editable` whether there is a model to edit; `lists` are those that it is in, `known` all there are;
    `apart` says why a token of an example cannot become the prompt, empty where it can. `problem` is empty or a
    sentence.
    """

    dictionary: DictionaryFacts
    feature: int
    page: FeaturePage | None
    waiting: bool
    own: str
    automatic: str
    score: float
    note: str
    bookmarked: bool
    lists: tuple[str, ...]
    known: tuple[str, ...]
    neighbours: tuple[Kin, ...]
    together: tuple[Kin, ...]
    edit: Intervention | None
    editable: bool
    apart: str
    source: str
    problem: str

    @property
    def maximum(self) -> float:
        """Its largest activation in the index; 0 without one."""
        return self.page.maximum if self.page else 0.0

    @property
    def site(self) -> Site:
        """The feature as a site of the model."""
        return Site(-1, "feature", self.feature, dictionary=self.dictionary.name)


class PageView(Protocol):
    def show(self, picture: PagePicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class FeaturePageController:
    """Keeps the page true."""

    def __init__(self, desk: Desk, view: PageView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the feature that this document has chosen."""
        if document.dictionary is None:
            self._view.explain("Open a dictionary to look at its features.")
        elif document.features.feature is None:
            self._view.explain("Choose a feature in the table to see where it is active and what it does.")
        else:
            self._view.show(self._picture(document, document.dictionary, document.features.feature))

    def _picture(self, document: Document, shown: DictionaryFacts, feature: int) -> PagePicture:
        request = page_request(document)
        page: FeaturePage | None = self._desk.answer(request)
        notes: Notes = self._desk.answer(notes_request(document)) or NO_NOTES
        table: FeatureTable | None = self._desk.answer(table_request(document))
        problem = self._desk.first_problem(request, notes_request(document), table_request(document))
        lacking = "" if document.index else str(NoIndex(shown.name))
        label = page.label if page else None
        return PagePicture(
            dictionary=shown,
            feature=feature,
            page=page,
            waiting=request is not None and page is None and not problem,
            own=notes.label(feature),
            automatic=label.text if label else "",
            score=label.score if label else float("nan"),
            note=notes.text(feature),
            bookmarked=feature in notes.bookmarks,
            lists=lists_of(notes, feature),
            known=tuple(name for name, _ in notes.lists),
            neighbours=_kin(page.neighbours, table, notes) if page else (),
            together=_kin(page.together, table, notes) if page else (),
            edit=_edit_of(document, shown.name, feature),
            editable=document.model is not None,
            apart=_apart(document),
            source=f"{document.index.tokens:,} tokens of {document.index.cache}" if document.index else "",
            problem=problem or document.index_apart or notes.problem or lacking,
        )


def row_of(example: Example, place: int) -> int:
    """The row of the cache at which the token at this place of an example lies."""
    return example.row - example.at + place


def share_below(page: FeaturePage, value: float) -> float:
    """The share of the tokens at which the feature is active that it is at most this active at, 0 to 1."""
    below = int((page.quantiles <= value).sum())
    return max(below - 1, 0) / (len(page.quantiles) - 1)


def _kin(related: Related, table: FeatureTable | None, notes: Notes) -> tuple[Kin, ...]:
    pairs = zip(related.features.tolist(), related.values.tolist(), strict=True)
    return tuple(Kin(feature, value, shown_label(table, notes, feature)) for feature, value in pairs)


def _edit_of(document: Document, dictionary: str, feature: int) -> Intervention | None:
    site = Site(-1, "feature", feature, dictionary=dictionary)
    return next((edit for edit in document.interventions if edit.site == site), None)


def _apart(document: Document) -> str:
    cache, index = document.cache, document.index
    if index is None or (document.cache_fits and lies_in_cache(document)):
        return ""
    if cache is None or not lies_in_cache(document):
        return f"Open {index.cache} to make a context of it the prompt."
    return document.cache_apart or "Open the model of the cache to run its contexts."
