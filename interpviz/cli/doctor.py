"""`doctor`: what the window stands on, and what is missing. Each look is a child process, so a crash is only news."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import shutil
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

from interpviz import __version__
from interpviz.cli import display
from interpviz.cli.output import print_json, print_table, said
from interpviz.cli.run import AsJson
from interpviz.core.errors import InterpvizError
from interpviz.core.paths import resource

LOOK_SECONDS = 60.0

# An offscreen surface needs no window manager, and asks the driver for the same context as a panel does.
GL = """
import json
from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
from PySide6.QtCore import qVersion
application = QGuiApplication([])
surface, context = QOffscreenSurface(), QOpenGLContext()
surface.create()
made = context.create() and context.makeCurrent(surface)
name = lambda key: context.functions().glGetString(key) if made else ""
print(json.dumps({"qt": qVersion(), "platform": application.platformName(),
                  "gl": name(0x1F02), "renderer": name(0x1F01), "vendor": name(0x1F00)}))
"""
TORCH = """
import json, torch
device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
print(json.dumps({"torch": torch.__version__, "device": device, "threads": torch.get_num_threads()}))
"""


def doctor(as_json: AsJson = False) -> int:
    """What interpviz finds here: Qt, the GL renderer, torch, and system libraries that are missing."""
    lacking = missing()
    facts: dict[str, Any] = {
        "interpviz": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    facts |= _gl() | _child(TORCH, "torch")
    facts["cores"] = os.cpu_count()
    facts |= {"missing": [name for name, _ in lacking], "install": install_line(lacking)}
    if as_json:
        print_json(facts)
    else:
        print_table(("what", "found"), [[key, said(value)] for key, value in facts.items() if key != "install"])
        if lacking:
            print(f"Install what is missing:\n    {facts['install']}")
    return 2 if lacking or any(str(value).startswith("failed") for value in facts.values()) else 0


def missing() -> list[tuple[str, str]]:
    """The libraries and programs that Linux should bring and does not, each with the Debian packages that carry it."""
    if sys.platform != "linux":
        return []
    lines = resource("system-libraries.txt").read_text("utf-8").splitlines()
    wanted = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return [(name, packages) for name, packages in wanted if not _found(name)]


def install_line(lacking: list[tuple[str, str]]) -> str:
    """The line that installs these on Debian and its kin; empty where nothing is missing."""
    packages = " ".join(dict.fromkeys(" ".join(packages for _, packages in lacking).split()))
    return f"sudo apt-get install -y --no-install-recommends {packages}" if packages else ""


def _found(name: str) -> bool:
    if ".so" not in name:
        return shutil.which(name) is not None
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _gl() -> dict[str, Any]:
    with ExitStack() as screen:
        try:
            screen.enter_context(display.borrowed())
        except InterpvizError as problem:
            return {"qt": f"failed: {problem}"}
        return _child(GL, "qt")


def _child(code: str, what: str) -> dict[str, Any]:
    """What a child process prints as JSON; where it fails, how it ended under the name `what`."""
    try:
        child = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=LOOK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {what: f"failed: no answer within {LOOK_SECONDS:.0f} s"}
    if child.returncode:
        last = child.stderr.strip().rpartition("\n")[2] or f"it ended with status {child.returncode}"
        return {what: f"failed: {last}"}
    found: dict[str, Any] = json.loads(child.stdout.strip().rpartition("\n")[2])
    return found
