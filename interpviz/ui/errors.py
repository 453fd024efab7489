"""What went wrong, told: a bar for a sentence, and a dialog for a fault of ours with a report to copy."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from interpviz.ui.icons import icon
from interpviz.ui.main_thread import post
from interpviz.ui.text import Label, button, legible
from interpviz.ui.theme import colours_of

_PACKAGES = ("interpviz", "PySide6-Essentials", "torch", "transformer-lens", "numpy", "numba", "vispy", "h5py")
_SHOWN_MS = 12_000
_GL_RENDERER = 0x1F01


class NoticeBar(QFrame):
    """One sentence over the window, gone after a while or when it is closed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self.setObjectName("notice")
        self.setAccessibleName("Notice")
        self._sign = QLabel()
        self.label = Label()
        self.label.setWordWrap(True)
        close = button("Dismiss", "Dismiss this notice", self.hide)
        close.setProperty("role", "quiet")
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(14, 10, 8, 10)
        row.setSpacing(10)
        row.addWidget(self._sign)
        row.addWidget(self.label, 1)
        row.addWidget(close)
        self._timer = QTimer(self, singleShot=True, interval=_SHOWN_MS)
        self._timer.timeout.connect(self.hide)
        parent.installEventFilter(self)
        self.hide()

    def say(self, sentence: str) -> None:
        """Show this sentence."""
        self._sign.setPixmap(icon("warning", colours_of(self).edit).pixmap(16, 16))
        self.label.setText(legible(sentence))
        self._settle()
        self.show()
        self.raise_()
        self._timer.start()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self._settle()
        return False

    def _settle(self) -> None:
        space = self._window.size()
        width = min(720, space.width() - 48)
        height = max(self._row.heightForWidth(width), 44)
        self.setGeometry((space.width() - width) // 2, space.height() - height - 44, width, height)


class Log(logging.Handler):
    """The last 200 lines that the program logged."""

    def __init__(self, lines: int = 200) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._lines: deque[str] = deque(maxlen=lines)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.extend(self.format(record).splitlines())

    def text(self) -> str:
        """The lines, oldest first."""
        return "\n".join(self._lines)


def report(fault: str, log: str, prompt: str = "") -> str:
    """What a person can send us: versions, renderer, the fault and the log; the prompt only where it is given."""
    said = f"\nPrompt: {prompt!r}\n" if prompt else ""
    machine = f"Python {platform.python_version()} on {platform.platform()}\nOpenGL: {gl_renderer()}"
    return f"{_versions()}\n{machine}\n{said}\n{fault}\nLog:\n{log}\n"


def gl_renderer() -> str:
    """What OpenGL calls itself on this screen; "none" where there is none."""
    context, surface = QOpenGLContext(), QOffscreenSurface()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        return "none"
    name = context.functions().glGetString(_GL_RENDERER)
    context.doneCurrent()
    return str(name)


def _versions() -> str:
    return "\n".join(f"{package} {_version(package)}" for package in _PACKAGES)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


class CrashDialog(QDialog):
    """A fault of ours: what was lost (nothing), and the report to copy."""

    def __init__(self, fault: str, log: str, prompt: Callable[[], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("A fault in interpviz")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 480)
        self._fault, self._log, self._prompt = fault, log, prompt
        told = Label(
            "Something in the program failed. Your work is still there; save the session, then copy the report."
        )
        told.setWordWrap(True)
        self.report = QPlainTextEdit(readOnly=True)
        self.report.setAccessibleName("Report")
        self._tick = QCheckBox("Include the prompt")
        self._tick.toggled.connect(self._write)
        row = QHBoxLayout()
        row.addWidget(self._tick)
        row.addStretch(1)
        for text, act in (("Copy report", self._copy), ("Go on", self.accept)):
            one = QPushButton(text)
            one.clicked.connect(act)
            row.addWidget(one)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        for part in (told, self.report):
            column.addWidget(part)
        column.addLayout(row)
        self._write()

    def _write(self) -> None:
        self.report.setPlainText(report(self._fault, self._log, self._prompt() if self._tick.isChecked() else ""))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report.toPlainText())


class Faults:
    """Catches what nobody caught, on any thread: logs it, and shows the first one until it is closed."""

    def __init__(self, window: QWidget, prompt: Callable[[], str]) -> None:
        self._window, self._prompt = window, prompt
        self.log = Log()
        self.dialog: CrashDialog | None = None
        logging.getLogger("interpviz").addHandler(self.log)
        self._before = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_fault
        threading.excepthook = lambda a: self._on_fault(a.exc_type, a.exc_value, a.exc_traceback)

    def close(self) -> None:
        """Leave faults to whoever took them before."""
        sys.excepthook, threading.excepthook = self._before
        logging.getLogger("interpviz").removeHandler(self.log)

    def _on_fault(self, kind: type[BaseException], value: BaseException | None, where: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, value or kind(), where)
            return
        fault = "".join(traceback.format_exception(kind, value, where))
        logging.getLogger("interpviz.ui").error("%s", fault)
        post(lambda: self._tell(fault))

    def _tell(self, fault: str) -> None:
        if self.dialog is not None:
            return
        self.dialog = CrashDialog(fault, self.log.text(), self._prompt, self._window)
        self.dialog.finished.connect(self._forget)
        self.dialog.show()

    def _forget(self) -> None:
        self.dialog = None
