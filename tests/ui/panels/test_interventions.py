"""The panel of edits: what is written, the list, and the experiments that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton, QWidget

from interpviz.control.interventions import Kept
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.requests import RunRequest
from interpviz.core.sites import Site
from interpviz.ui.panels.interventions import InterventionsPanel
from tests.ui.conftest import Show
from tests.ui.fakes import Acts
from tests.ui.panels.live_edits import WIDE, Live, bench, enter, picture


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> InterventionsPanel:
    made = InterventionsPanel(acts)
    on_screen(made, 520, 300)
    return made


@pytest.fixture
def live(on_screen: Show) -> Iterator[Live]:
    with bench() as made:
        yield Live(made, on_screen)


def test_an_edit_is_removed_and_all_are_cleared(live: Live) -> None:
    live.start("L1H2", "L0H0")
    live.row("L1H2").remove.click()
    assert live.made() == ["L0H0:zero"]
    live.panel.clear.click()
    assert live.made() == []
    assert live.panel.edits.nothing.isVisible()


def test_an_edit_is_written(live: Live) -> None:
    enter(live.panel.writing, "L1N3:clamp:2.5@1")
    assert (live.made(), live.panel.writing.text()) == (["L1N3:clamp:2.5@1"], "")


@pytest.mark.parametrize("text", ["L1H4:zero@", "L99H0", "nonsense", "L1N3:clamp:nan"])
def test_what_was_refused_stays_to_be_mended(live: Live, text: str) -> None:
    enter(live.panel.writing, text)
    assert (live.made(), live.panel.writing.text(), len(live.problems)) == ([], text, 1)


def test_what_is_written_comes_into_sight(live: Live) -> None:
    live.acts("intervention.ablate", [Site(layer, "head", 0) for layer in range(40)])
    QApplication.processEvents()
    enter(live.panel.writing, "L39N3:clamp:1")
    QApplication.processEvents()
    row = live.row("L39N3")
    assert not row.visibleRegion().isEmpty()


def test_a_thousand_edits_make_only_the_rows_in_sight(live: Live) -> None:
    live.acts("intervention.ablate", [Site(layer, "head", head) for layer in range(40) for head in range(25)])
    QApplication.processEvents()
    bar = live.panel.edits.verticalScrollBar()
    assert len(live.panel.edits.rows) < 20
    bar.setValue(bar.maximum())
    assert str(live.panel.edits.rows[-1].edit) == "L39H24:zero"
    assert len(live.panel.edits.rows) < 20
    assert live.panel.accessibleDescription().count("; ") == 999


def test_the_tab_key_walks_through_rows_that_are_not_yet_in_sight(live: Live) -> None:
    live.acts("intervention.ablate", [Site(layer, "head", 0) for layer in range(30)])
    QApplication.processEvents()
    live.panel.edits.rows[0].made.setFocus()
    seen: list[str] = []
    for _ in range(29 * 4):
        QTest.keyClick(focused(live.panel), Qt.Key.Key_Tab)
        focus = focused(live.panel)
        row = next((row for row in live.panel.edits.rows if row.isAncestorOf(focus)), None)
        seen += [str(row.edit.site)] if row is not None and focus is row.made else []
    assert seen == [f"L{layer}H0" for layer in range(1, 30)]


def focused(panel: InterventionsPanel) -> QWidget:
    found = panel.window().focusWidget()
    assert found is not None
    return found


def test_attention_is_frozen(live: Live) -> None:
    live.panel.freeze.click()
    states = [live.store.document.freeze]
    live.panel.freeze.click()
    assert [*states, live.store.document.freeze] == [True, False]


def test_an_experiment_is_kept_recalled_and_forgotten(live: Live) -> None:
    live.start("L1H2")
    enter(live.panel.experiments.name, "<s> & co")
    live.acts("intervention.clear")
    recall, forget = live.panel.experiments.chips.findChildren(QToolButton)
    assert (recall.accessibleName(), recall.text()) == ("Recall <s> & co: L1H2:zero", "<s> && co")
    recall.click()
    assert live.made() == ["L1H2:zero"]
    forget.click()
    assert live.store.document.experiments == ()


def test_two_experiments_are_compared_until_it_is_stopped(live: Live) -> None:
    live.start("L1H2")
    bar = live.panel.experiments
    assert not bar.left.isVisible()
    for name in ("one", "two"):
        enter(bar.name, name)
    for chooser, name in ((bar.left, "one"), (bar.right, "two")):
        chooser.setCurrentText(name)
        chooser.activated.emit(chooser.currentIndex())
    compared = [live.store.document.compared]
    assert bar.stop.isVisible()
    bar.stop.click()
    assert [*compared, live.store.document.compared] == [("one", "two"), None]
    assert (bar.left.currentText(), bar.right.currentText()) == ("Clean", "Present edits")


def test_the_script_goes_to_the_clipboard(panel: InterventionsPanel) -> None:
    panel.show(picture("L1H2", snippet="from interpviz import api\n"))
    panel.copy.click()
    assert QGuiApplication.clipboard().text() == "from interpviz import api\n"
    assert panel.copy.text() == "Copied"
    panel.show(picture("L0H2"))
    assert panel.copy.text() == "Copy as Python"


def test_the_slow_path_is_named_until_another_answer_says_otherwise(panel: InterventionsPanel) -> None:
    panel.show(picture("L1H2", road="slow"))
    assert panel.slow.isVisible()
    assert "The numbers are the same" in panel.slow.toolTip()
    panel.show(picture("L1H1", road="", pending=True))
    assert panel.slow.isVisible()
    panel.show(picture("L1H1"))
    assert not panel.slow.isVisible()


def test_a_problem_stands_above_the_rows(panel: InterventionsPanel) -> None:
    panel.show(picture("L1H2@9", problem="The prompt has 2 tokens."))
    assert panel.problem == "The prompt has 2 tokens."
    panel.show(picture("L1H2", road="", pending=True))
    assert panel.problem == ""


def test_nothing_edited_and_no_model_each_say_what_to_do(live: Live) -> None:
    assert live.panel.edits.nothing.isVisible()
    assert live.panel.writing.isVisible()
    live.store.replace(replace(WIDE, model=None))
    assert live.panel.sentence == "Open a model to edit what it does."


def test_a_refused_run_says_why(live: Live) -> None:
    live.bench.engine.answers[RunRequest] = InterpvizError("L0N3:scale:1 changes nothing at its site.")
    live.start("L0N3:scale:1")
    live.bench.pump.until(lambda: live.bench.desk.settled)
    assert live.panel.problem == "L0N3:scale:1 changes nothing at its site."


def test_kept_names_of_any_kind_are_shown_as_they_are(panel: InterventionsPanel) -> None:
    panel.show(picture(kept=(Kept("a\nb", "L1H2"), Kept("<i>x", "L1H2"))))
    texts = [one.text() for one in panel.experiments.chips.findChildren(QToolButton)]
    assert texts == ["a⏎b", "×", "<i>x", "×"]


def test_rows_are_made_again_by_undo(live: Live) -> None:
    live.start("L1H2")
    live.row("L1H2").remove.click()
    live.acts("edit.undo")
    assert live.row("L1H2").edit == Intervention.parse("L1H2")
