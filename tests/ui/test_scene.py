"""The road with a GPU, here on Mesa's software renderer: the same cloud in the same place, wherever its dock goes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot

from interpviz.render.colormaps import categories
from interpviz.ui.docks import Dock
from interpviz.ui.panels.cloud import BOUNDS, MARGINS, CloudPanel
from interpviz.ui.scene import SceneWidget
from interpviz.ui.views import Views, chosen_road
from tests.ui.conftest import Show, click, pixel
from tests.ui.fakes import Acts, cloud

pytestmark = pytest.mark.slow


@pytest.fixture
def views(qtbot: QtBot) -> Iterator[Views]:
    made = Views("gl", lambda sentence: None)
    yield made
    made.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def nearest(panel: CloudPanel, point: int) -> int:
    """Which of the twelve colours is nearest to the one on the screen at a point."""
    place = panel.place_of(point)
    assert place is not None
    shades = categories(dark=False)[:12, :3].astype(int)
    return int(np.abs(shades - np.array(pixel(panel.view, place))).sum(axis=1).argmin())


def test_the_gpu_draws_each_point_in_its_colour_and_the_mouse_finds_it(
    views: Views, acts: Acts, on_screen: Show, qtbot: QtBot
) -> None:
    panel = CloudPanel(acts, views.make(BOUNDS, MARGINS, True))
    assert isinstance(panel.view, SceneWidget)
    on_screen(panel, 560, 400)
    panel.show(cloud())
    assert [nearest(panel, point) for point in range(4)] == [0, 0, 1, 1]
    place = panel.place_of(2)
    assert place is not None
    click(panel.view, place)
    assert acts.done == [("token.choose", 2)]
    dock = panel.parent()
    assert isinstance(dock, Dock)
    for floating in (True, False):
        dock.setFloating(floating)
        assert [nearest(panel, point) for point in range(4)] == [0, 0, 1, 1]


def test_a_software_renderer_is_not_taken_for_a_gpu(qtbot: QtBot) -> None:
    assert chosen_road("auto") == "cpu"
    assert chosen_road("cpu") == "cpu"
