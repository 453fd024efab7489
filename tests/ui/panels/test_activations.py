"""The panel of features on the prompt paints what its picture says and turns clicks, keys and texts into acts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from interpviz.control.activations import ActivationsPicture, ActiveFeature, ChosenFeature
from interpviz.core.feature_results import TriedText
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site
from interpviz.ui.panels.activations import ActivationsPanel
from interpviz.ui.panels.activations_places import NAME, ROW
from interpviz.ui.panels.heat_ink import heat
from interpviz.ui.theme import DARK, LIGHT, Theme
from tests.ui.conftest import Show, click, hover, pixel
from tests.ui.fakes import WORDS, Acts, tokens

NAN = float("nan")
VALUES = np.array([[0, 4, 1, 0], [0, 0, 0, 3], [0, 2, 0, 0]], np.float32)
PLACE = Site(-1, "feature", 5, dictionary="sae")


def picture(**changes: Any) -> ActivationsPicture:
    rows = (
        ActiveFeature(7, "", 4.0, 8.0, 0.5, NAN),
        ActiveFeature(2, "at John", 3.0, NAN, -2.0, NAN),
        ActiveFeature(5, "", 2.0, 2.0, 0.0, NAN),
    )
    shown = {
        "dictionary": "sae", "dictionaries": ("sae",), "tokens": tokens(*WORDS), "rows": rows, "values": VALUES,
        "quantiles": None, "direct": np.full((3, 4), 0.25, np.float32), "figures": np.array([4, 3, 2], np.float32),
        "ranking": "activation", "lacking": {"quantile": "Build an index."}, "considered": 40, "chosen": None,
        "measuring": False, "edited": frozenset(), "problem": "",
    }  # fmt: skip
    return ActivationsPicture(**{**shown, **changes})


def chosen(feature: int = 5, **changes: Any) -> ChosenFeature:
    shown = {
        "site": Site(-1, "feature", feature, dictionary="sae"), "label": "", "at": None, "edit": None, "maximum": 6.0,
        "trying": "", "tried": None,
    }  # fmt: skip
    return ChosenFeature(**{**shown, **changes})


@pytest.fixture
def panel(on_screen: Show, acts: Acts) -> ActivationsPanel:
    made = ActivationsPanel(acts)
    on_screen(made, 620, 380)
    made.show(picture())
    return made


def colour(share: float, dark: bool = False) -> tuple[int, int, int]:
    found = heat(share, DARK if dark else LIGHT)
    return found.red(), found.green(), found.blue()


def corner(panel: ActivationsPanel, row: int, column: int) -> QPointF:
    """Inside a cell, beside its number."""
    return panel.map.places.box(row, column).topLeft() + QPointF(3, 3)


@pytest.mark.parametrize("dark", [False, True])
def test_a_cell_has_the_colour_of_its_share_of_the_largest(panel: ActivationsPanel, theme: Theme, dark: bool) -> None:
    theme.choose("dark" if dark else "light")
    limit = VALUES.max()
    for cell in ((0, 1), (0, 2), (1, 3), (2, 1)):
        assert pixel(panel.map.viewport(), corner(panel, *cell)) == colour(float(VALUES[cell] / limit), dark)
    field = DARK["field"] if dark else LIGHT["field"]
    assert pixel(panel.map.viewport(), corner(panel, 1, 1)) == (field.red(), field.green(), field.blue())


def test_quantiles_are_the_colours_while_features_are_ordered_by_them(panel: ActivationsPanel) -> None:
    quantiles = np.where(VALUES > 0, VALUES / 8, np.nan).astype(np.float32)
    panel.show(picture(ranking="quantile", quantiles=quantiles, lacking={}))
    assert pixel(panel.map.viewport(), corner(panel, 0, 1)) == colour(0.5)


def test_a_click_chooses_the_feature_at_the_token_and_a_click_at_its_name_the_feature_alone(
    panel: ActivationsPanel, acts: Acts
) -> None:
    click(panel.map.viewport(), panel.map.places.box(1, 3))
    click(panel.map.viewport(), panel.map.places.box(2, NAME))
    assert acts.done == [("feature.choose", 2, 3), ("feature.choose", 5, None)]


def test_keys_walk_over_the_cells_choose_and_cut(panel: ActivationsPanel, acts: Acts) -> None:
    keys = Qt.Key
    for key in (keys.Key_Down, keys.Key_Down, keys.Key_Right, keys.Key_Right, keys.Key_Right, keys.Key_Right):
        QTest.keyClick(panel.map, key)
    assert panel.map.accessibleDescription().startswith("sae/2 at John at 3 '·and': 3, direct effect +0.250 nats")
    for key in (keys.Key_Right, keys.Key_Return, keys.Key_Up, keys.Key_Up, keys.Key_Space):
        QTest.keyClick(panel.map, key)
    cut = Site(-1, "feature", 7, dictionary="sae")
    assert acts.done == [("feature.choose", 2, 3), ("intervention.toggle", cut)]


def test_what_is_under_the_mouse_is_told_and_else_how_many_features_there_are(panel: ActivationsPanel) -> None:
    assert panel.status.text() == "sae: the 3 strongest of 40 active"
    for cell, said in (
        ((0, 1), "sae/7 at 1 'When': 4, would add +0.250 nats if written at the last token"),
        ((0, 0), "sae/7 at 0 '<bos>': position 0 is left out"),
        ((1, 1), "sae/2 at John at 1 'When': not active"),
        ((0, NAME), "sae/7: at most 4 on this prompt, 8 in the index, direct effect at the last token +0.500 nats"),
    ):
        hover(panel.map.viewport(), panel.map.places.box(*cell))
        assert panel.status.text() == said
    hover(panel.map.viewport(), QPointF(2, 2))
    assert panel.status.text() == "sae: the 3 strongest of 40 active"


def test_an_order_is_asked_for_and_one_that_cannot_be_had_says_why(panel: ActivationsPanel, acts: Acts) -> None:
    click(panel.ranking.button("direct"), QPointF(10, 8))
    assert acts.done == [("features.rank", "direct")]
    assert not panel.ranking.button("quantile").isEnabled()
    assert "Build an index." in panel.ranking.button("quantile").toolTip()


def test_the_chosen_feature_is_scaled_by_dragging_and_tried_on_another_text(
    panel: ActivationsPanel, acts: Acts
) -> None:
    assert panel.chosen.isHidden()
    edit = Intervention(PLACE, "scale", 2.0)
    tried = TriedText(tokens("<bos>", " a", " b"), np.array([0, 0, 3], np.float32))
    panel.show(picture(chosen=chosen(at=1, edit=edit, trying="a b", tried=tried), edited=frozenset({5})))
    assert panel.name_label.text().startswith("sae/5")
    assert pixel(panel.tried.viewport(), panel.tried.token_box(2).topLeft() + QPointF(1, 3)) == colour(0.5)
    hover(panel.tried.viewport(), panel.tried.token_box(2))
    assert panel.status.text() == "2 '·b': 3"
    panel.edit.value.setFocus()
    QTest.keyClick(panel.edit.value, Qt.Key.Key_Right)
    assert acts.done == [("intervention.set", Intervention(PLACE, "scale", 2.1))]
    acts.done.clear()
    panel.text.setFocus()
    panel.text.selectAll()
    QTest.keyClicks(panel.text, "c d")
    QTest.keyClick(panel.text, Qt.Key.Key_Return)
    assert acts.done == [("feature.try", "c d")]


def test_a_text_on_which_it_is_silent_says_so_and_every_line_of_it_is_seen(
    panel: ActivationsPanel, qtbot: QtBot
) -> None:
    words = tuple(f" word{k}" for k in range(30))
    silent = TriedText(tokens(*words), np.zeros(30, np.float32))
    for width in (900, 420):
        panel.window().resize(width, 500)
        panel.show(picture(chosen=chosen(trying="x", tried=silent)))
        qtbot.waitUntil(lambda: panel.tried.height() == panel.tried.sizeHint().height())
        assert panel.silent.isVisible()
        last = panel.tried.token_box(29)
        bar = panel.tried.verticalScrollBar()
        assert last.bottom() - bar.maximum() <= panel.tried.viewport().height()
        assert panel.tried.viewport().height() == panel.tried.height()
        assert last.right() <= panel.tried.viewport().width()


def test_clamping_begins_at_the_largest_activation_in_the_index(panel: ActivationsPanel, acts: Acts) -> None:
    panel.show(picture(chosen=chosen()))
    click(panel.edit.mode.button("clamp"), QPointF(8, 8))
    assert acts.done == [("intervention.set", Intervention(PLACE, "clamp", 6.0))]


def test_a_feature_that_was_chosen_elsewhere_is_scrolled_to(panel: ActivationsPanel) -> None:
    rows = tuple(ActiveFeature(k, "", 1.0, NAN, NAN, NAN) for k in range(200))
    values = np.tile(np.array([[0, 1, 0, 0]], np.float32), (200, 1))
    many = picture(rows=rows, values=values, direct=None, figures=values.max(1))
    panel.show(many)
    panel.show(replace(many, chosen=chosen(150)))
    box = panel.map.places.box(150, NAME)
    assert panel.map.places.head <= box.top() <= panel.map.viewport().height() - ROW


def test_a_long_prompt_is_scrolled_sideways_and_only_what_is_seen_is_painted(panel: ActivationsPanel) -> None:
    words = tuple(f"w{k}" for k in range(300))
    values = np.zeros((3, 300), np.float32)
    values[1, 290] = 2
    panel.show(picture(tokens=tokens(*words), values=values, direct=None))
    assert panel.map.horizontalScrollBar().maximum() > 0
    assert len(panel.map.places.columns_in_view()) < 40
    panel.map.horizontalScrollBar().setValue(panel.map.horizontalScrollBar().maximum())
    assert pixel(panel.map.viewport(), corner(panel, 1, 290)) == colour(1.0)
    hover(panel.map.viewport(), panel.map.places.box(1, 290))
    assert panel.status.text() == "sae/2 at John at 290 'w290': 2"


def test_every_control_says_what_it_is(panel: ActivationsPanel) -> None:
    panel.show(picture(chosen=chosen(), dictionaries=("sae", "other")))
    for control in (panel.map, panel.ranking, panel.dictionary, panel.text, panel.tried):
        assert control.accessibleName()
    assert not panel.dictionary.isHidden()


def test_it_explains_itself_where_there_is_nothing_to_show(panel: ActivationsPanel) -> None:
    panel.dictionary.show()
    panel.explain("Open a dictionary of this model.")
    assert panel.dictionary.isHidden()
    assert panel.sentence == "Open a dictionary of this model."
    assert not panel.ranking.isEnabled()
