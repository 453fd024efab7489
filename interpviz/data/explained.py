"""What every layout of explanations gives: one text and score at a time, out of bounded JSON files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interpviz.core.errors import InterpvizError
from interpviz.data.session_fields import sound

FILE_BYTES = 16 * 2**20
MOST_FILES = 2_000_000
MOST_FEATURES = 2**31
LONGEST = 10_000


@dataclass(frozen=True)
class Explained:
    """What a feature is said to be, and how good that is held to be; NaN where nobody said."""

    feature: int
    text: str
    score: float


class BadExplanation(InterpvizError):
    """A file holds no explanation."""

    def __init__(self, file: Path, what: str) -> None:
        super().__init__(f"{file.parent.name}/{file.name} {what}. Mend it, or take it away.")


def parsed(file: Path, content: bytes | None = None) -> Any:
    """The JSON of a file, or of a line of it; bare NaN and Infinity are allowed. Raises BadExplanation."""
    try:
        return json.loads(read(file) if content is None else content)
    except (ValueError, RecursionError):
        raise BadExplanation(file, "is not JSON") from None


def read(file: Path) -> bytes:
    """The bytes of a file. Raises BadExplanation for one that is far too long, and for what is no file."""
    if not file.is_file():  # to open a pipe would wait for ever
        raise BadExplanation(file, "is no file")
    if file.stat().st_size > FILE_BYTES:
        raise BadExplanation(file, f"is over {FILE_BYTES // 2**20} MB")
    return file.read_bytes()


def plain(text: str) -> str:
    """The text as a label may hold it: sound, and of bounded length."""
    return sound(text[:LONGEST]).strip()


def number(value: Any) -> float:
    """A finite number as it is, all else as NaN."""
    usable = isinstance(value, int | float) and abs(value) < 1e30
    return float(value) if usable else float("nan")


def named(path: Path, names: set[str], what: str) -> str:
    """The one of these names, or the one that the path says last. Raises InterpvizError where it must be said."""
    if len(names) == 1:
        return next(iter(names))
    shown = ", ".join(sorted(names)[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    raise InterpvizError(f"{path.name} explains several {what}: {shown}. Name one, as {path / min(names)}.")
