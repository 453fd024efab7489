"""The board of panels, in windows of several sizes."""

from __future__ import annotations

from itertools import combinations

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QDockWidget, QScrollArea, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from interpviz.ui.docks import Board, TitleBar
from interpviz.ui.panel import Panel, Segments


class Wide(Panel[str]):
    def __init__(self, name: str, *controls: QWidget) -> None:
        super().__init__(name, name.title(), "A panel with controls in its title bar.")
        self.header = list(controls)


def choices(count: int) -> Segments:
    return Segments("Choice", [(str(k), "a choice", "Choose it") for k in range(count)], lambda key: None)


def board(*controls: QWidget) -> Board:
    with_controls = {"maps": list(controls)}
    names = (
        "prompt", "components", "outputs", "continuation", "circuit", "patching", "paths", "feature", "interventions",
        "maps", "activations", "cloud", "features", "fit", "training",
    )  # fmt: skip
    return Board({name: Wide(name, *with_controls.get(name, ())) for name in names}, lambda name: None)


def title_bar(qtbot: QtBot, *controls: QWidget) -> TitleBar:
    dock = QDockWidget()
    bar = TitleBar(dock, Wide("maps", *controls), lambda: None)
    bar.setParent(None)
    for widget in (dock, bar):
        qtbot.addWidget(widget)
    with qtbot.waitExposed(bar):
        bar.show()
    return bar


def boxes(made: Board) -> list[QRect]:
    """Where everything is that is seen: docks in front, and bars of tabs."""
    docks = [
        made.dock(name) for name in ("prompt", "components", "outputs", "circuit", "interventions", "maps", "cloud")
    ]
    bars = [bar for bar in made.findChildren(QTabBar) if bar.isVisible() and bar.x() >= 0]
    return [one.geometry() for one in (*docks, *bars)]


def test_in_a_window_that_is_too_small_nothing_lies_over_another(qtbot: QtBot) -> None:
    made, area = board(choices(4), choices(3)), QScrollArea(widgetResizable=True)
    qtbot.addWidget(area)
    area.setWidget(made)
    with qtbot.waitExposed(area):
        area.resize(1400, 900)
        area.show()
    for size in ((1400, 900), (760, 420)):
        area.resize(*size)
        qtbot.waitUntil(lambda: not any(a.intersects(b) for a, b in combinations(boxes(made), 2)))
        assert all(made.rect().contains(box) for box in boxes(made))


def test_controls_that_do_not_fit_beside_the_title_stand_below_it(qtbot: QtBot) -> None:
    first, second = choices(4), choices(3)
    bar = title_bar(qtbot, first, second)
    bar.resize(bar.sizeHint())
    one_line = bar.sizeHint().height()
    assert first.y() == second.y() < one_line
    bar.resize(bar.sizeHint().width() - 1, one_line)
    assert first.y() == second.y() > one_line / 2
    bar.resize(bar.minimumSizeHint())
    assert second.y() > first.geometry().bottom()
    assert bar.sizeHint().height() > second.geometry().bottom()


def test_a_control_that_is_hidden_takes_no_room(qtbot: QtBot) -> None:
    first, second = choices(4), choices(3)
    second.hide()
    bar = title_bar(qtbot, first, second)
    assert second.isHidden()
    without = bar.sizeHint().width()
    second.show()
    assert bar.sizeHint().width() > without + second.sizeHint().width()
