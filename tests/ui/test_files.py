from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from interpviz.ui import files


@pytest.mark.parametrize("there", [False, True])
def test_a_session_gets_its_suffix_and_the_user_is_asked_before_one_is_replaced(
    qtbot: QtBot, tmp_path: Path, there: bool
) -> None:
    kept = tmp_path / "kept.json"
    if there:
        kept.touch()
    questions: list[str] = []

    def answer() -> None:
        question = QApplication.activeModalWidget()
        if isinstance(question, QMessageBox):
            questions.append(question.text())
            question.reject()
            asking().reject()

    def asking() -> QFileDialog:
        return parent.findChildren(QFileDialog)[0]

    def choose() -> None:
        QTimer.singleShot(0, answer)
        asking().setDirectory(str(tmp_path))
        asking().selectFile("kept")
        asking().accept()

    parent = QWidget()
    qtbot.addWidget(parent)
    QTimer.singleShot(0, choose)
    chosen = files.ask_where(parent, "Save the session", files.SESSIONS, ".json")
    assert chosen == ("" if there else str(kept))
    assert ["kept.json" in question for question in questions] == [True] * there


def test_the_place_that_is_offered_is_chosen_unless_the_user_picks_another(qtbot: QtBot, tmp_path: Path) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    QTimer.singleShot(0, lambda: parent.findChildren(QFileDialog)[0].accept())
    offered = str(tmp_path / "toy.acts")
    assert files.ask_where(parent, "Write the cache to", files.WRITTEN, ".acts", offered) == offered
