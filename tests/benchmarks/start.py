"""From nothing to a painted window, against `import torch`: CPU seconds of a fresh process each."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from tests.benchmarks.rounds import Row, compared
from tests.sources import ROOT

HEAVY = ("torch", "numba", "scipy", "h5py")

TORCH = "import time, torch; print(time.process_time())"
WINDOW = """
import json, os, sys, time
from interpviz.core import environment
environment.prepare()
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication
QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
application = QApplication([])
from interpviz.app import Session, lazy_compute

class FirstPaint(QObject):
    def eventFilter(self, thing, event):
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, painted)
        return False

def painted():
    heavy = [name for name in sys.argv[1:] if name in sys.modules]
    print(json.dumps({"seconds": time.process_time(), "heavy": heavy}), flush=True)
    os._exit(0)

session = Session(lazy_compute())
seen = FirstPaint()
application.installEventFilter(seen)
session.window.show()
application.exec()
"""


@dataclass(frozen=True)
class Start:
    """CPU seconds of the process until the first paint, and which heavy libraries were loaded by then."""

    seconds: float
    heavy: tuple[str, ...]


def first_paint() -> Start:
    """Start the window in a fresh process and wait for its first paint."""
    answer = json.loads(_fresh(WINDOW, *HEAVY))
    return Start(answer["seconds"], tuple(answer["heavy"]))


def rows() -> list[Row]:
    """SPEED's row `start`."""
    heavy = first_paint().heavy
    note = f"loaded before the first paint: {', '.join(heavy)}" if heavy else ""
    window, torch = (lambda: first_paint().seconds), (lambda: float(_fresh(TORCH)))
    return [compared("start to first paint", "import torch, CPU time", 0.5, window, torch, note)]


def _fresh(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, timeout=120)
    return done.stdout
