from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtGui import QPalette

from interpviz.control.fit import FitPicture
from interpviz.core.document import ModelFacts
from interpviz.core.feature_results import Fit
from interpviz.core.features import DictionaryFacts
from interpviz.ui.panels.fit import FIGURES, FitPanel
from interpviz.ui.theme import LIGHT
from tests.ui.conftest import Show

MODEL = ModelFacts("toy", "toy", "aa", 2, 3, 3, 8, 16, 5, 64)
BOOK = DictionaryFacts("<b>book", "/books/book", "0", "skip_transcoder", "blocks.1.mlp.hook_in", 8, 1000, "out", 9)
FIT = Fit("a.txt", 1984, 3.0, 0.2, 0.8, 0.9, 1.0, 0.95, 2.0, 2.5, 6.0, 0.1, 4.0, 0.125, 0.2, 0.0)


@pytest.fixture
def panel(on_screen: Show) -> FitPanel:
    made = FitPanel()
    on_screen(made, 470, 420)
    return made


def shown(panel: FitPanel, fit: Fit | None = FIT, pending: bool = False) -> dict[str, str]:
    panel.show(FitPicture(BOOK, MODEL, fit, pending, ""))
    return {name: label.text() for name, label in panel.measured.items()}


def ink(panel: FitPanel, name: str) -> str:
    return panel.measured[name].palette().color(QPalette.ColorRole.WindowText).name()


def test_what_the_files_state_and_what_was_measured_stand_apart(panel: FitPanel) -> None:
    figures = shown(panel)
    assert (panel.stated["Reads"].text(), panel.stated["Writes"].text()) == (
        "blocks.1.mlp.hook_in, 8 numbers",
        "out, 9 numbers",
    )
    assert (figures["l0"], figures["fvu"], figures["dead"], figures["ce_clean"]) == (
        "3.0",
        "0.200",
        "12.5%",
        "2.000 nats",
    )
    assert figures["ce_recovered"] == "87.5%"
    assert panel.source.text() == "on 1,984 tokens of a.txt; the first of a text left out"


def test_a_name_with_marks_of_html_is_shown_as_it_is(panel: FitPanel) -> None:
    shown(panel)
    assert panel.stated["Name"].text() == "<b>book"


@pytest.mark.parametrize(("changes", "name"), [({"fvu": 1.2}, "fvu"), ({"ce_spliced": 5.0}, "ce_recovered")])
def test_what_is_wrong_is_red_and_said_on_top(panel: FitPanel, changes: dict[str, Any], name: str) -> None:
    shown(panel)
    assert ink(panel, name) != LIGHT.wrong
    assert panel.wrong.isHidden()
    shown(panel, replace(FIT, problems=("It is of another model.",), **changes))
    assert ink(panel, name) == LIGHT.wrong
    assert ink(panel, "l0") != LIGHT.wrong
    assert (panel.wrong.text(), panel.wrong.isHidden()) == ("It is of another model.", False)


def test_while_nothing_is_measured_no_figure_is_shown(panel: FitPanel) -> None:
    assert set(shown(panel, None, pending=True).values()) == {"…"}
    assert panel.source.text() == "measuring on the reference text …"


def test_what_cannot_be_had_is_no_number(panel: FitPanel) -> None:
    assert shown(panel, replace(FIT, fvu=float("nan")))["fvu"] == "not to be had"


def test_every_figure_has_a_name_and_says_what_it_is(panel: FitPanel) -> None:
    for name, title, _, _ in FIGURES:
        assert panel.measured[name].accessibleName() == title
        assert panel.measured[name].toolTip()
