"""The form of a recording, filled in with keys, mouse and drops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from interpviz.control.recording import Form
from interpviz.core.document import ModelFacts
from interpviz.core.features import DictionaryFacts
from interpviz.core.jobs import Record
from interpviz.ui.record_dialog import RecordDialog, first_form
from interpviz.ui.theme import Theme

MODEL = ModelFacts("toy", "/models/toy", "aa", 2, 4, 4, 64, 256, 50, 96)
BOOK = DictionaryFacts("book", "/books/book", "0", "standard", "blocks.1.hook_resid_post", 64, 100)

Open = Callable[..., RecordDialog]


@pytest.fixture
def started() -> list[Record]:
    return []


@pytest.fixture
def opened(qtbot: QtBot, theme: Theme, started: list[Record], tmp_path: Path) -> Open:
    theme.choose("light")
    parent = QWidget()
    qtbot.addWidget(parent)

    def open_dialog(
        form: Form | None = None, model: ModelFacts = MODEL, books: tuple[DictionaryFacts, ...] = (BOOK,)
    ) -> RecordDialog:
        dialog = RecordDialog(form or first_form(model), model, books, str(tmp_path), started.append, parent)
        with qtbot.waitExposed(dialog):
            dialog.open()
        return dialog

    return open_dialog


@pytest.fixture
def text(tmp_path: Path) -> str:
    made = tmp_path / "corpus.txt"
    made.write_bytes(b"a" * 4000)
    return str(made)


def test_it_starts_empty_and_says_what_comes_first(opened: Open) -> None:
    dialog = opened()
    assert dialog.foot.missing.text() == "Add the texts to run the model over."
    assert not dialog.foot.go.isEnabled()
    assert (dialog.context.value(), dialog.tokens.text(), dialog.stored.key) == (96, "all of the text", "float16")
    assert not dialog.kept.isEnabled()


def test_a_form_that_is_filled_in_starts_the_job_and_closes(opened: Open, started: list[Record], text: str) -> None:
    dialog = opened()
    dialog.texts.add([text])
    QTest.keyClicks(dialog.sites, "L0R L1M")
    dialog.ticks[0].click()
    dialog.kept.setValue(8)
    dialog.workers.setValue(1)
    assert dialog.foot.missing.text() == ""
    assert dialog.said.text() == "2 activations a token"
    dialog.foot.go.click()
    place = str(Path(text).parent / "toy-corpus.acts")
    books = ("/books/book",)
    assert started == [Record("/models/toy", (text,), ("L0R", "L1M"), place, None, 96, "float16", books, 8, 1)]
    assert not dialog.isVisible()


def test_escape_closes_it_and_starts_nothing(opened: Open, started: list[Record], text: str) -> None:
    dialog = opened(replace(first_form(MODEL), texts=(text,), sites="L0R"))
    assert dialog.foot.go.isEnabled()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert (dialog.isVisible(), started) == (False, [])


def test_enter_in_a_field_starts_nothing(opened: Open, started: list[Record], text: str) -> None:
    dialog = opened(replace(first_form(MODEL), texts=(text,), sites="L0R"))
    QTest.keyClick(dialog.place.field, Qt.Key.Key_Return)
    assert (dialog.isVisible(), started) == (True, [])


def test_a_site_that_the_model_has_not_is_said_beneath_the_line_while_it_is_typed(opened: Open, text: str) -> None:
    dialog = opened(replace(first_form(MODEL), texts=(text,)))
    QTest.keyClicks(dialog.sites, "L0R L7R")
    assert dialog.said.text() == "toy has no L7R: it has layers 0 to 1, heads 0 to 3. Choose a site inside that."
    assert dialog.said.property("role") == "wrong"
    assert dialog.foot.missing.text() == "Correct the sites."
    dialog.sites.setText("L0R")
    assert dialog.said.property("role") == "muted"
    assert dialog.foot.go.isEnabled()


def test_quick_buttons_add_the_sites_of_a_kind_once(opened: Open) -> None:
    dialog = opened()
    dialog.sites.setText("L1R")
    for button in (dialog.quick[0], dialog.quick[0], dialog.quick[2]):
        button.click()
    assert dialog.sites.text() == "L1R L0R- L0R L0M L1M"
    assert len(opened(model=replace(MODEL, d_mlp=0)).quick) == 2


def test_the_word_that_is_typed_is_completed(opened: Open) -> None:
    dialog = opened()
    QTest.keyClicks(dialog.sites, "L0R l1")
    listed = dialog.sites.completer_list
    assert listed.isVisible()
    QTest.keyClick(listed, Qt.Key.Key_Down)
    QTest.keyClick(listed, Qt.Key.Key_Return)
    assert dialog.sites.text() == "L0R L1R"
    assert dialog.isVisible()


def test_a_word_in_the_middle_of_the_line_is_completed_where_it_stands(opened: Open) -> None:
    dialog = opened()
    dialog.sites.setText("L0R, L1M")
    dialog.sites.setCursorPosition(4)
    QTest.keyClicks(dialog.sites, "l1r")
    QTest.keyClick(dialog.sites.completer_list, Qt.Key.Key_Down)
    QTest.keyClick(dialog.sites.completer_list, Qt.Key.Key_Return)
    assert (dialog.sites.text(), dialog.sites.cursorPosition()) == ("L0R,L1R L1M", 7)


def test_files_that_fall_on_it_are_listed_once_and_removed_with_a_key(opened: Open, text: str) -> None:
    dialog = opened()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(text), QUrl.fromLocalFile(text), QUrl("https://example.org/x")])
    none = Qt.KeyboardModifier.NoModifier
    dialog.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, none))
    assert list(dialog.texts.paths) == [text]
    assert dialog.texts.item(0).text().startswith("corpus.txt  ·  4.0 kB  ·  ")
    dialog.texts.setCurrentRow(0)
    QTest.keyClick(dialog.texts, Qt.Key.Key_Delete)
    assert list(dialog.texts.paths) == []
    assert dialog.foot.missing.text().startswith("Add the texts")


def test_add_files_asks_for_texts(opened: Open, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = opened()
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([text], ""))
    dialog.add.click()
    assert dialog.texts.paths == (text,)


def test_the_place_follows_the_text_until_one_is_typed(opened: Open, text: str, tmp_path: Path) -> None:
    dialog = opened()
    assert dialog.place.field.text() == str(tmp_path / "toy.acts")
    dialog.texts.add([text])
    assert dialog.place.field.text() == str(tmp_path / "toy-corpus.acts")
    dialog.place.field.selectAll()
    QTest.keyClicks(dialog.place.field, str(tmp_path / "own.acts"))
    dialog.texts.selectAll()
    dialog.remove.click()
    assert dialog.place.field.text() == str(tmp_path / "own.acts")
    assert dialog.form.out == str(tmp_path / "own.acts")


def test_a_cache_that_is_there_is_pointed_out_and_can_be_gone_on_with(opened: Open, text: str, tmp_path: Path) -> None:
    (tmp_path / "toy-corpus.acts").mkdir()
    (tmp_path / "toy-corpus.acts" / "manifest.jsonl").touch()
    dialog = opened(replace(first_form(MODEL), texts=(text,), sites="L0R"))
    assert dialog.foot.missing.text().startswith("A cache is there already.")
    assert dialog.foot.go.isEnabled()


def test_room_is_told_and_coloured_where_it_does_not_reach(opened: Open, text: str) -> None:
    dialog = opened(replace(first_form(MODEL), texts=(text,)))
    assert dialog.takes.text() == "How much room it takes shows here."
    dialog.sites.setText("L0R")
    assert dialog.takes.text().startswith("about 140 kB at 140 bytes a token; ")
    assert dialog.takes.property("role") == "muted"
    huge = replace(MODEL, d_model=10**8)
    short = opened(replace(first_form(huge), texts=(text,), sites="L0R", tokens=2 * 10**9), huge)
    assert "too little" in short.takes.text()
    assert short.takes.property("role") == "wrong"


def test_what_was_filled_in_is_given_back_for_the_next_time(opened: Open, text: str) -> None:
    form = Form((text,), "L1A", ("book",), 9, 5000, 32, "bfloat16", 1, "")
    assert opened(form).form == form


def test_without_dictionaries_it_says_how_to_have_some(opened: Open) -> None:
    dialog = opened(books=())
    assert any("Open a dictionary first" in label.text() for label in dialog.findChildren(QLabel))
    assert not dialog.kept.isVisible()


def test_many_dictionaries_scroll_and_strange_names_stay_text(opened: Open) -> None:
    books = tuple(replace(BOOK, name=f"<b>{number}</b>\u202e") for number in range(30))
    dialog = opened(books=books)
    assert dialog.height() < 800
    assert "<b>0</b><202E>" in dialog.ticks[0].text()
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in dialog.findChildren(QLabel))


def test_every_control_has_a_name_and_tab_walks_from_top_to_bottom(opened: Open, text: str) -> None:
    dialog = opened(replace(first_form(MODEL), texts=(text,), sites="L0R", dictionaries=("book",)))
    kinds = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QListWidget)
    controls = [one for kind in kinds for one in dialog.findChildren(kind) if not one.objectName().startswith("qt_")]
    assert [repr(one) for one in controls if not one.accessibleName()] == []
    dialog.texts.setFocus()
    walked: list[QWidget] = []
    while (focused := QApplication.focusWidget()) is not None and focused not in walked:
        walked.append(focused)
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    heights = [one.mapTo(dialog, one.rect().topLeft()).y() for one in walked]
    assert heights == sorted(heights)
    assert {dialog.texts, dialog.sites, dialog.ticks[0], dialog.place.field, dialog.foot.go} <= set(walked)
