"""How well the dictionary that is shown does on this model: figures measured here, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from interpviz.control.desk import Desk
from interpviz.control.plan import fit_request
from interpviz.core.document import Document, ModelFacts
from interpviz.core.feature_results import Fit
from interpviz.core.features import DictionaryFacts


@dataclass(frozen=True)
class FitPicture:
    """The dictionary as its files state it, and its Fit as far as it is measured; `pending` while it grows."""

    dictionary: DictionaryFacts
    model: ModelFacts
    fit: Fit | None
    pending: bool
    problem: str


class FitView(Protocol):
    def show(self, picture: FitPicture) -> None: ...

    def explain(self, sentence: str) -> None: ...


class FitController:
    """Keeps the figures of the dictionary true."""

    def __init__(self, desk: Desk, view: FitView) -> None:
        self._desk, self._view = desk, view

    def update(self, document: Document) -> None:
        """Show how the dictionary of this document does."""
        dictionary, request = document.dictionary, fit_request(document)
        if document.model is None:
            self._view.explain("Open a model, then a dictionary that was trained on it.")
        elif dictionary is None or request is None:
            self._view.explain("Open a dictionary to see how well it does on this model, or train one on the cache.")
        else:
            found: Fit | None = self._desk.latest(request)
            problem = self._desk.problem(request)
            done = self._desk.answer(request) is not None or bool(problem)
            self._view.show(FitPicture(dictionary, document.model, found, not done, problem))
