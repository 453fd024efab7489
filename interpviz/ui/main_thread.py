"""Bring a call from any thread to the thread of the window."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal, Slot


class _Courier(QObject):
    """Lives on the window's thread; a queued signal carries calls to it."""

    arrived = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.arrived.connect(self._run, Qt.ConnectionType.QueuedConnection)

    @Slot(object)
    def _run(self, call: Callable[[], None]) -> None:
        call()


@cache
def _courier(application: QCoreApplication) -> _Courier:
    courier = _Courier()
    courier.moveToThread(application.thread())
    return courier


FRAME_MS = 16


def next_frame(call: Callable[[], None]) -> None:
    """Run `call` on this thread, which is the window's, a frame from now: what is to be painted is painted first."""
    QTimer.singleShot(FRAME_MS, call)


def post(call: Callable[[], None]) -> None:
    """Run `call` on the window's thread, soon; calls of one thread keep their order. Without a window, nowhere."""
    application = QCoreApplication.instance()
    if application is not None:
        _courier(application).arrived.emit(call)
