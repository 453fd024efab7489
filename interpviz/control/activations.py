"""Features on the prompt: which of a dictionary are active at which token, in the order of what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from interpviz.control.desk import Desk
from interpviz.control.features import NO_NOTES, shown_label
from interpviz.control.indexed import active_request, effects_request, notes_request, table_request, tried_request
from interpviz.control.plan import target_request
from interpviz.core.document import Document
from interpviz.core.feature_results import FeatureTable, Notes, PromptFeatures, TriedText
from interpviz.core.features import Ranking
from interpviz.core.interventions import Intervention
from interpviz.core.results import F4, Effects, Tokens
from interpviz.core.sites import Site


@dataclass(frozen=True)
class ActiveFeature:
    """A feature on the prompt: what it is called, its largest activation there, and the largest in the index's cache.

    `maximum` is NaN without an index. `direct` is its direct effect on the metric by what it writes at the last token,
    `effect` what cutting it everywhere takes from the metric; nats, NaN where not known.
    """

    feature: int
    label: str
    strongest: float
    maximum: float
    direct: float
    effect: float


@dataclass(frozen=True, eq=False)
class ChosenFeature:
    """The feature that is chosen, with its label and the position `at` which it was; `edit` is what is made of it now.

    `maximum` is its largest activation in the index, 0 without one; `tried` what it is on the text `trying`, None while
    that is on its way.
    """

    site: Site
    label: str
    at: int | None
    edit: Intervention | None
    maximum: float
    trying: str
    tried: TriedText | None

    @property
    def editable(self) -> bool:
        """There is a model here to edit."""
        return True


@dataclass(frozen=True, eq=False)
class ActivationsPicture:
    """Features from top to bottom, of which `values` (row, pos) are the activations at the `tokens`.

    `quantiles` and `direct` (row, pos) are as in PromptFeatures, None where they are not known. `figures` (row,) is
    what the rows are ordered by, in the words of `ranking`; `lacking` says why another ranking cannot be had.
    `measuring` says that effects are on their way, `edited` which features are edited. `problem` is empty or a
    sentence.
    """

    dictionary: str
    dictionaries: tuple[str, ...]
    tokens: Tokens
    rows: tuple[ActiveFeature, ...]
    values: F4
    quantiles: F4 | None
    direct: F4 | None
    figures: F4
    ranking: Ranking
    lacking: dict[Ranking, str]
    considered: int
    chosen: ChosenFeature | None
    measuring: bool
    edited: frozenset[int]
    problem: str

    def site(self, row: int) -> Site:
        """The feature of a row as a site of the model."""
        return Site(-1, "feature", self.rows[row].feature, dictionary=self.dictionary)

    @property
    def marked(self) -> int | None:
        """The row of the chosen feature; None where it is not among these."""
        feature = self.chosen.site.index if self.chosen else None
        return next((place for place, one in enumerate(self.rows) if one.feature == feature), None)


class ActivationsView(Protocol):
    def show(self, picture: ActivationsPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class ActivationsController:
    """Keeps the map true."""

    def __init__(self, desk: Desk, view: ActivationsView) -> None:
        self._desk = desk
        self._view = view

    def update(self, document: Document) -> None:
        """Show the features of this document's prompt."""
        request = active_request(document)
        if document.dictionary is None:
            self._view.explain(_NO_DICTIONARY)
        elif document.model is None:
            self._view.explain(f"Open the model of {document.dictionary.name} to see its features on a prompt.")
        elif request is None:
            self._view.explain(f"Type a prompt to see which features of {document.dictionary.name} are active on it.")
        elif (found := self._desk.answer(request)) is None:
            self._view.explain(self._desk.problem(request) or f"Looking for features of {request.dictionary.name} …")
        elif not len(found.features):
            self._view.explain(f"No feature of {request.dictionary.name} is active on this prompt. Type a longer one.")
        else:
            self._view.show(self._picture(document, found))

    def _picture(self, document: Document, found: PromptFeatures) -> ActivationsPicture:
        view, shown = document.features, document.dictionary
        assert shown is not None
        asked = effects_request(document) if view.ranking == "ablation" else None
        rows, lacking = self._rows(document, found, self._desk.latest(asked)), _lacking(document, found)
        ranking = "activation" if view.ranking in lacking else view.ranking
        figures = _figures(ranking, rows, found)
        order = np.argsort(-np.abs(figures), kind="stable")
        needed = target_request(document), asked, notes_request(document), table_request(document)
        return ActivationsPicture(
            dictionary=shown.name,
            dictionaries=tuple(one.name for one in document.dictionaries),
            tokens=found.tokens,
            rows=tuple(rows[place] for place in order),
            values=found.values[order],
            quantiles=None if found.quantiles is None else found.quantiles[order],
            direct=None if found.direct is None else found.direct[order],
            figures=figures[order],
            ranking=ranking,
            lacking=lacking,
            considered=found.considered,
            chosen=self._chosen(document, shown.name),
            measuring=asked is not None and self._desk.answer(asked) is None and not self._desk.problem(asked),
            edited=_edited(document, shown.name),
            problem=self._desk.first_problem(tried_request(document), *needed),
        )

    def _rows(self, document: Document, found: PromptFeatures, measured: Effects | None) -> list[ActiveFeature]:
        table, notes = self._known(document)
        labels, effects = dict(notes.labels), {} if measured is None else _by_feature(measured)
        return [
            ActiveFeature(
                feature=feature,
                label=labels.get(feature) or (table.label[feature] if table else ""),
                strongest=float(found.values[row][np.abs(found.values[row]).argmax()]),
                maximum=float(table.maximum[feature]) if table else _NAN,
                direct=_NAN if found.direct is None else float(found.direct[row, -1]),
                effect=effects.get(feature, _NAN),
            )
            for row, feature in enumerate(found.features.tolist())
        ]

    def _chosen(self, document: Document, dictionary: str) -> ChosenFeature | None:
        view = document.features
        if view.feature is None:
            return None
        table, notes = self._known(document)
        site = Site(-1, "feature", view.feature, dictionary=dictionary)
        return ChosenFeature(
            site=site,
            label=shown_label(table, notes, view.feature),
            at=view.at,
            edit=next((edit for edit in document.interventions if edit.site == site), None),
            maximum=float(table.maximum[view.feature]) if table else 0.0,
            trying=view.tried,
            tried=self._desk.answer(tried_request(document)),
        )

    def _known(self, document: Document) -> tuple[FeatureTable | None, Notes]:
        """What the index says of the dictionary's features, if it has as many, and what a person noted of them."""
        table: FeatureTable | None = self._desk.answer(table_request(document))
        fits = table is not None and document.dictionary and len(table.maximum) == document.dictionary.features
        return table if fits else None, self._desk.answer(notes_request(document)) or NO_NOTES


_NAN = float("nan")
_NO_DICTIONARY = (
    "Open a dictionary of this model to see which of its features are active on the prompt: File, Open dictionary, or "
    "drop its folder here."
)


def _figures(ranking: Ranking, rows: list[ActiveFeature], found: PromptFeatures) -> F4:
    """What the rows are ordered by, (row,), NaN where it is not known."""
    figures: NDArray[np.float32]
    if ranking == "quantile" and found.quantiles is not None:
        figures = np.nan_to_num(found.quantiles).max(axis=1)
    elif ranking == "direct":
        figures = np.array([row.direct for row in rows], np.float32)
    elif ranking == "ablation":
        figures = np.array([row.effect for row in rows], np.float32)
    else:
        figures = np.array([row.strongest for row in rows], np.float32)
    return figures


def _lacking(document: Document, found: PromptFeatures) -> dict[Ranking, str]:
    """Why the features cannot be ordered by these."""
    lacking: dict[Ranking, str] = {}
    if found.quantiles is None:
        lacking["quantile"] = "Quantiles are those of an index. Build one of this dictionary, or open it."
    target = "Effects are those on a target's logit. Type a target beside the prompt."
    if found.direct is None:
        aside = "This dictionary writes nothing that the logits read straight away."
        lacking["direct"] = aside if document.target else target
    if not document.target:
        lacking["ablation"] = target
    return lacking


def _by_feature(measured: Effects) -> dict[int, float]:
    pairs = zip(measured.sites, measured.values.tolist(), strict=True)
    return {site.index: value for site, value in pairs}


def _edited(document: Document, dictionary: str) -> frozenset[int]:
    """The features of a dictionary that are edited now."""
    sites = (edit.site for edit in document.interventions)
    return frozenset(site.index for site in sites if site.kind == "feature" and site.dictionary == dictionary)
