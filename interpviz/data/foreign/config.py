"""The small JSON files that lie beside other people's activations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BYTES = 2**22


def config(path: Path) -> dict[str, Any]:
    """What a JSON file says, by name; nothing where it is missing, far too long or spoiled."""
    try:
        found = json.loads(path.read_bytes()) if path.is_file() and path.stat().st_size <= BYTES else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def count(value: Any, below: int) -> int:
    """A number that counts something, 0 where it is none or out of bounds."""
    return value if type(value) is int and 0 < value < below else 0
