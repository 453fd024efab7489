from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QSlider,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from interpviz.control.actions import Actions
from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core import commands
from interpviz.core.document import PANELS, Document, Prompt
from interpviz.core.features import DictionaryFacts
from interpviz.core.paths import resource
from interpviz.core.sites import Site
from interpviz.ui.main_window import MainWindow
from interpviz.ui.menus import every_action
from interpviz.ui.shortcuts import Shortcuts
from interpviz.ui.theme import Theme
from tests.ui.fakes import CACHE, MODEL, Acts, Work

OPEN = Document(model=MODEL, cache=CACHE, prompt=Prompt("When Mary and"))


@pytest.fixture
def store() -> Store:
    return Store(OPEN)


@pytest.fixture
def window(acts: Acts, store: Store, theme: Theme, qtbot: QtBot) -> Iterator[MainWindow]:
    theme.choose("light")
    made = MainWindow(cast(Actions, acts), store, cast(Scheduler, Work()), theme)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.close()


def menu_action(window: MainWindow, name: str) -> QAction:
    return next(action for action in every_action(window.menuBar()) if action.objectName() == name)


def test_it_holds_every_panel_that_a_document_names(window: MainWindow) -> None:
    assert tuple(window.panels) == PANELS
    assert all(panel.isVisible() for panel in window.panels.values())


@pytest.mark.parametrize("size", [(1400, 900), (1600, 1000)])
def test_at_first_every_panel_has_room_and_none_covers_another(window: MainWindow, size: tuple[int, int]) -> None:
    window.resize(*size)
    QApplication.processEvents()
    docks = {name: window.board.dock(name) for name in PANELS}
    boxes = {name: dock.geometry() for name, dock in docks.items() if not dock.visibleRegion().isEmpty()}
    behind = {"continuation", "patching", "paths", "activations", "features", "feature", "fit", "training"}  # tabs
    assert set(PANELS) - set(boxes) == behind
    assert all(box.width() >= 300 and box.height() >= 130 for box in boxes.values())
    assert not [(a, b) for a in boxes for b in boxes if a < b and boxes[a].intersects(boxes[b])]


def test_an_empty_window_offers_three_ways_to_begin(window: MainWindow, store: Store, acts: Acts) -> None:
    store.replace(Document())
    assert window.welcome.isVisible()
    window.welcome.demo.click()
    assert acts.done == [("session.open", str(resource("demo/session.json")))]
    store.replace(OPEN)
    assert not window.welcome.isVisible()


def test_undo_and_redo_are_offered_where_there_is_something_to_undo(window: MainWindow, store: Store) -> None:
    undo, redo = menu_action(window, "undo"), menu_action(window, "redo")
    assert (undo.isEnabled(), redo.isEnabled()) == (False, False)
    store.apply(commands.toggle_intervention, Site(0, "head", 1))
    assert (undo.isEnabled(), redo.isEnabled()) == (True, False)
    store.undo()
    assert (undo.isEnabled(), redo.isEnabled()) == (False, True)


def test_control_z_undoes(window: MainWindow, store: Store, acts: Acts, qtbot: QtBot) -> None:
    store.apply(commands.toggle_intervention, Site(0, "head", 1))
    with qtbot.waitActive(window):
        window.activateWindow()
    window.panels["components"].setFocus()
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert acts.done == [("edit.undo",)]


def test_a_star_marks_what_was_changed_since_it_was_opened(window: MainWindow, store: Store, acts: Acts) -> None:
    acts.opened.emit("tiny")
    assert window.windowTitle() == "tiny – interpviz[*]"
    assert not window.isWindowModified()
    store.apply(commands.toggle_intervention, Site(0, "head", 1))
    assert window.isWindowModified()
    store.undo()
    assert not window.isWindowModified()


def test_saving_in_the_background_keeps_the_star(window: MainWindow, store: Store, acts: Acts) -> None:
    acts.opened.emit("tiny")
    store.apply(commands.toggle_intervention, Site(0, "head", 1))
    acts.saved.emit("/somewhere/else.json")
    assert window.isWindowModified()


def test_files_dropped_anywhere_are_opened(window: MainWindow, acts: Acts) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/data/model.gguf"), QUrl("https://example.org/x")])
    none = Qt.KeyboardModifier.NoModifier
    drop = QDropEvent(QPointF(40, 40), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, none)
    window.dropEvent(drop)
    assert acts.done == [("paths.open", ["/data/model.gguf"])]


@pytest.mark.parametrize(
    ("entry", "file", "act"),
    [
        ("open.model", "demo/config.json", "model.open"),
        ("open.cache", "demo/manifest.jsonl", "cache.open"),
        ("open.dictionary", "demo/cfg.json", "dictionary.open"),
        ("open.dictionary", "demo/sae_weights.safetensors", "dictionary.open"),
    ],
)
def test_a_file_that_is_picked_in_a_folder_opens_the_folder(
    window: MainWindow, acts: Acts, entry: str, file: str, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[str] = []

    def pick(parent: QWidget, title: str, folder: str, kinds: str) -> tuple[list[str], str]:
        offered.append(kinds)
        return [f"/data/{file}"], kinds

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", pick)
    menu_action(window, entry).trigger()
    assert acts.done == [(act, "/data/demo")]
    assert Path(file).suffix in offered[0]
    menu_action(window, "open").trigger()
    assert acts.done[-1] == ("paths.open", ["/data/demo"])
    assert Path(file).suffix in offered[1]


def test_closing_a_panel_is_an_act_and_the_document_decides(window: MainWindow, store: Store, acts: Acts) -> None:
    bar = window.board.dock("maps").titleBarWidget()
    close = next(b for b in bar.findChildren(QAbstractButton) if b.accessibleName() == "Close Maps")
    close.click()
    assert acts.done == [("panel.show", "maps", False)]
    store.apply(commands.show_panel, "maps", False)
    assert not window.panels["maps"].isVisible()
    assert not menu_action(window, "panel.maps").isChecked()
    menu_action(window, "panel.maps").trigger()
    assert acts.done[-1] == ("panel.show", "maps", True)


def test_a_layout_is_kept_as_text_and_nonsense_is_passed_over(window: MainWindow) -> None:
    kept = window.layout_text()
    window.board.dock("cloud").setFloating(True)
    window.restore_layout(kept)
    assert not window.board.dock("cloud").isFloating()
    for nonsense in ("", "no base64 *", "AAAA BBBB"):
        window.restore_layout(nonsense)
    assert all(panel.isVisible() for panel in window.panels.values())


def test_reset_brings_floating_panels_home(window: MainWindow) -> None:
    window.board.dock("outputs").setFloating(True)
    menu_action(window, "layout.reset").trigger()
    assert not window.board.dock("outputs").isFloating()
    assert window.panels["outputs"].isVisible()


def test_the_palette_finds_an_act_by_a_few_letters(window: MainWindow, acts: Acts, store: Store) -> None:
    store.apply(commands.toggle_intervention, Site(0, "head", 1))
    window.open_palette()
    QTest.keyClicks(window.palette_list.field, "clear int")
    assert window.palette_list.list.count() == 1
    QTest.keyClick(window.palette_list.field, Qt.Key.Key_Return)
    assert acts.done == [("intervention.clear",)]
    assert not window.palette_list.isVisible()


def test_keys_and_gestures_are_listed_and_fit_on_a_small_screen(window: MainWindow) -> None:
    window.open_shortcuts()
    listed = window.findChild(Shortcuts)
    assert listed is not None
    texts = {label.text() for label in listed.findChildren(QLabel)}
    assert {"Ctrl+O", "Interventions: drag a value, or arrow keys", "Clear interventions"} <= texts
    assert listed.sizeHint().width() <= 1280
    assert listed.sizeHint().height() <= 720
    listed.close()


def test_recent_files_that_are_gone_are_grey(window: MainWindow, acts: Acts, tmp_path: Path) -> None:
    there = tmp_path / "a & b.gguf"
    there.touch()
    window.show_recent([str(there), str(tmp_path / "gone"), "demo", *(f"name{k}" for k in range(20))])
    recent = next(menu for menu in window.findChildren(QMenu) if menu.title() == "Recent")
    assert [action.isEnabled() for action in recent.actions()] == [True, False, *[True] * 8]
    recent.actions()[0].trigger()
    assert acts.done == [("paths.open", [str(there)])]


def test_a_problem_is_said_in_the_notice_bar(window: MainWindow, acts: Acts) -> None:
    acts.problem.emit("' Maryland' is <b>two</b> tokens. Choose one.")
    assert window.notice.isVisible()
    assert window.notice.label.text() == "' Maryland' is <b>two</b> tokens. Choose one."
    assert window.notice.label.textFormat() == Qt.TextFormat.PlainText


def test_the_theme_turns_with_its_keys(window: MainWindow) -> None:
    menu_action(window, "theme.turn").trigger()
    assert window.theme.colours.dark
    assert window.grab().toImage().pixelColor(QPoint(3, 200)).lightness() < 60
    window.theme.choose("light")


def test_every_control_has_a_name_and_a_tool_tip(window: MainWindow) -> None:
    kinds: tuple[type[QWidget], ...] = (QAbstractButton, QLineEdit, QComboBox, QSlider)
    every = (one for kind in kinds for one in window.findChildren(kind) if not one.objectName().startswith("qt_"))
    controls = [one for one in every if not isinstance(one.parent(), QTabBar)]  # the arrows of tabs are Qt's own
    assert len(controls) > 20
    assert [repr(one) for one in controls if not one.accessibleName()] == []
    buttons = [one for one in controls if isinstance(one, QAbstractButton | QComboBox | QSlider)]
    assert [one.accessibleName() for one in buttons if not one.toolTip()] == []


def test_tab_reaches_every_panel(window: MainWindow) -> None:
    reached, seen = set(), set()
    window.panels["prompt"].findChildren(QLineEdit)[0].setFocus()
    for panel in window.panels.values():
        panel.reveal()
    focused = window.focusWidget()
    while focused is not None and focused not in seen:
        seen.add(focused)
        reached |= {name for name, panel in window.panels.items() if panel.isAncestorOf(focused)}
        window.focusNextChild()
        focused = window.focusWidget()
    assert reached == set(PANELS)


def test_what_is_open_stands_in_the_status_bar(window: MainWindow, store: Store) -> None:
    book = DictionaryFacts("book", "/book", "0", "standard", "blocks.1.hook_resid_post", 8, 24_576)
    store.apply(commands.open_dictionary, book)
    texts = [label.text() for label in window.tasks.findChildren(QWidget) if hasattr(label, "text")]
    assert "tiny: 2 layers, 3 heads, width 8  ·  tiny.acts: 4 tokens  ·  book: 24,576 features" in texts


def test_many_dictionaries_leave_the_window_as_narrow_as_it_may_be(window: MainWindow, store: Store) -> None:
    for number in range(20):
        name = f"a dictionary with a long name {number}"
        store.apply(commands.open_dictionary, DictionaryFacts(name, "/a", "0", "standard", "hook_embed", 8, 100))
    window.resize(720, 520)
    QApplication.processEvents()
    assert (window.width(), window.height()) == (720, 520)
