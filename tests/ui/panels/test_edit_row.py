"""A row of an edit: its tick, mode, value and positions, and above all the drag of the value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from interpviz.core.sites import Site
from interpviz.ui import files
from interpviz.ui.panels.drag_value import short
from interpviz.ui.panels.edit_row import EditRow
from interpviz.ui.panels.interventions import InterventionsPanel
from tests.control.test_interventions import edits
from tests.ui.conftest import Show
from tests.ui.fakes import Acts
from tests.ui.panels.live_edits import Live, bench, enter, picture


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> InterventionsPanel:
    made = InterventionsPanel(acts)
    on_screen(made, 520, 300)
    return made


@pytest.fixture
def live(on_screen: Show) -> Iterator[Live]:
    with bench() as made:
        yield Live(made, on_screen)


def drag(widget: QWidget, *places: int) -> None:
    """Press at the first place, move to the others, and let go at the last; x in pixels."""
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=QPoint(places[0], 8))
    for place in places[1:]:
        QTest.mouseMove(widget, QPoint(place, 8))
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=QPoint(places[-1], 8))


def choose(row: EditRow, mode: str) -> None:
    row.mode.setCurrentText(mode)
    row.mode.activated.emit(row.mode.currentIndex())


def test_a_drag_across_a_value_changes_it_a_fiftieth_a_pixel(live: Live) -> None:
    live.start("L0N3:scale:0.5")
    drag(live.row("L0N3").value, 10, 20, 35)
    assert live.made() == ["L0N3:scale:1"]  # 25 pixels of 0.02


def test_a_drag_is_one_step_of_undo_and_two_are_two(live: Live) -> None:
    live.start("L0N3:scale:0.5")
    for _ in range(2):
        drag(live.row("L0N3").value, 10, 20, 35)
    live.acts("edit.undo")
    assert live.made() == ["L0N3:scale:1"]
    live.acts("edit.undo")
    assert live.made() == ["L0N3:scale:0.5"]


def test_the_widget_under_the_mouse_stays_while_the_document_changes(live: Live) -> None:
    live.start("L0N3:scale:0.5", "L0N3:clamp:0.5@1", "L1H2")
    row = next(row for row in live.panel.edits.rows if row.edit.mode == "scale")
    QTest.mousePress(row.value, Qt.MouseButton.LeftButton, pos=QPoint(10, 8))
    for place in range(14, 60, 5):
        QTest.mouseMove(row.value, QPoint(place, 8))
        assert row in live.panel.edits.rows
        assert row.held
        assert row.isVisible()
    live.acts("intervention.toggle", Site(0, "head", 0))  # a row comes in above it
    assert row.held
    assert row.y() > live.row("L0H0").y()
    QTest.mouseMove(row.value, QPoint(10, 8))
    assert live.made()[1:3] == ["L0N3:clamp:0.5@1", "L0N3:scale:0.5"]


def test_a_click_that_shakes_is_no_act_and_a_move_back_is_one(panel: InterventionsPanel, acts: Acts) -> None:
    panel.show(picture("L0N3:scale:0.5"))
    drag(panel.edits.rows[0].value, 10, 11, 12, 10)
    assert acts.done == []
    drag(panel.edits.rows[0].value, 10, 20, 10)
    assert len(acts.done) == 2  # the step forth may still be waiting


def test_all_steps_of_a_drag_share_their_key(panel: InterventionsPanel, acts: Acts) -> None:
    panel.show(picture("L0N3:scale:0.5"))
    drag(panel.edits.rows[0].value, 10, 20, 30)
    assert [name for name, *_ in acts.done] == ["intervention.change"] * 2
    assert len(set(acts.merges)) == 1
    assert None not in acts.merges


def test_a_drag_passes_over_the_value_of_another_edit(live: Live) -> None:
    live.start("L0N3:clamp:0.5", "L0N3:clamp:0.7")
    row = next(row for row in live.panel.edits.rows if row.edit.value == 0.5)
    drag(row.value, 10, 15, 20, 25)  # 0.6, 0.7, 0.8; 0.7 is taken
    assert live.made() == ["L0N3:clamp:0.7", "L0N3:clamp:0.8"]


@pytest.mark.parametrize(
    ("keys", "value"), [("ShiftModifier", "2.5"), ("ControlModifier", "0.52"), ("NoModifier", "0.7")]
)
def test_shift_drags_faster_and_control_finer(live: Live, keys: str, value: str) -> None:
    live.start("L0N3:scale:0.5")
    field, at, left = live.row("L0N3").value, QPointF(20, 8), Qt.MouseButton.LeftButton
    QTest.mousePress(field, left, pos=QPoint(10, 8))
    there = field.mapToGlobal(at)
    QApplication.sendEvent(field, QMouseEvent(QEvent.Type.MouseMove, at, there, left, left, Qt.KeyboardModifier[keys]))
    assert live.made() == [f"L0N3:scale:{value}"]


def test_a_row_that_is_held_stays_where_the_list_is_scrolled_away(live: Live) -> None:
    live.acts("intervention.ablate", [Site(layer, "head", 0) for layer in range(40)])
    live.acts("intervention.write", "L0N3:scale:0.5")
    QApplication.processEvents()
    row, bar = live.row("L0N3"), live.panel.edits.verticalScrollBar()
    QTest.mousePress(row.value, Qt.MouseButton.LeftButton, pos=QPoint(10, 8))
    bar.setValue(bar.maximum())
    QTest.mouseMove(row.value, QPoint(20, 8))
    assert live.row("L0N3") is row
    assert "L0N3:scale:0.7" in live.made()
    QTest.mouseRelease(row.value, Qt.MouseButton.LeftButton, pos=QPoint(20, 8))
    live.panel.writing.setFocus()
    bar.setValue(bar.maximum() - 1)
    assert "L0N3" not in [str(row.edit.site) for row in live.panel.edits.rows]


def test_a_problem_does_not_blink_while_a_value_is_held(panel: InterventionsPanel) -> None:
    panel.show(picture("L0N3:scale:0.5", problem="It changes nothing."))
    value = panel.edits.rows[0].value
    QTest.mousePress(value, Qt.MouseButton.LeftButton, pos=QPoint(10, 8))
    panel.show(picture("L0N3:scale:0.6", road="", pending=True))
    assert panel.problem == "It changes nothing."
    QTest.mouseRelease(value, Qt.MouseButton.LeftButton, pos=QPoint(10, 8))
    panel.show(picture("L0N3:scale:0.6"))
    assert panel.problem == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.5, "−0.5"), (123456.0, "123456"), (-1234567.0, "−1.2e+06"), (0.1234567, "0.123457"), (-1e-300, "−1e−300")],
)
def test_a_value_fits_its_field(value: float, text: str) -> None:
    assert short(value) == text


def test_arrow_keys_step_the_value_and_enter_lets_it_be_typed(live: Live) -> None:
    live.start("L0N3:scale:0.5")
    field = live.row("L0N3").value
    field.setFocus()
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Left):
        QTest.keyClick(field, key)
    assert live.made() == ["L0N3:scale:0.6"]
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClicks(field, "-2")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert live.made() == ["L0N3:scale:-2"]
    assert field.text() == "−2"


def test_a_double_click_lets_the_value_be_typed_and_escape_leaves_it(live: Live) -> None:
    live.start("L0N3:scale:0.5")
    field = live.row("L0N3").value
    QTest.mouseDClick(field, Qt.MouseButton.LeftButton)
    QTest.keyClicks(field, "9")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert (live.made(), field.text(), field.typing) == (["L0N3:scale:0.5"], "0.5", False)


@pytest.mark.parametrize("text", ["much", "nan", "inf"])
def test_what_is_no_strength_is_said_and_kept_for_mending(live: Live, text: str) -> None:
    live.start("L0N3:scale:0.5")
    field = live.row("L0N3").value
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert "is no" in live.panel.problem
    assert (live.made(), field.text()) == (["L0N3:scale:0.5"], text)
    enter(field, "3")
    assert (live.made(), live.panel.problem) == (["L0N3:scale:3"], "")


def test_the_tick_lets_an_edit_stand_by(live: Live) -> None:
    live.start("L1H2:mean")
    row = live.row("L1H2")
    row.made.click()
    assert (live.made(), live.store.document.off) == ([], edits("L1H2:mean"))
    assert live.row("L1H2") is row
    row.made.click()
    assert live.made() == ["L1H2:mean"]


def test_a_mode_is_chosen_with_a_value_where_it_needs_one(live: Live) -> None:
    live.start("L1H2:mean@1")
    row = live.row("L1H2")
    assert row.value.isHidden()
    choose(row, "scale")
    assert live.made() == ["L1H2:scale:0.5@1"]
    assert not row.value.isHidden()


def test_add_asks_for_a_direction_first(live: Live) -> None:
    live.start("L1R")
    row = live.row("L1R")
    choose(row, "add")
    assert live.made() == ["L1R:zero"]
    assert row.direction.isVisible()
    QTest.keyClick(row.direction, Qt.Key.Key_Escape)
    assert (row.direction.isVisible(), row.mode.currentText()) == (False, "zero")
    choose(row, "add")
    enter(row.direction, "book/3")
    assert live.made() == ["L1R:add:1:book/3"]
    choose(row, "zero")
    assert not row.direction.isVisible()


def test_only_one_edit_asks_for_a_direction_at_a_time(live: Live) -> None:
    live.start("L0R", "L1R")
    for site in ("L0R", "L1R"):
        choose(live.row(site), "add")
    modes = {site: live.row(site).mode.currentText() for site in ("L0R", "L1R")}
    assert modes == {"L0R": "zero", "L1R": "add"}
    assert not live.row("L0R").direction.isVisible()


def test_escape_is_no_act(panel: InterventionsPanel, acts: Acts) -> None:
    panel.show(picture("L1H2@1"))
    QTest.keyClicks(panel.edits.rows[0].positions, "7")
    QTest.keyClick(panel.edits.rows[0].positions, Qt.Key.Key_Escape)
    assert (panel.edits.rows[0].positions.text(), acts.done) == ("1", [])


def test_a_direction_that_no_open_dictionary_has_is_refused_and_kept(live: Live) -> None:
    live.start("L1R")
    choose(live.row("L1R"), "add")
    enter(live.row("L1R").direction, "tome/3")
    assert live.problems == ["No dictionary tome is open. Open its folder first, then edit tome/3."]
    assert (live.made(), live.row("L1R").direction.text()) == (["L1R:zero"], "tome/3")


def test_a_direction_can_be_picked_as_a_file(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.start("L1R:add:4:old.npy")
    monkeypatch.setattr(files, "ask", lambda *_: ["/new.npy"])
    live.row("L1R").browse.click()
    assert live.made() == ["L1R:add:4:/new.npy"]


def test_positions_are_typed(live: Live) -> None:
    live.start("L1H2")
    row = live.row("L1H2")
    enter(row.positions, "0, -1")
    assert live.made() == ["L1H2:zero@-1,0"]
    assert live.row("L1H2") is row
    enter(row.positions, "5-2")
    assert "run backwards" in live.panel.problem
    QTest.keyClick(row.positions, Qt.Key.Key_Escape)
    assert (row.positions.text(), live.panel.problem) == ("-1,0", "")


def test_what_is_being_typed_is_not_overwritten_by_an_answer(panel: InterventionsPanel) -> None:
    panel.show(picture("L1H2@1", "L0N3:scale:0.5"))
    value, positions = panel.edits.rows[0].value, panel.edits.rows[1].positions
    QTest.keyClick(value, Qt.Key.Key_Return)
    positions.selectAll()
    for field in (value, positions):
        QTest.keyClicks(field, "7")
    panel.show(picture("L1H2@2", "L0N3:scale:0.6"))
    assert (positions.text(), value.text()) == ("7", "7")


def test_half_typed_positions_of_an_edit_that_is_gone_do_not_bring_it_back(live: Live, qtbot: QtBot) -> None:
    live.start("L1H2", "L0H0")
    field = live.row("L1H2").positions
    live.panel.window().activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    QTest.keyClicks(field, "1")
    live.acts("intervention.restore", (Site(1, "head", 2),))
    assert live.made() == ["L0H0:zero"]


def test_an_attention_edge_has_no_positions(panel: InterventionsPanel) -> None:
    panel.show(picture("L1H0[3<1]:scale:0.5"))
    assert panel.edits.rows[0].positions.isHidden()


def test_every_control_of_a_row_has_a_name_and_says_what_it_does(panel: InterventionsPanel) -> None:
    panel.show(picture("L1R:add:4:a.npy", "L1H2:scale:2"))
    controls = [stop for row in panel.edits.rows for stop in row.stops]
    assert all(control.accessibleName() and control.toolTip() for control in controls)
    assert panel.edits.rows[0].made.accessibleName() == "Make the edit of L1H2"
