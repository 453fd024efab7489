"""What the panel of a dictionary is told: its facts, and its figures as they are measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interpviz.control.fit import FitController
from interpviz.control.plan import plan
from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import FitRequest
from interpviz.core.feature_results import Fit
from interpviz.core.features import DictionaryFacts
from tests.control.desks import DOCUMENT, MODEL, Bench, Engine, View

BOOK = DictionaryFacts("book", "/books/book", "0", "standard", "blocks.1.hook_resid_post", 8, 100)
FIT = Fit("a.txt", 100, 3.0, 0.2, 0.8, 0.9, 1.0, 0.95, 2.0, 2.5, 6.0, 0.1, 4.0, 0.1, 0.2, 0.0)
OPEN = replace(DOCUMENT, dictionaries=(BOOK,), panels=frozenset({"fit"}))


def told(document: Document, answer: Any = FIT) -> View:
    view = View()
    with Bench(Engine({FitRequest: answer}), document) as bench:
        bench.desk.attach("fit", FitController(bench.desk, view))
        ended: set[Any] = set()
        bench.scheduler.ended.connect(lambda request: ended.add(request))
        bench.desk.refresh()
        bench.pump.until(lambda: ended >= set(plan(document)))
    return view


def test_the_figures_of_the_dictionary_that_is_shown_are_measured_under_the_open_model() -> None:
    picture = told(OPEN).pictures[-1]
    assert (picture.dictionary, picture.model, picture.fit, picture.pending) == (BOOK, MODEL, FIT, False)


def test_until_they_are_measured_its_facts_stand_alone() -> None:
    picture = told(OPEN).pictures[0]
    assert (picture.dictionary, picture.fit, picture.pending) == (BOOK, None, True)


def test_a_dictionary_that_cannot_be_measured_says_why() -> None:
    picture = told(OPEN, InterpvizError("book reads nothing that toy has.")).pictures[-1]
    assert (picture.fit, picture.pending, picture.problem) == (None, False, "book reads nothing that toy has.")


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"model": None}, "Open a model, then a dictionary"), ({"dictionaries": ()}, "Open a dictionary to see how well")],
)
def test_where_there_is_nothing_to_measure_it_says_what_to_open(changes: dict[str, Any], says: str) -> None:
    view = told(replace(OPEN, **changes))
    assert view.sentences[-1].startswith(says)


def test_figures_outside_their_limits_are_wrong_and_those_that_nobody_can_have_are_not() -> None:
    assert FIT.wrong == frozenset()
    bad = replace(FIT, fvu=1.5, norm_ratio=2.0, dead=0.6, ce_spliced=5.5)
    assert bad.wrong == {"fvu", "norm_ratio", "dead", "ce_recovered"}
    assert replace(FIT, fvu=float("nan"), norm_ratio=float("nan")).wrong == frozenset()
