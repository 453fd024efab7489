from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from interpviz.core.results import Cloud
from interpviz.render.colormaps import categories
from interpviz.ui.panels.cloud import BOUNDS, MARGINS, CloudPanel
from interpviz.ui.picture import Pictures, PictureWidget
from tests.ui.conftest import Show, Still, click, hover, pixel, shows
from tests.ui.fakes import Acts, cloud


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> CloudPanel:
    made = CloudPanel(acts, Still(BOUNDS, MARGINS))
    on_screen(made, 560, 400)
    made.show(cloud())
    return made


def place(panel: CloudPanel, point: int) -> QPointF:
    found = panel.place_of(point)
    assert found is not None
    return found


@pytest.mark.slow
def test_a_point_has_the_colour_of_its_document(acts: Acts, pictures: Pictures, on_screen: Show, qtbot: QtBot) -> None:
    panel = CloudPanel(acts, PictureWidget(pictures, BOUNDS, MARGINS))
    on_screen(panel, 560, 400)
    panel.show(cloud())
    qtbot.waitUntil(lambda: panel.view.settled, timeout=60_000)
    shades = categories(dark=False)[:12, :3].astype(int)
    seen = [np.array(pixel(panel.view, place(panel, point))) for point in range(4)]
    assert [int(np.abs(shades - one).sum(axis=1).argmin()) for one in seen] == [0, 0, 1, 1]


def test_a_click_makes_the_context_of_that_token_the_prompt(panel: CloudPanel, acts: Acts) -> None:
    click(panel.view, place(panel, 2))
    assert acts.done == [("token.choose", 2)]


def test_a_click_beside_the_points_does_nothing(panel: CloudPanel, acts: Acts) -> None:
    click(panel.view, QPointF(panel.view.width() / 2, panel.view.height() / 2))
    assert acts.done == []


def test_the_row_of_the_cache_counts_and_not_the_place_in_the_cloud(panel: CloudPanel, acts: Acts) -> None:
    xy = cloud().cloud.xy
    panel.show(cloud(cloud=Cloud(xy, np.array([3, 2, 1, 0], np.int32), None, "pca")))
    click(panel.view, place(panel, 0))
    assert acts.done == [("token.choose", 3)]


def test_the_mouse_over_a_point_reads_its_token_in_its_context(panel: CloudPanel) -> None:
    hover(panel.view, place(panel, 3))
    assert panel.view.accessibleDescription() == "<bos>·Mary (document 1 · position 1 · token 3)"
    assert panel.context_of(3)[1] == (5, 10)


def test_page_down_and_enter_choose_without_a_mouse(panel: CloudPanel, acts: Acts) -> None:
    for key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageDown, Qt.Key.Key_Return):
        QTest.keyClick(panel.view, key)
    assert acts.done == [("token.choose", 1)]


def test_the_chosen_token_is_ringed(panel: CloudPanel) -> None:
    panel.show(cloud(chosen=1))
    ring = place(panel, 1) + QPointF(8.5, 0)
    assert shows(panel.view, ring, (0x22, 0x57, 0xC5))


def test_the_wheel_magnifies_what_lies_under_the_mouse(panel: CloudPanel) -> None:
    before = place(panel, 3)
    panel.view.zoom(3.0, before)
    assert place(panel, 3).x() == pytest.approx(before.x(), abs=0.1)
    assert place(panel, 0).x() < 0
    panel.view.reset()
    assert place(panel, 3).x() == pytest.approx(before.x(), abs=0.1)


def test_projection_colour_and_site_are_chosen_above_the_cloud(panel: CloudPanel, acts: Acts) -> None:
    panel.method.button("umap").click()
    panel.colour.button("position").click()
    panel.site.activated.emit(0)
    assert acts.done == [
        ("cloud.show", "", "umap"),
        ("cloud.colour", "position"),
        ("cloud.show", "blocks.0.hook_resid_post", None),
    ]


def test_a_cache_of_another_model_is_announced(panel: CloudPanel) -> None:
    panel.show(cloud(banner="Recorded from another: shown as it is, apart from the model."))
    assert panel.problem == "Recorded from another: shown as it is, apart from the model."


def test_a_site_without_a_short_name_fits_the_header_and_says_its_layer(panel: CloudPanel) -> None:
    sites = ("blocks.12.ln2.hook_out", "blocks.3.hook_resid_post", "hook_pos_embed")
    panel.show(cloud(site=sites[0], sites=sites))
    assert [panel.site.itemText(k) for k in range(3)] == ["L12 ln2.out", "L3R", "hook_pos_embed"]
    assert panel.site.itemData(0, Qt.ItemDataRole.ToolTipRole) == "<qt>blocks.12.ln2.hook_out</qt>"
    assert panel.site.width() <= 96
