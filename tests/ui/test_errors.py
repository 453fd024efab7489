from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from interpviz.ui.errors import Faults, report
from tests.ui.conftest import Show


@pytest.fixture
def faults(on_screen: Show) -> Iterator[Faults]:
    window = QWidget()
    on_screen(window, 300, 200)
    made = Faults(window, lambda: "my secret prompt")
    yield made
    made.close()


def fail() -> None:
    raise RuntimeError("the cause")


def test_a_fault_on_any_thread_opens_a_report_that_can_be_copied(faults: Faults, qtbot: QtBot) -> None:
    logging.getLogger("interpviz.engine").warning("a line of the log")
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: faults.dialog is not None)
    assert faults.dialog is not None
    buttons = {one.text(): one for one in faults.dialog.findChildren(QPushButton)}
    buttons["Copy report"].click()
    copied = QGuiApplication.clipboard().text()
    assert all(part in copied for part in ("RuntimeError: the cause", "a line of the log", "OpenGL: ", "numpy "))
    buttons["Go on"].click()
    assert faults.dialog is None


def test_the_prompt_is_in_the_report_only_where_it_is_ticked(faults: Faults, qtbot: QtBot) -> None:
    sys.excepthook(RuntimeError, RuntimeError("x"), None)
    qtbot.waitUntil(lambda: faults.dialog is not None)
    assert faults.dialog is not None
    assert "my secret prompt" not in faults.dialog.report.toPlainText()
    faults.dialog.findChildren(QCheckBox)[0].setChecked(True)
    assert "my secret prompt" in faults.dialog.report.toPlainText()
    faults.dialog.accept()


def test_the_log_keeps_the_last_two_hundred_lines(faults: Faults) -> None:
    for number in range(300):
        logging.getLogger("interpviz").error("line %d", number)
    lines = faults.log.text().splitlines()
    assert len(lines) == 200
    assert lines[-1].endswith("line 299")


def test_after_closing_faults_go_where_they_went_before(on_screen: Show) -> None:
    window, before = QWidget(), (sys.excepthook, threading.excepthook)
    on_screen(window, 100, 100)
    Faults(window, lambda: "").close()
    assert (sys.excepthook, threading.excepthook) == before


def test_a_report_names_versions_and_renderer(qtbot: QtBot) -> None:
    text = report("fault", "log")
    assert text.startswith("interpviz ")
    assert "PySide6-Essentials 6." in text
