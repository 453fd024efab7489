from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from interpviz.core.sites import Site
from interpviz.render.curves import point
from interpviz.ui.panels.circuit import BOUNDS, MARGINS, CircuitPanel
from interpviz.ui.panels.scenes import CircuitScene
from interpviz.ui.picture import Pictures, PictureWidget
from tests.ui.conftest import Show, Still, click, hover, pixel, shows
from tests.ui.fakes import Acts, circuit

HEAD, MLP, LOGITS = 1, 2, 3


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> CircuitPanel:
    made = CircuitPanel(acts, Still(BOUNDS, MARGINS, False))
    on_screen(made, 520, 460)
    made.show(circuit())
    return made


def middle_of(panel: CircuitPanel, source: int, target: int) -> QPointF:
    a, b = panel.node_place(source), panel.node_place(target)
    x, y = point(a.x(), a.y(), b.x(), b.y(), 0.5)
    return QPointF(float(x), float(y))


@pytest.mark.slow
def test_an_edge_is_green_where_it_raises_and_purple_where_it_lowers(
    acts: Acts, pictures: Pictures, on_screen: Show, qtbot: QtBot
) -> None:
    panel = CircuitPanel(acts, PictureWidget(pictures, BOUNDS, MARGINS, False))
    on_screen(panel, 520, 460)
    panel.show(circuit())
    qtbot.waitUntil(lambda: panel.view.settled, timeout=60_000)
    red, green, _ = pixel(panel.view, middle_of(panel, 0, HEAD))
    assert green > red
    red, green, blue = pixel(panel.view, middle_of(panel, HEAD, MLP))
    assert green < min(red, blue)


def test_layers_rise_and_tokens_run_from_left_to_right(panel: CircuitPanel) -> None:
    places = [panel.node_place(node) for node in range(4)]
    assert [a.y() > b.y() for a, b in pairwise(places)] == [True] * 3
    assert [a.x() < b.x() for a, b in pairwise(places)] == [True] * 3


def test_a_click_selects_the_component(panel: CircuitPanel, acts: Acts) -> None:
    click(panel.view, panel.node_place(HEAD))
    assert acts.done == [("selection.set", (Site(0, "head", 1),))]


def test_a_double_click_cuts_it(panel: CircuitPanel, acts: Acts) -> None:
    place = panel.node_place(MLP).toPoint()
    QTest.mouseDClick(panel.view, Qt.MouseButton.LeftButton, pos=place)
    assert ("intervention.toggle", Site(1, "mlp_out")) in acts.done


def test_the_logits_are_nothing_that_can_be_cut(panel: CircuitPanel, acts: Acts) -> None:
    QTest.mouseDClick(panel.view, Qt.MouseButton.LeftButton, pos=panel.node_place(LOGITS).toPoint())
    assert not [act for act in acts.done if act[0] == "intervention.toggle"]


def test_page_down_walks_from_node_to_node_and_enter_selects(panel: CircuitPanel, acts: Acts) -> None:
    for key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageDown, Qt.Key.Key_Return, Qt.Key.Key_PageDown, Qt.Key.Key_Space):
        QTest.keyClick(panel.view, key)
    assert acts.done == [("selection.set", (Site(0, "head", 1),)), ("intervention.toggle", Site(1, "mlp_out"))]


def test_escape_clears_the_selection(panel: CircuitPanel, acts: Acts) -> None:
    QTest.keyClick(panel.view, Qt.Key.Key_Escape)
    assert acts.done == [("selection.set", ())]


def test_within_thirty_pixels_a_node_tells_its_edges(panel: CircuitPanel) -> None:
    hover(panel.view, panel.node_place(HEAD) + QPointF(20, 20))
    assert panel.view.accessibleDescription() == ("L0H1 at 1 'When': embed@0 → L0H1@1 +4.000; L0H1@1 → L1M@2 -2.000")
    hover(panel.view, panel.node_place(HEAD) + QPointF(-30, -30))
    assert panel.view.accessibleDescription() == ""


def test_dragging_the_slider_prunes_at_once_and_commits_once(panel: CircuitPanel, acts: Acts) -> None:
    panel.slider.setSliderDown(True)
    panel.slider.setValue(90)  # 4 + 2 of 7
    assert panel.kept == 2
    panel.slider.setValue(60)  # 4 of 7
    assert panel.kept == 1
    assert acts.done == []
    panel.slider.setSliderDown(False)
    assert acts.done == [("circuit.prune", 0.6)]


def test_pruning_leaves_the_nodes_where_they_are(panel: CircuitPanel) -> None:
    before = panel.node_place(HEAD)
    panel.slider.setSliderDown(True)
    panel.slider.setValue(60)
    assert panel.node_place(HEAD) == before


def test_keys_move_the_slider_in_steps_of_their_own(panel: CircuitPanel, acts: Acts) -> None:
    for _ in range(2):
        QTest.keyClick(panel.slider, Qt.Key.Key_Left)
    assert acts.done == [("circuit.prune", 0.99), ("circuit.prune", 0.98)]


def test_what_is_cut_carries_a_cross(panel: CircuitPanel) -> None:
    cut = np.array([False, True, False, False])
    panel.show(replace(circuit(), cut=cut))
    assert shows(panel.view, panel.node_place(HEAD), (0xB5, 0x40, 0x0D))
    assert not shows(panel.view, panel.node_place(MLP), (0xB5, 0x40, 0x0D))


def test_what_is_selected_has_the_colour_of_selections(panel: CircuitPanel) -> None:
    panel.show(replace(circuit(), selected=np.array([False, True, False, False])))
    assert isinstance(panel.view, Still)
    assert isinstance(panel.view.scene, CircuitScene)
    assert panel.view.scene.nodes.fill.tolist()[HEAD] == [0x22, 0x57, 0xC5, 255]


def test_the_strongest_edges_can_be_read_as_text(panel: CircuitPanel) -> None:
    told = panel.accessibleDescription()
    assert told == "3 of 9 edges. embed@0 → L0H1@1 +4.000; L0H1@1 → L1M@2 -2.000; L1M@2 → logits@3 +1.000"


def test_of_hundreds_of_edges_the_strongest_still_differ(panel: CircuitPanel) -> None:
    weight = np.array([8, 4, 2, *[0.01] * 397], np.float32)
    graph = replace(circuit().graph, edges=np.tile([[0, 1], [1, 2]], (200, 1)).astype(np.int32), weight=weight)
    panel.show(replace(circuit(), graph=replace(graph, total=float(weight.sum())), kept=400))
    assert isinstance(panel.view, Still)
    assert isinstance(panel.view.scene, CircuitScene)
    first, second, third = panel.view.scene.edges.width[:3]
    assert first > second > third
