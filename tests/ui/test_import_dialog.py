"""The form of an import: each array is given what it becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from interpviz.core.document import ModelFacts
from interpviz.core.jobs import Foreign, Holding, Import
from interpviz.ui.import_dialog import BECOMES, ImportDialog
from interpviz.ui.theme import Theme
from tests.ui.fakes import MODEL

LAYER = Holding("layer_0/targets", (10, 8), "float32", "blocks.0.hook_mlp_out")
IDS = Holding("token_ids", (10,), "int64", "tokens")
ODD = Holding("<b>mystery</b>\u202e", (10, 4, 2), "float16", "")
KNOWN = Foreign("/data/chunk.h5", "one group a layer", 12_345, (LAYER, IDS))

Open = Callable[..., ImportDialog]


@pytest.fixture
def started() -> list[Import]:
    return []


@pytest.fixture
def opened(qtbot: QtBot, theme: Theme, started: list[Import], tmp_path: Path) -> Open:
    theme.choose("light")
    parent = QWidget()
    qtbot.addWidget(parent)

    def open_dialog(foreign: Foreign = KNOWN, model: ModelFacts | None = MODEL) -> ImportDialog:
        dialog = ImportDialog(foreign, model, str(tmp_path), started.append, parent)
        with qtbot.waitExposed(dialog):
            dialog.open()
        return dialog

    return open_dialog


def told(dialog: ImportDialog, row: int) -> tuple[str, ...]:
    items = (dialog.table.item(row, column) for column in range(3))
    return tuple(item.text() for item in items if item is not None)


def edited(dialog: ImportDialog, row: int) -> QLineEdit:
    """The field that a click on what a row becomes opens."""
    place = dialog.table.visualRect(dialog.table.model().index(row, BECOMES)).center()
    QTest.mouseClick(dialog.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    found = dialog.table.findChild(QComboBox)
    assert found is not None
    field = found.lineEdit()
    assert field is not None
    return field


def write(dialog: ImportDialog, row: int, name: str) -> None:
    item = dialog.table.item(row, BECOMES)
    assert item is not None
    item.setText(name)


def test_a_known_layout_can_be_imported_at_once(opened: Open, started: list[Import], tmp_path: Path) -> None:
    dialog = opened()
    texts = {label.text() for label in dialog.findChildren(QLabel)}
    assert {"chunk.h5  (/data)", "one group a layer", "12,345"} <= texts
    assert told(dialog, 0) == ("layer_0/targets", "10 × 8", "float32")
    assert dialog.names == ("blocks.0.hook_mlp_out", "tokens")
    dialog.foot.go.click()
    assert started == [Import("/data/chunk.h5", str(tmp_path / "chunk.acts"))]
    assert not dialog.isVisible()


def test_a_stranger_array_is_given_a_name_by_hand(opened: Open, started: list[Import], tmp_path: Path) -> None:
    dialog = opened(replace(KNOWN, holdings=(ODD, IDS)))
    assert told(dialog, 0) == ("<b>mystery</b><202E>", "10 × 4 × 2", "float16")
    assert dialog.foot.missing.text() == "Say of one array at least which activation it holds, such as L0R."
    assert dialog.takes.text() == "How much room it takes shows here."
    field = edited(dialog, 0)
    QTest.keyClicks(field, "L1H")
    assert dialog.takes.text().startswith("about 160 bytes; ")
    dialog.foot.go.click()
    mapping = ((ODD.name, "blocks.1.attn.hook_z"), ("token_ids", "tokens"))
    assert started == [Import("/data/chunk.h5", str(tmp_path / "chunk.acts"), mapping)]


def test_a_name_that_is_given_twice_or_is_none_keeps_it_from_starting(opened: Open, started: list[Import]) -> None:
    dialog = opened(replace(KNOWN, holdings=(LAYER, ODD)))
    for name, says in (("L0M", "would both become blocks.0.hook_mlp_out"), ("nonsense", "names no activation")):
        write(dialog, 1, name)
        assert says in dialog.foot.missing.text()
        assert not dialog.foot.go.isEnabled()
    dialog.accept()
    assert (dialog.isVisible(), started) == (True, [])


@pytest.mark.parametrize(("model", "last"), [(MODEL, "blocks.1.attn.hook_z"), (None, "tokens")])
def test_the_hook_names_of_the_open_model_are_offered(opened: Open, model: ModelFacts | None, last: str) -> None:
    box = edited(opened(model=model), 0).parentWidget()
    assert isinstance(box, QComboBox)
    assert box.itemText(box.count() - 1) == last


def test_a_row_is_edited_by_keys_alone_and_escape_leaves_only_the_field(opened: Open) -> None:
    dialog = opened(replace(KNOWN, holdings=(LAYER, ODD)))
    dialog.table.setFocus()
    QTest.keyClick(dialog.table, Qt.Key.Key_Down)
    QTest.keyClick(dialog.table, Qt.Key.Key_F2)
    field = QApplication.focusWidget()
    assert field is not None
    assert field.accessibleName() == "What <b>mystery</b><202E> becomes"
    QTest.keyClicks(field, "L1R")
    assert dialog.names == ("blocks.0.hook_mlp_out", "L1R")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert dialog.isVisible()


def test_how_uint16_is_read_is_said_and_the_layout_is_not_cut(opened: Open) -> None:
    bits = Holding("layer_3", (10, 8), "uint16", "")
    long = "rows are shuffled, and some versions shuffle every layer on its own " * 4
    dialog = opened(replace(KNOWN, holdings=(bits, IDS), layout=long))
    told = next(label for label in dialog.findChildren(QLabel) if label.text() == long)
    assert told.height() >= 3 * told.fontMetrics().lineSpacing()
    assert any("uint16 is read as the bits of bfloat16" in label.text() for label in dialog.findChildren(QLabel))
    assert not any("uint16 is read" in label.text() for label in opened().findChildren(QLabel))


def test_a_file_of_nothing_says_so(opened: Open) -> None:
    assert "There is no array in chunk.h5" in opened(replace(KNOWN, holdings=())).foot.missing.text()


def test_escape_closes_it_and_starts_nothing(opened: Open, started: list[Import]) -> None:
    dialog = opened()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert (dialog.isVisible(), started) == (False, [])


def test_every_control_has_a_name_and_text_is_never_markup(opened: Open) -> None:
    dialog = opened(replace(KNOWN, layout="<b>odd</b>", holdings=(LAYER, ODD)))
    edited(dialog, 1)
    kinds = (QAbstractButton, QLineEdit, QComboBox)
    controls = [one for kind in kinds for one in dialog.findChildren(kind) if not one.objectName().startswith("qt_")]
    assert len(controls) >= 6
    assert [repr(one) for one in controls if not one.accessibleName()] == []
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in dialog.findChildren(QLabel))


def test_a_file_of_many_arrays_opens(opened: Open) -> None:
    many = tuple(replace(LAYER, name=f"a{k}", proposed=f"blocks.{k}.hook_mlp_out") for k in range(300))
    dialog = opened(replace(KNOWN, holdings=many))
    assert dialog.table.rowCount() == 300
    assert dialog.foot.go.isEnabled()
