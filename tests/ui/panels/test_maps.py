from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from interpviz.core.results import FeatureMap
from interpviz.core.sites import Site
from interpviz.render.colormaps import levels, table
from interpviz.ui.panels.heat import HeatMap
from interpviz.ui.panels.maps import MapsPanel
from tests.ui.conftest import Show, hover, pixel
from tests.ui.fakes import WORDS, maps


@pytest.fixture
def panel(on_screen: Show) -> MapsPanel:
    made = MapsPanel()
    on_screen(made, 560, 340)
    made.show(maps())
    return made


def colour_of(shown: FeatureMap, row: int, column: int) -> tuple[int, ...]:
    return tuple(table("viridis")[levels(shown.values[[row], column], shown.limits)[0], :3].tolist())


@pytest.mark.parametrize("cell", [(row, column) for row in range(4) for column in range(4)])
def test_a_cell_of_the_pattern_has_the_colour_of_its_attention(panel: MapsPanel, cell: tuple[int, int]) -> None:
    shown = maps().pattern
    assert shown is not None
    assert pixel(panel.pattern, panel.pattern.cell_box(*cell)) == colour_of(shown, *cell)


@pytest.mark.parametrize("cell", [(0, 0), (0, 3), (1, 0), (1, 3)])
def test_a_cell_of_the_norms_has_the_colour_of_the_logarithm_of_its_norm(
    panel: MapsPanel, cell: tuple[int, int]
) -> None:
    shown = maps().norms
    assert shown is not None
    low, high = (math.log(limit) for limit in shown.limits)
    scaled = replace(shown, values=np.log(shown.values), limits=(low, high))
    assert pixel(panel.norms, panel.norms.cell_box(*cell)) == colour_of(scaled, *cell)


def test_cells_of_the_pattern_are_square_and_crisp(panel: MapsPanel) -> None:
    box = panel.pattern.cell_box(2, 1)
    assert box.width() == pytest.approx(box.height())
    inner = box.adjusted(2, 2, -2, -2)
    shown = maps().pattern
    assert shown is not None
    corners = (inner.topLeft(), inner.topRight(), inner.bottomLeft(), inner.bottomRight())
    assert {pixel(panel.pattern, corner) for corner in corners} == {colour_of(shown, 2, 1)}


def test_the_cell_under_the_mouse_is_told_with_its_tokens(panel: MapsPanel) -> None:
    hover(panel.pattern, panel.pattern.cell_box(3, 1))
    assert panel.pattern.accessibleDescription() == "q 3 '·and' → k 1 'When'  0.867"
    hover(panel.norms, panel.norms.cell_box(1, 2))
    assert panel.norms.accessibleDescription() == "L0M at 2 '·Mary'  norm 7.000"


def test_arrow_keys_read_cell_by_cell(panel: MapsPanel) -> None:
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right):
        QTest.keyClick(panel.norms, key)
    assert panel.norms.accessibleDescription() == "L0M at 2 '·Mary'  norm 7.000"


def test_the_titles_name_the_head_and_the_source(panel: MapsPanel) -> None:
    assert panel.pattern.accessibleName().startswith(str(Site(1, "head", 2)))
    assert panel.norms.accessibleName().endswith("clean run")


def test_missing_values_have_a_colour_of_their_own(panel: MapsPanel) -> None:
    values = np.array([[np.nan, 1], [np.inf, 0]], np.float32)
    panel.pattern.show_map(FeatureMap(values, (0, 1), WORDS[:2], WORDS[:2]), "Attention")
    assert pixel(panel.pattern, panel.pattern.cell_box(0, 0)) == (0xE4, 0xE7, 0xEC)
    assert pixel(panel.pattern, panel.pattern.cell_box(1, 0)) == (0xE4, 0xE7, 0xEC)


@pytest.mark.slow
def test_labels_on_a_long_axis_do_not_cover_each_other(on_screen: Show) -> None:
    view = HeatMap("Norms", lambda row, column, value: f"{value}", "norm")
    on_screen(view, 300, 200)
    words = tuple(f"w{k}" for k in range(500))
    view.show_map(FeatureMap(np.zeros((500, 500), np.float32), (0, 1), words, words), "Long")
    assert not view.grab().isNull()
    assert view.cell_at(view.cell_box(499, 499).center()) == (499, 499)
