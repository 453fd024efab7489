"""What the window does about features: tabs that come to the front, and a menu."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from interpviz.control.actions import Actions
from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core import commands, feature_commands
from interpviz.core.document import PANELS, Document, Prompt
from interpviz.core.feature_requests import Index
from interpviz.core.features import DictionaryFacts, IndexFacts
from interpviz.ui import docks, files
from interpviz.ui.docks import Board
from interpviz.ui.main_window import MainWindow
from interpviz.ui.menus import every_action
from interpviz.ui.panel import Panel
from interpviz.ui.panels.features import FeaturesPanel
from interpviz.ui.theme import Theme
from tests.ui.fakes import CACHE, MODEL, Acts, Work

SAE = DictionaryFacts("sae", "/d/sae", "5a", "standard", CACHE.sites[0], 8, 16)


@pytest.fixture
def store() -> Store:
    return Store(Document(model=MODEL, cache=CACHE, prompt=Prompt("When Mary and")))


@pytest.fixture
def window(acts: Acts, store: Store, theme: Theme, qtbot: QtBot) -> Iterator[MainWindow]:
    made = MainWindow(cast(Actions, acts), store, cast(Scheduler, Work()), theme)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.close()


def trigger(window: MainWindow, name: str) -> None:
    next(action for action in every_action(window.menuBar()) if action.objectName() == name).trigger()


def test_the_feature_that_is_chosen_comes_to_the_front(window: MainWindow, store: Store) -> None:
    def in_front(name: str) -> bool:
        QApplication.processEvents()
        return not window.board.dock(name).visibleRegion().isEmpty()

    index = IndexFacts("i", "/d/i", "1d", "sae", "5a", MODEL.sha256, CACHE.name, CACHE.sha256, 16, 4)
    store.apply(commands.open_dictionary, SAE)
    store.apply(feature_commands.open_index, index)
    assert in_front("features")
    assert not in_front("feature")
    store.apply(feature_commands.choose_feature, 3)
    assert in_front("feature")


def test_the_menu_of_features_opens_builds_and_writes(
    window: MainWindow, store: Store, acts: Acts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ask", lambda *_: ["/d/one.features.h5"])
    monkeypatch.setattr(files, "ask_where", lambda *_: "/d/out")
    for name in ("features.open", "features.export", "features.explanations", "features.build"):
        trigger(window, name)
    assert acts.done == [
        ("index.open", "/d/one.features.h5"),
        ("features.export", "/d/out"),
        ("explanations.open", "/d/one.features.h5"),
    ]
    assert window.notice.label.text() == "Open a dictionary first: its features are what an index is of."
    store.apply(commands.open_dictionary, SAE)
    trigger(window, "features.build")
    assert acts.done[-1] == ("features.index", Index("/d/sae", MODEL.source, CACHE.source))


def test_a_layout_of_before_leaves_new_panels_as_tabs(
    theme: Theme, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def board(*names: str) -> Board:
        made = Board({name: Panel(name, name, "") for name in names}, lambda _: None)
        qtbot.addWidget(made)
        made.resize(1300, 800)
        with qtbot.waitExposed(made):
            made.show()
        return made

    new = docks._TABS
    monkeypatch.setattr(docks, "_TABS", (("outputs", "continuation"), ("circuit", "patching", "paths")))
    before = board(*PANELS[:10]).saveState()
    monkeypatch.setattr(docks, "_TABS", new)
    now = board(*PANELS)
    now.restore(before)
    QApplication.processEvents()
    tabs = {dock.objectName() for dock in now.tabifiedDockWidgets(now.dock("cloud"))}
    assert {"dock-features", "dock-fit", "dock-training"} <= tabs
    assert now.dock("feature") in now.tabifiedDockWidgets(now.dock("circuit"))
    assert not now.dock("cloud").visibleRegion().isEmpty()
    assert now.dock("cloud").height() > 200


def test_jumping_opens_the_table_and_lets_a_number_be_typed(window: MainWindow, acts: Acts) -> None:
    trigger(window, "features.jump")
    QApplication.processEvents()
    assert acts.done == [("panel.show", "features", True)]
    assert not window.board.dock("features").visibleRegion().isEmpty()
    assert window.focusWidget() is cast(FeaturesPanel, window.panels["features"]).jump
