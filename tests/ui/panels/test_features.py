from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from interpviz.control.features import COLUMNS, FeaturesPicture, Offer
from interpviz.core.feature_requests import Index
from interpviz.core.feature_results import FeatureTable
from interpviz.ui.panels.features import FeaturesPanel
from interpviz.ui.panels.features_table import FeatureTableView
from tests.control.feature_samples import INDEX, NOTES, SAE, TABLE
from tests.ui.conftest import Show, click, shows
from tests.ui.fakes import Acts

Key = Qt.Key
ROLE = Qt.ItemDataRole


def features(**changes: Any) -> FeaturesPicture:
    """All six features by their largest activation."""
    shown = {
        "dictionary": SAE, "dictionaries": ("sae",), "index": INDEX, "table": TABLE, "notes": NOTES,
        "effects": np.array([0.5, np.nan, np.nan, np.nan, -2.0, np.nan], np.float32),
        "order": np.array([1, 4, 5, 3, 0, 2], np.int32), "column": "maximum", "descending": True, "filter": "",
        "wrong": "", "list": "", "chosen": None, "measuring": False, "source": "6 tokens of c.acts", "problem": "",
    }  # fmt: skip
    return FeaturesPicture(**{**shown, **changes})


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> FeaturesPanel:
    made = FeaturesPanel(acts)
    on_screen(made, 520, 320)
    made.show(features())
    return made


def cell(view: FeatureTableView, row: int, column: str) -> QRectF:
    return QRectF(view.visualRect(view.rows.index(row, COLUMNS.index(column))))


def words(view: FeatureTableView, row: int) -> list[str]:
    return [str(view.rows.data(view.rows.index(row, place))) for place in range(len(COLUMNS))]


def test_a_row_tells_a_feature_and_leaves_blank_what_is_not_known(panel: FeaturesPanel) -> None:
    assert words(panel.table, 0) == ["1", "1 %", "4", "animals", "", "·cat", ""]
    assert words(panel.table, 1) == ["4", "1 %", "4", "after ' a'", "0.80", "·Ape", "−2.000"]
    assert words(panel.table, 3) == ["3", "25 %", "2", "at '⏎'", "0.75", "⏎", ""]
    assert words(panel.table, 5) == ["2", "never", "0", "", "", "", ""]


def test_effects_on_their_way_are_an_ellipsis(panel: FeaturesPanel) -> None:
    panel.show(features(measuring=True))
    assert words(panel.table, 0)[-1] == "…"
    assert panel.status.text() == "6 features · 6 tokens of c.acts · measuring effects …"


def test_without_a_metric_there_is_no_column_of_effects(panel: FeaturesPanel) -> None:
    assert not panel.table.isColumnHidden(COLUMNS.index("effect"))
    panel.show(features(effects=None))
    assert panel.table.isColumnHidden(COLUMNS.index("effect"))


def test_a_click_and_the_arrow_keys_choose(panel: FeaturesPanel, acts: Acts) -> None:
    click(panel.table.viewport(), cell(panel.table, 2, "label"))
    QTest.keyClick(panel.table, Key.Key_Down)
    assert acts.done == [("feature.choose", 5), ("feature.choose", 3)]
    assert len(set(acts.merges)) == 1


def test_enter_and_a_double_click_open_the_page(panel: FeaturesPanel, acts: Acts) -> None:
    panel.show(features(chosen=4))
    QTest.keyClick(panel.table, Key.Key_Return)
    assert acts.done == [("feature.choose", 4), ("panel.show", "feature", True)]


def test_the_feature_chosen_elsewhere_is_selected_and_scrolled_to_without_an_act(
    panel: FeaturesPanel, acts: Acts
) -> None:
    panel.show(features(**large(1000), chosen=900))
    assert panel.table.chosen_row() == 900
    assert panel.table.viewport().rect().toRectF().contains(cell(panel.table, 900, "label").center())
    panel.show(features(**large(1000), chosen=None))
    assert panel.table.chosen_row() is None
    assert acts.done == []


@pytest.mark.parametrize(
    ("column", "act"),
    [("maximum", False), ("density", True), ("label", False), ("feature", False), ("effect", True)],
)
def test_a_heading_sorts_and_turns_round(panel: FeaturesPanel, acts: Acts, column: str, act: bool) -> None:
    place = COLUMNS.index(column)
    headings = panel.table.headings
    at = QPointF(headings.sectionViewportPosition(place) + headings.sectionSize(place) / 2, 10)
    click(headings.viewport(), at)
    assert acts.done == [("features.sort", column, act)]


def test_the_heading_that_sorts_has_an_arrow_and_says_so(panel: FeaturesPanel) -> None:
    heading = panel.table.rows.headerData(2, Qt.Orientation.Horizontal)
    told = panel.table.rows.headerData(2, Qt.Orientation.Horizontal, ROLE.AccessibleTextRole)
    assert (heading, told) == ("max ↓", "max, sorted descending")


def test_what_is_typed_filters_as_soon_as_it_is_an_expression(panel: FeaturesPanel, acts: Acts) -> None:
    QTest.keyClicks(panel.filter, "maximum > 3")
    assert acts.done[-1] == ("features.filter", "maximum > 3")
    texts = [text for _, text in acts.done]
    assert "maximum >" not in texts
    assert len(set(acts.merges)) == 1
    assert not panel.wrong.isVisible()


def test_a_wrong_filter_is_explained_under_it_once_it_is_entered(panel: FeaturesPanel, acts: Acts) -> None:
    QTest.keyClicks(panel.filter, "maximum >")
    assert not panel.wrong.isVisible()
    QTest.keyClick(panel.filter, Key.Key_Return)
    assert panel.wrong.isVisible()
    assert "number" in panel.wrong.text()
    acts.done.clear()
    QTest.keyClick(panel.filter, Key.Key_Escape)
    assert not panel.wrong.isVisible()
    assert (panel.filter.text(), acts.done) == ("", [("features.filter", "")])


def test_the_filter_of_the_document_is_shown_unless_another_is_being_typed(panel: FeaturesPanel) -> None:
    panel.show(features(filter="density < 1%"))
    assert panel.filter.text() == "density < 1%"
    QTest.keyClicks(panel.filter, " and")
    panel.show(features(filter="", chosen=3))
    assert panel.filter.text() == "density < 1% and"


def test_a_list_is_chosen_above_the_table_and_how_many_are_shown_below(panel: FeaturesPanel, acts: Acts) -> None:
    texts = [panel.list.itemText(place) for place in range(panel.list.count())]
    assert texts == ["All features", "Bookmarks (2)", "pets (3)"]
    panel.list.activated.emit(2)
    assert acts.done == [("features.list", "pets")]
    panel.show(features(list="pets", order=np.array([1, 5, 0], np.int32)))
    assert panel.status.text() == "3 of 6 features · 6 tokens of c.acts"
    panel.show(features(list="gone", order=np.zeros(0, np.int32)))
    assert panel.list.currentText() == "gone (0)"


@pytest.mark.parametrize("typed", ["3", "sae/3"])
def test_a_number_jumps_to_its_feature(panel: FeaturesPanel, acts: Acts, typed: str) -> None:
    QTest.keyClick(panel.table, Key.Key_J)
    assert panel.window().focusWidget() is panel.jump
    QTest.keyClicks(panel.jump, typed)
    QTest.keyClick(panel.jump, Key.Key_Return)
    assert acts.done == [("feature.choose", 3)]


@pytest.mark.parametrize("typed", ["x", "-3", "9999999999", ""])
def test_what_is_no_number_jumps_nowhere(panel: FeaturesPanel, acts: Acts, typed: str) -> None:
    QTest.keyClicks(panel.jump, typed)
    QTest.keyClick(panel.jump, Key.Key_Return)
    assert acts.done == []


def test_each_click_on_random_chooses_one_that_is_ever_active(panel: FeaturesPanel, acts: Acts) -> None:
    for _ in range(20):
        panel.random.click()
    chosen = [act[1] for act in acts.done]
    assert len(set(chosen)) > 1
    assert 2 not in chosen
    QTest.keyClick(panel.table, Key.Key_R)
    assert len(acts.done) == 21


def test_b_bookmarks_the_chosen_feature_and_a_star_marks_it(panel: FeaturesPanel, acts: Acts) -> None:
    QTest.keyClick(panel.table, Key.Key_B)
    assert acts.done == []
    panel.show(features(chosen=4))
    QTest.keyClick(panel.table, Key.Key_B)
    assert acts.done == [("notes.bookmark", "5a", 4)]
    told = panel.table.rows.data(panel.table.rows.index(0, 0), ROLE.AccessibleTextRole)
    assert told == "feature 1, bookmarked"
    star = QPointF(cell(panel.table, 0, "feature").left() + 6, cell(panel.table, 0, "feature").center().y() - 1)
    assert shows(panel.table.viewport(), star, (0x22, 0x57, 0xC5))


def test_a_row_can_be_copied_into_a_spreadsheet(panel: FeaturesPanel) -> None:
    panel.show(features(chosen=4))
    QTest.keyClick(panel.table, Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().split("\n")]
    assert lines[0] == ["feature", "density", "max", "label", "score", "top token", "effect"]
    assert lines[1] == ["4", "1 %", "4", "after ' a'", "0.80", "·Ape", "−2.000"]


def test_the_bars_of_effects_leave_the_middle_to_their_side(panel: FeaturesPanel) -> None:
    box = cell(panel.table, 1, "effect")
    assert shows(panel.table.viewport(), QPointF(box.left() + box.width() / 4, box.bottom() - 3), (124, 54, 138))


def test_several_dictionaries_can_be_chosen_and_one_needs_no_choice(panel: FeaturesPanel, acts: Acts) -> None:
    assert not panel.dictionary.isVisible()
    panel.show(features(dictionaries=("sae", "other")))
    assert panel.dictionary.isVisible()
    panel.dictionary.activated.emit(1)
    assert acts.done == [("features.dictionary", "other")]


def test_without_an_index_a_button_builds_one(panel: FeaturesPanel, acts: Acts) -> None:
    job = Index("/d/sae", "toy", "c.acts")
    panel.show(Offer("There is no index. Build one.", "index", job))
    assert panel.offer.sentence.text() == "There is no index. Build one."
    assert panel.offer.go.text() == "Build index"
    panel.offer.go.click()
    assert acts.done == [("features.index", job)]
    panel.show(Offer("Open a model."))
    assert not panel.offer.go.isVisible()
    panel.show(features())
    assert panel.table.isVisible()


def test_without_a_dictionary_a_button_asks_for_one(
    panel: FeaturesPanel, acts: Acts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (["/d/sae/cfg.json"], ""))
    panel.show(Offer("Open one.", "dictionary"))
    panel.offer.go.click()
    assert acts.done == [("dictionary.open", "/d/sae")]


def large(count: int) -> dict[str, Any]:
    """As many features, all alike but in their largest activation."""
    falling = np.arange(count, 0, -1, dtype=np.float32)
    missing = np.full(count, np.nan, np.float32)
    table = FeatureTable(falling / np.float32(count), falling, (" a",) * count, ("",) * count, missing)
    return {"table": table, "order": np.arange(count, dtype=np.int32), "effects": None}


def test_of_100_000_rows_only_those_in_view_are_asked_for(panel: FeaturesPanel) -> None:
    asked: set[int] = set()
    text = panel.table.rows.text

    def noted(row: int, column: str) -> str:
        asked.add(row)
        return text(row, column)

    panel.table.rows.text = noted  # type: ignore[method-assign]
    panel.show(features(**large(100_000)))
    panel.table.verticalScrollBar().setValue(50_000)
    panel.table.viewport().grab()
    assert 0 < len(asked) < 100


def test_a_dictionary_without_an_index_can_be_left_for_another(panel: FeaturesPanel, acts: Acts) -> None:
    panel.dictionary.setParent(panel)
    panel.show(Offer("There is no index of other yet.", dictionary="other", dictionaries=("sae", "other")))
    assert (panel.dictionary.isVisible(), panel.dictionary.isEnabled(), panel.dictionary.key) == (True, True, "other")
    panel.dictionary.activated.emit(0)
    assert acts.done == [("features.dictionary", "sae")]
    panel.show(Offer("There is no index of sae yet.", dictionary="sae", dictionaries=("sae",)))
    assert not panel.dictionary.isVisible()
