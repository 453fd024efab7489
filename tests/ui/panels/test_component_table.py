from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from interpviz.control.components import COLUMNS, TablePicture
from interpviz.core.sites import Site
from interpviz.ui.panels.component_table import ComponentTable
from interpviz.ui.panels.components import ComponentsPanel
from tests.ui.conftest import Show, click, shows
from tests.ui.fakes import Acts, grid

PURPLE, GREEN, EDIT = (90, 33, 110), (33, 120, 60), (0xB5, 0x40, 0x0D)
CONTROL = Qt.KeyboardModifier.ControlModifier
ROLE = Qt.ItemDataRole


def table(layers: int = 2, heads: int = 3, **changes: Any) -> TablePicture:
    """Component k of layer by layer writes a norm of k; the tiers are k/4 - 1, k/2 - 1 and -k, differences unasked."""
    k = np.arange(layers * (heads + 1), dtype=np.float32)
    shown = {
        "heads": heads, "mlps": True, "numbers": np.stack([k, k / 4 - 1, k / 2 - 1, -k, k * np.nan], axis=1),
        "asked": (True, True, True, True, False), "order": k.astype(np.int32), "column": "measured",
        "descending": True, "limit": 4.0, "sides": (), "cut": frozenset(), "edited": frozenset(),
        "selected": frozenset(), "done": 1.0,
        "problem": "",
    }  # fmt: skip
    return TablePicture(**{**shown, **changes})


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> ComponentsPanel:
    made = ComponentsPanel(acts)
    on_screen(made, 460, 320)
    made.show(table())
    return made


def cell(view: ComponentTable, row: int, column: str) -> QRectF:
    return QRectF(view.visualRect(view.rows.index(row, COLUMNS.index(column))))


def words(view: ComponentTable, row: int) -> list[str]:
    return [str(view.rows.data(view.rows.index(row, column))) for column in range(len(COLUMNS))]


def press(view: ComponentTable, key: Qt.Key, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(view, key, keys)


def test_a_row_tells_a_component_with_signed_numbers_and_blanks_what_is_not_asked_for(panel: ComponentsPanel) -> None:
    assert words(panel.table, 2) == ["L0H2", "2.000", "−0.500", "0.000", "−2.000", ""]


def test_what_is_on_its_way_is_an_ellipsis_and_said_to_be_unknown(panel: ComponentsPanel) -> None:
    numbers = table().numbers.copy()
    numbers[2, 3] = np.nan
    panel.show(table(numbers=numbers, done=7 / 8))
    assert words(panel.table, 2)[4] == "…"
    told = panel.table.rows.data(panel.table.rows.index(2, 4), ROLE.AccessibleTextRole)
    assert told == "L0H2 measured not yet known"
    assert panel.status.text() == "8 components · nats · 87 % measured"


def test_rows_stand_in_the_order_of_the_picture(panel: ComponentsPanel) -> None:
    panel.show(table(order=np.arange(8, dtype=np.int32)[::-1].copy()))
    assert [words(panel.table, row)[0] for row in (0, 1, 7)] == ["L1M", "L1H2", "L0H0"]


def test_a_click_selects_and_a_double_click_cuts(panel: ComponentsPanel, acts: Acts) -> None:
    at = cell(panel.table, 3, "direct").center().toPoint()
    click(panel.table.viewport(), QPointF(at))
    assert acts.done == [("selection.set", (Site(0, "mlp_out"),))]
    QTest.mouseDClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert acts.done[1:] == [("intervention.toggle", Site(0, "mlp_out"))]


def test_control_click_adds_to_the_selection(panel: ComponentsPanel, acts: Acts) -> None:
    for row in (1, 0):
        click(panel.table.viewport(), cell(panel.table, row, "component"), keys=CONTROL)
    assert acts.done[-1] == ("selection.set", (Site(0, "head", 0), Site(0, "head", 1)))
    assert acts.merges[0] != acts.merges[1]


def test_arrow_keys_walk_as_one_step_and_space_cuts(panel: ComponentsPanel, acts: Acts) -> None:
    panel.show(table(selected=frozenset({Site(0, "head", 0)})))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Space):
        press(panel.table, key)
    selected = [("selection.set", (Site(0, "head", k),)) for k in (1, 2)]
    assert acts.done == [*selected, ("intervention.toggle", Site(0, "head", 2))]
    assert acts.merges[:2] == ["walk", "walk"]


def test_what_is_selected_elsewhere_is_selected_and_scrolled_to_without_an_act(
    panel: ComponentsPanel, acts: Acts
) -> None:
    panel.show(table(30, 9, selected=frozenset({Site(29, "head", 3)})))
    assert panel.table.selected_rows() == [293]
    assert panel.table.viewport().rect().toRectF().contains(cell(panel.table, 293, "component").center())
    assert acts.done == []


def test_a_selection_stays_with_its_components_when_rows_move(panel: ComponentsPanel, acts: Acts) -> None:
    chosen = frozenset({Site(0, "head", 1), Site(1, "mlp_out")})
    panel.show(table(selected=chosen))
    panel.show(table(selected=chosen, order=np.roll(np.arange(8, dtype=np.int32), 3)))
    assert [str(panel.table.rows.site(row)) for row in panel.table.selected_rows()] == ["L1M", "L0H1"]
    assert acts.done == []


def test_the_cursor_of_the_keys_stays_with_its_component_when_rows_move(panel: ComponentsPanel) -> None:
    panel.table.setCurrentIndex(panel.table.rows.index(1, 3))
    panel.show(table(order=np.roll(np.arange(8, dtype=np.int32), 3)))
    assert (panel.table.currentIndex().row(), panel.table.currentIndex().column()) == (4, 3)


def test_a_heading_sorts_largest_first_and_again_smallest_first(panel: ComponentsPanel, acts: Acts) -> None:
    headings = panel.table.headings
    for column in ("direct", "measured", "component"):
        at = headings.sectionViewportPosition(COLUMNS.index(column)) + 10
        click(headings.viewport(), QPointF(at, 10))
    assert acts.done == [
        ("components.sort", "direct", True),
        ("components.sort", "measured", False),
        ("components.sort", "component", False),
    ]


def test_keys_sort_by_the_column_of_their_cursor(panel: ComponentsPanel, acts: Acts) -> None:
    panel.table.setCurrentIndex(panel.table.rows.index(0, COLUMNS.index("attributed")))
    press(panel.table, Qt.Key.Key_Down, CONTROL)
    press(panel.table, Qt.Key.Key_Up, CONTROL)
    assert acts.done[-2:] == [("components.sort", "attributed", True), ("components.sort", "attributed", False)]


def test_headings_say_what_they_mean_and_which_one_sorts(panel: ComponentsPanel) -> None:
    panel.show(table(sides=("clean", "<b>odd</b>"), asked=(True,) * 5))
    horizontal = Qt.Orientation.Horizontal
    tips = [panel.table.rows.headerData(k, horizontal, ROLE.ToolTipRole) for k in range(6)]
    assert "first-order estimate from one gradient" in tips[3]
    assert "who takes over when a part is cut (clean to &lt;b&gt;odd&lt;/b&gt;)" in tips[5]
    assert panel.table.rows.headerData(4, horizontal, ROLE.AccessibleTextRole) == "measured, sorted descending"
    assert panel.status.text().endswith("difference: <b>odd</b> − clean")


def test_a_bar_grows_from_the_middle_green_above_zero_and_purple_below(panel: ComponentsPanel) -> None:
    numbers = np.full((8, 5), 4.0, np.float32)
    numbers[1] = -4.0
    panel.show(table(numbers=numbers))
    for row, way, colour in ((0, 1, GREEN), (1, -1, PURPLE)):
        box, view = cell(panel.table, row, "direct"), panel.table.viewport()
        middle = QPointF(box.center().x(), box.bottom() - 2.5)
        assert shows(view, middle + QPointF(way * box.width() / 4, 0), colour, within=90)
        assert not shows(view, middle - QPointF(way * box.width() / 4, 0), colour, within=90)


def test_what_is_cut_has_a_cross_and_is_said_to_be_cut(panel: ComponentsPanel) -> None:
    panel.show(table(cut=frozenset({Site(0, "head", 1)})))
    box = cell(panel.table, 1, "component")
    assert shows(panel.table.viewport(), QPointF(box.left() + 6.5, box.center().y()), EDIT)
    told = [panel.table.rows.data(panel.table.rows.index(row, 0), ROLE.AccessibleTextRole) for row in (0, 1)]
    assert told == ["L0H0", "L0H1, cut out"]


def test_copying_gives_all_rows_or_those_selected_with_tabs_between(panel: ComponentsPanel) -> None:
    press(panel.table, Qt.Key.Key_C, CONTROL)
    lines = QGuiApplication.clipboard().text().split("\n")
    assert len(lines) == 9
    assert lines[0].split("\t") == list(COLUMNS)
    panel.show(table(selected=frozenset({Site(0, "head", 1)})))
    press(panel.table, Qt.Key.Key_C, CONTROL)
    assert QGuiApplication.clipboard().text().split("\n")[1:] == ["L0H1\t1\t-0.75\t-0.5\t-1\t"]


def test_a_table_of_another_model_replaces_the_rows(panel: ComponentsPanel, acts: Acts) -> None:
    panel.show(table(selected=frozenset({Site(1, "mlp_out")})))
    panel.show(table(1, 2))
    assert (panel.table.rows.rowCount(), panel.table.selected_rows(), acts.done) == (3, [], [])


def test_a_hundred_thousand_rows_are_held_in_arrays(panel: ComponentsPanel) -> None:
    panel.show(table(1000, 99))
    panel.show(table(1000, 99, order=np.arange(100_000, dtype=np.int32)[::-1].copy()))
    panel.table.scrollToBottom()
    assert words(panel.table, 99_999)[:2] == ["L0H0", "0.000"]


def test_all_columns_fit_the_narrow_dock_that_the_window_starts_with(acts: Acts, on_screen: Show) -> None:
    narrow = ComponentsPanel(acts)
    on_screen(narrow, 388, 320)
    narrow.show(table(30, 9))
    assert narrow.table.headings.length() <= narrow.table.viewport().width()


def test_grid_and_table_are_chosen_in_the_header(panel: ComponentsPanel, acts: Acts) -> None:
    panel.shown_as.button("grid").click()
    assert acts.done == [("components.show", "grid")]
    panel.show(grid(measure="attributed"))
    assert panel.grid.isVisible()
    assert not panel.table.isVisible()
    assert panel.tier.text() == "first-order estimate"


def test_the_first_rows_can_be_read_as_text(panel: ComponentsPanel) -> None:
    told = panel.accessibleDescription().split("; ")
    assert told[0] == "8 components · nats"
    assert told[3] == (
        "L0H2, activation 2.000, direct −0.500, attributed 0.000, measured −2.000, difference not asked for"
    )
