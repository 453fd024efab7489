"""The console does what a click does, and shows what the document holds."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from interpviz.control.store import Store
from interpviz.core.document import Document, Prompt
from interpviz.core.sites import Site
from interpviz.ui.console import Console
from tests.ui.fakes import Acts


def enter(console: Console, line: str) -> None:
    field = console.prompt.repl.input
    QTest.keyClicks(field, line)
    QTest.keyClick(field, Qt.Key.Key_Return)


def test_what_is_typed_acts_and_answers(qtbot: QtBot, acts: Acts) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    console = Console(acts, Store(Document(prompt=Prompt("half a thought"))), parent)
    console.show()
    enter(console, 'act("intervention.toggle", Site.parse("L1H4"))')
    assert acts.done == [("intervention.toggle", Site(1, "head", 4))]
    enter(console, "store.document.prompt.text")
    assert "half a thought" in console.prompt.output.toPlainText()
    console.close()
