"""A screen to draw on: the desktop's, or an X server in memory where there is none."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from interpviz.core.errors import InterpvizError

SCREEN = "1920x1200x24"
START_SECONDS = 20.0


def present() -> bool:
    """Whether windows can be shown here."""
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


@contextmanager
def borrowed() -> Iterator[None]:
    """Qt's environment names a screen inside this context; where there is none, Xvfb draws one that nobody sees.

    Raises InterpvizError if Xvfb is missing or does not start.
    """
    if present():
        yield
        return
    server, number = _start()
    os.environ |= {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
    try:
        yield
    finally:
        del os.environ["DISPLAY"], os.environ["QT_QPA_PLATFORM"]
        server.terminate()
        server.wait()


def _start() -> tuple[subprocess.Popen[bytes], int]:
    program = shutil.which("Xvfb")
    if program is None:
        raise InterpvizError("There is no display, and no Xvfb to stand in for one. Install the package xvfb.")
    reading, writing = os.pipe()
    command = [program, "-displayfd", str(writing), "-screen", "0", SCREEN, "+extension", "GLX", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(writing,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as answer:
        ready, _, _ = select.select([answer], [], [], START_SECONDS)
        number = answer.readline().strip() if ready else ""
    if not number:
        server.kill()
        server.wait()
        raise InterpvizError("Xvfb did not start. Set DISPLAY to a running X server, or run `Xvfb :1` to see why.")
    return server, int(number)
