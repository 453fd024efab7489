"""The fixture that looks for what a test left behind sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import ROOT

LEAKY = """
import threading
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel

kept = []

def test_a_window(qtbot):
    kept.append(QLabel("left"))
    kept[-1].show()

def test_a_timer(qtbot):
    kept.append(QTimer())
    kept[-1].start(1000)

def test_a_thread(qtbot):
    kept.append(threading.Event())
    threading.Thread(target=kept[-1].wait, daemon=True).start()

def test_nothing(qtbot):
    label = QLabel("closed by qtbot")
    qtbot.addWidget(label)
    label.show()
"""


@pytest.mark.slow
def test_a_window_a_timer_and_a_thread_that_stay_are_each_an_error(qapp: object, tmp_path: Path) -> None:
    leaky = tmp_path / "test_leaky.py"
    leaky.write_text(LEAKY, "utf-8")
    pytest_here = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest"]
    ended = subprocess.run(
        [*pytest_here, "--no-xvfb", str(leaky)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "4 passed, 3 errors" in ended.stdout
    for name in ("test_a_window", "test_a_timer", "test_a_thread"):
        assert f"::{name} - AssertionError" in ended.stdout
