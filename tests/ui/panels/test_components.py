from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from interpviz.core.document import Measure
from interpviz.core.sites import Site
from interpviz.render.colormaps import levels, table
from interpviz.ui.panels.components import ComponentsPanel
from interpviz.ui.theme import colours_of
from tests.ui.conftest import Show, click, pixel, shows
from tests.ui.fakes import Acts, grid


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> ComponentsPanel:
    made = ComponentsPanel(acts)
    on_screen(made, 360, 320)
    made.show(grid())
    return made


def corner(panel: ComponentsPanel, layer: int, column: int) -> QPointF:
    """A place in a cell beside its number."""
    return panel.grid.cell_box((layer, column)).topLeft() + QPointF(8, 8)


@pytest.mark.parametrize("cell", [(0, 0), (0, 3), (1, 0), (1, 2), (1, 3)])
def test_a_cell_has_the_colour_of_its_value(panel: ComponentsPanel, cell: tuple[int, int]) -> None:
    value = grid().values[cell]
    expected = table("PRGn")[levels(np.array([value]), (-1.0, 1.0))[0], :3]
    assert pixel(panel.grid, corner(panel, *cell)) == tuple(expected)


def test_layers_rise_from_the_bottom_and_mlps_stand_apart(panel: ComponentsPanel) -> None:
    boxes = panel.grid.cell_box
    assert boxes((0, 0)).top() > boxes((1, 0)).bottom()
    assert boxes((0, 3)).left() - boxes((0, 2)).right() > boxes((0, 2)).left() - boxes((0, 1)).right() + 4


def test_a_click_cuts_the_component_under_the_mouse(panel: ComponentsPanel, acts: Acts) -> None:
    click(panel.grid, panel.grid.cell_box((1, 2)))
    click(panel.grid, panel.grid.cell_box((0, 3)))
    assert acts.done == [("intervention.toggle", Site(1, "head", 2)), ("intervention.toggle", Site(0, "mlp_out"))]


def test_a_drag_cuts_all_that_it_passes_as_one_step(panel: ComponentsPanel, acts: Acts) -> None:
    boxes = [panel.grid.cell_box((1, column)).center().toPoint() for column in range(3)]
    QTest.mousePress(panel.grid, Qt.MouseButton.LeftButton, pos=boxes[0])
    for place in boxes[1:]:
        QTest.mouseMove(panel.grid, place)
    QTest.mouseRelease(panel.grid, Qt.MouseButton.LeftButton, pos=boxes[2])
    heads = [Site(1, "head", column) for column in range(3)]
    assert acts.done == [("intervention.ablate", tuple(heads[:2])), ("intervention.ablate", tuple(heads))]
    assert acts.merges[0] is not None
    assert len(set(acts.merges)) == 1


def test_a_drag_from_a_cut_component_puts_back(panel: ComponentsPanel, acts: Acts) -> None:
    panel.show(grid(cut=frozenset({Site(1, "head", 0)})))
    boxes = [panel.grid.cell_box((1, column)).center().toPoint() for column in range(2)]
    QTest.mousePress(panel.grid, Qt.MouseButton.LeftButton, pos=boxes[0])
    QTest.mouseMove(panel.grid, boxes[1])
    QTest.mouseRelease(panel.grid, Qt.MouseButton.LeftButton, pos=boxes[1])
    assert acts.done == [("intervention.restore", (Site(1, "head", 0), Site(1, "head", 1)))]


@pytest.mark.parametrize(
    ("button", "keys"),
    [
        (Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier),
        (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier),
    ],
)
def test_right_click_and_control_click_only_select(
    panel: ComponentsPanel, acts: Acts, button: Qt.MouseButton, keys: Qt.KeyboardModifier
) -> None:
    click(panel.grid, panel.grid.cell_box((0, 1)), button, keys)
    assert acts.done == [("selection.set", (Site(0, "head", 1),))]


def test_control_click_adds_to_the_selection(panel: ComponentsPanel, acts: Acts) -> None:
    panel.show(grid(selected=frozenset({Site(1, "mlp_out")})))
    click(panel.grid, panel.grid.cell_box((0, 1)), keys=Qt.KeyboardModifier.ControlModifier)
    assert acts.done == [("selection.set", (Site(0, "head", 1), Site(1, "mlp_out")))]


def test_arrow_keys_walk_and_space_cuts(panel: ComponentsPanel, acts: Acts) -> None:
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Space):
        QTest.keyClick(panel.grid, key)
    selected = [("selection.set", (Site(1, "head", k),)) for k in (0, 1)]
    assert acts.done == [*selected, ("intervention.toggle", Site(1, "head", 1))]


def test_what_is_cut_is_marked_by_a_cross_and_not_by_colour_alone(panel: ComponentsPanel) -> None:
    panel.show(grid(cut=frozenset({Site(1, "head", 1)})))
    box = panel.grid.cell_box((1, 1))
    strokes = [QPointF(x, y) for x in (-6, 0, 6) for y in (-6, 0, 6) if abs(x) == abs(y)]
    assert all(shows(panel.grid, box.center() + stroke, (0xB5, 0x40, 0x0D)) for stroke in strokes)


def test_every_cell_can_be_read_as_text(panel: ComponentsPanel) -> None:
    panel.show(grid(cut=frozenset({Site(0, "head", 0)}), selected=frozenset({Site(1, "mlp_out")})))
    told = panel.accessibleDescription().split("; ")
    assert told[0] == "L0H0: direct -1.000 nats, cut out"
    assert told[-1] == "L1M: direct +0.750 nats, selected"
    assert len(told) == 8
    assert panel.grid.accessibleDescription() == told[-1]


def test_a_value_that_is_missing_is_grey_and_said_to_be(panel: ComponentsPanel) -> None:
    values = grid().values.copy()
    values[0, 1] = np.nan
    panel.show(grid(values=values, done=7 / 8))
    assert pixel(panel.grid, corner(panel, 0, 1)) == (0xE4, 0xE7, 0xEC)
    assert "L0H1: not yet known" in panel.accessibleDescription()


@pytest.mark.parametrize(("layers", "heads"), [(4, 6), (30, 9), (48, 25)])
def test_every_cell_of_a_large_model_can_be_hit(panel: ComponentsPanel, layers: int, heads: int) -> None:
    panel.show(grid(layers, heads))
    cells = [(layer, column) for layer in {0, 1, layers // 2, layers - 1} for column in range(heads + 1)]
    assert [panel.grid.cell_at(panel.grid.cell_box(cell).center()) for cell in cells] == cells


@pytest.mark.parametrize("measure", ["attributed", "ablation"])
def test_the_measure_is_chosen_above_the_grid(panel: ComponentsPanel, acts: Acts, measure: Measure) -> None:
    panel.measure.button(measure).click()
    assert acts.done == [("components.colour", measure)]


@pytest.mark.parametrize(
    ("measure", "told", "tier"),
    [
        ("direct", "L1M: direct +0.750 nats", "straight to the logits"),
        ("attributed", "L1M: attributed +0.750 nats", "first-order estimate"),
        ("ablation", "L1M: cut +0.750 nats", "really cut"),
    ],
)
def test_each_tier_is_called_what_it_is(panel: ComponentsPanel, measure: Measure, told: str, tier: str) -> None:
    panel.show(grid(measure=measure))
    assert panel.grid.told((1, 3)) == told
    assert panel.tier.text() == tier
    assert panel.measure.button(measure).isChecked()


def test_what_is_edited_otherwise_is_ringed_and_keeps_its_number(panel: ComponentsPanel, acts: Acts) -> None:
    panel.show(grid(edited=frozenset({Site(1, "head", 1)})))
    assert panel.grid.told((1, 1)) == "L1H1: direct +0.250 nats, edited"
    box = panel.grid.cell_box((1, 1))
    image = panel.grid.grab().toImage()
    edge = QPoint(round(box.center().x()), round(box.top() + 2))
    assert image.pixelColor(edge).name() == colours_of(panel).edit
    QTest.mouseClick(panel.grid, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    assert acts.done[-1][:2] == ("intervention.toggle", Site(1, "head", 1))


def test_a_selected_feature_has_no_cell_and_moves_no_cursor(panel: ComponentsPanel) -> None:
    panel.show(grid(selected=frozenset({Site(1, "head", 2)})))
    panel.show(grid(selected=frozenset({Site(-1, "feature", 3, dictionary="sae")})))
    assert panel.grid.accessibleDescription().startswith("L1H2")


def test_the_slow_road_is_told_beside_the_tier(panel: ComponentsPanel) -> None:
    assert "slow path" not in panel.tier.text()
    panel.show(grid(slow=True))
    assert panel.tier.text().endswith("· slow path")
