"""What Parquet and zstd files hold, streamed from a child process: this process never imports pyarrow."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from interpviz.core.errors import InterpvizError
from interpviz.data.child import Child, ChildFailed

LIMIT = 10.0


class TableUnreadable(InterpvizError):
    """The file is no whole Parquet or zstd file, or has no texts."""


def texts(path: Path) -> Iterator[tuple[str, bool]]:
    """The cells of a Parquet file's column `text`, or of its only column of strings, in order.

    A long cell comes in parts; the flag says whether a row begins with this one. Raises TableUnreadable.
    """
    for answer in answers("texts", path):
        yield from map(tuple, answer["texts"])


def unpacked(path: Path) -> Iterator[bytes]:
    """What a zstd file holds, in pieces of at most 1 MiB. Raises TableUnreadable."""
    for answer in answers("unpacked", path):
        yield base64.b64decode(answer["bytes"])


def answers(stream: str, path: Path) -> Iterator[dict[str, Any]]:
    """Every piece of a stream of `arrow_child`, asked one by one; its process ends with this iterator.

    Raises TableUnreadable with a sentence, also where the process dies or takes over 10 seconds a piece.
    """
    child = Child("interpviz.data.arrow_child")
    try:
        message: dict[str, Any] = {"stream": stream, "path": str(path.resolve())}
        while "end" not in (answer := _asked(child, message, path)):
            yield answer
            message = {"next": True}
    finally:
        child.end()


def _asked(child: Child, message: dict[str, Any], path: Path) -> dict[str, Any]:
    try:
        answer = child.ask(message, LIMIT)
    except ChildFailed as failed:
        raise TableUnreadable(f"{path.name} {failed} and is damaged or hostile. Choose another file.") from failed
    if "error" in answer:
        raise TableUnreadable(f"{path.name} {answer['error']}")
    return answer
