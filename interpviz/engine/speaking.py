"""How a child process answers: in JSON lines, where nothing that libraries print can come between."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Say = Callable[[dict[str, Any]], None]


def speaking() -> Say:
    """What tells the parent, on a copy of stdout; stdout itself goes where stderr goes from now on."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(said: dict[str, Any]) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    return say
