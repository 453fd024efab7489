"""Recording and importing from the window's menus, and the question before it closes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from interpviz.control.actions import Actions
from interpviz.control.scheduler import Scheduler
from interpviz.control.store import Store
from interpviz.core.document import Document
from interpviz.core.features import DictionaryFacts
from interpviz.core.jobs import Foreign, Holding, Import, OpenModel, Record
from interpviz.core.requests import Request
from interpviz.ui.import_dialog import ImportDialog
from interpviz.ui.main_window import MainWindow
from interpviz.ui.menus import every_action
from interpviz.ui.record_dialog import RecordDialog
from interpviz.ui.theme import Theme
from tests.ui.fakes import CACHE, MODEL, Acts, Work

BOOK = DictionaryFacts("book", "/book", "0", "standard", "blocks.1.hook_resid_post", 8, 100)
RECORD = Record("tiny", ("a.txt",), ("L0R",), "/new.acts")
FOREIGN = Foreign("/data/x.h5", "a group a layer", 3, (Holding("a", (3, 8), "float32", "blocks.0.hook_resid_post"),))


@pytest.fixture
def store() -> Store:
    return Store(Document(MODEL, CACHE, dictionaries=(BOOK,)))


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def window(acts: Acts, work: Work, store: Store, theme: Theme, qtbot: QtBot) -> Iterator[MainWindow]:
    theme.choose("light")
    made = MainWindow(cast(Actions, acts), store, cast(Scheduler, work), theme)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.close()


def trigger(window: MainWindow, name: str) -> QAction:
    action = next(action for action in every_action(window.menuBar()) if action.objectName() == name)
    action.trigger()
    return action


def record_dialog(window: MainWindow) -> RecordDialog:
    trigger(window, "cache.record")
    dialog = window.findChild(RecordDialog)
    assert dialog is not None
    return dialog


def gone(window: MainWindow, kind: type[QWidget], qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.findChild(kind) is None)


def test_the_menu_records_the_open_model_with_what_is_filled_in(window: MainWindow, acts: Acts, tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_bytes(b"some text")
    dialog = record_dialog(window)
    assert [tick.text().split()[0] for tick in dialog.ticks] == ["book"]
    dialog.texts.add([str(text)])
    dialog.sites.setText("L1R")
    dialog.foot.go.click()
    name, job = acts.done[-1]
    assert (name, job.model, job.texts, job.sites) == ("cache.record", MODEL.source, (str(text),), ("L1R",))
    assert job.out == str(tmp_path / "tiny-a.acts")


def test_what_was_filled_in_is_there_the_next_time_even_if_it_was_not_started(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    text = tmp_path / "a.txt"
    text.write_bytes(b"some text")
    dialog = record_dialog(window)
    dialog.texts.add([str(text)])
    dialog.sites.setText("L1R E")
    dialog.ticks[0].click()
    dialog.foot.cancel.click()
    gone(window, RecordDialog, qtbot)
    again = record_dialog(window)
    assert (again.texts.paths, again.sites.text(), again.ticks[0].isChecked()) == ((str(text),), "L1R E", True)
    assert again.place.field.text() == str(tmp_path / "tiny-a.acts")


def test_its_keys_are_free_and_without_a_model_it_says_what_to_do(window: MainWindow, store: Store) -> None:
    keys = [action.shortcut().toString() for action in every_action(window.menuBar())]
    assert keys.count("Ctrl+Shift+R") == 1
    store.replace(Document(cache=CACHE))
    trigger(window, "cache.record")
    assert window.findChild(RecordDialog) is None
    assert window.notice.label.text() == "There is no model to record. Open one first."


def test_import_asks_for_a_file_and_has_it_looked_into(
    window: MainWindow, acts: Acts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for chosen in ("/data/x.h5", "/data/layers.1/0_7.safetensors", "/data/saved/data-00000-of-00001.arrow"):
        monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, chosen=chosen: ([chosen], ""))
        trigger(window, "cache.import")
    assert acts.done == [("foreign.open", path) for path in ("/data/x.h5", "/data/layers.1", "/data/saved")]


def test_what_was_looked_into_is_shown_and_imported(window: MainWindow, acts: Acts) -> None:
    acts.foreign.emit(FOREIGN)
    dialog = window.findChild(ImportDialog)
    assert dialog is not None
    assert dialog.isVisible()
    dialog.foot.go.click()
    assert acts.done == [("cache.import", Import("/data/x.h5", dialog.place.field.text()))]


@pytest.mark.parametrize(("job", "says"), [(RECORD, "A recording is running."), (Import("x", "/y"), "An import is")])
@pytest.mark.parametrize("answer", ["Close", "Keep open"])
def test_closing_asks_where_it_stops_what_writes_a_cache(
    window: MainWindow, work: Work, job: Request, says: str, answer: str
) -> None:
    asked: list[str] = []

    def choose() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        asked.append(box.text())
        next(one for one in box.buttons() if one.text() == answer).click()

    work.jobs = (job,)
    QTimer.singleShot(0, choose)
    window.close()
    work.jobs = ()
    assert window.isVisible() == (answer == "Keep open")
    assert len(asked) == 1
    assert asked[0].startswith(says)
    assert "What is committed stays" in asked[0]


def test_closing_asks_nothing_where_nothing_is_lost(window: MainWindow, work: Work) -> None:
    work.jobs = (OpenModel("tiny"),)
    window.close()
    work.jobs = ()
    assert not window.isVisible()


def test_a_form_of_another_model_is_measured_by_the_open_one(window: MainWindow, store: Store, qtbot: QtBot) -> None:
    dialog = record_dialog(window)
    dialog.sites.setText("L1R")
    dialog.foot.cancel.click()
    gone(window, RecordDialog, qtbot)
    store.replace(Document(replace(MODEL, layers=1, context=8)))
    again = record_dialog(window)
    assert again.said.text().startswith("tiny has no L1R")
    assert again.context.value() == 8
