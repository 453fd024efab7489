"""Every test sees an empty user, no network, and leaves no window, thread or timer behind."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import pytest

# Set before anything is imported: libraries read these once.
_HOME = tempfile.TemporaryDirectory(prefix="interpviz-tests-")
for _folder in ("DATA", "CONFIG", "CACHE", "STATE"):
    os.environ[f"XDG_{_folder}_HOME"] = os.path.join(_HOME.name, _folder.lower())
os.environ.update(HF_HUB_OFFLINE="1", WANDB_MODE="disabled", QT_API="pyside6")


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test with Qt: no new top-level widgets, no new threads, no new running timers."""
    if not {"qtbot", "qapp"} & set(request.fixturenames):
        yield
        return
    gc.freeze()  # what is there already is not looked at again: after a test only its own objects are searched
    threads, widgets = set(threading.enumerate()), set(_widgets())
    yield
    _deliver_deletes()
    left = {
        "widgets": [text for address, text in _widgets().items() if address not in widgets],
        "timers": _new_timers(),
        "threads": [t.name for t in threading.enumerate() if t not in threads and type(t).__name__ != "TMonitor"],
    }
    gc.unfreeze()
    assert left == {"widgets": [], "timers": [], "threads": []}


def _widgets() -> dict[int, str]:
    from PySide6.QtWidgets import QApplication

    return {
        _address(widget): repr(widget) for widget in (QApplication.topLevelWidgets() if QApplication.instance() else ())
    }


def _new_timers() -> list[str]:
    from PySide6.QtCore import QTimer
    from shiboken6 import isValid

    # Not isinstance: it asks proxies for their class, and some import a library to answer.
    timers = (thing for thing in gc.get_objects() if issubclass(type(thing), QTimer))
    return [f"{timer!r} of {timer.parent()!r}" for timer in timers if isValid(timer) and timer.isActive()]


def _address(thing: Any) -> int:
    """Where Qt holds the thing: its Python wrapper may come and go."""
    from shiboken6 import getCppPointer

    return int(getCppPointer(thing)[0])


def _deliver_deletes() -> None:
    from PySide6.QtCore import QCoreApplication, QEvent

    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
