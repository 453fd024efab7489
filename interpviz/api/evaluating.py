"""How well a dictionary does, from Python."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from interpviz.api import experiment
from interpviz.api.asking import ask
from interpviz.api.experiment import Dictionary
from interpviz.core.document import ModelFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import FitRequest
from interpviz.core.feature_results import Fit
from interpviz.core.report import Report

Paths = str | Path | Iterable[str | Path]


def evaluate(model: ModelFacts, dictionary: Dictionary, text: Paths, tokens: int | None, report: Report) -> Fit:
    """The fit of one dictionary on these files, the bundled text where there are none.

    Raises InterpvizError for a set of several dictionaries, and for what cannot be read.
    """
    opened = experiment.opened([dictionary], report)
    if len(opened) > 1:
        raise InterpvizError(f"{dictionary} holds {len(opened)} dictionaries. Give one of them, {opened[0].source}.")
    files = [text] if isinstance(text, str | Path) else text
    fit: Fit = ask(FitRequest(model, opened[0], tuple(map(str, files)), tokens), report)
    return fit
