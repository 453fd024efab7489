"""Shards of a job, written by a child process: what kills the writer costs nothing but the shard in work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.data.child import Child, ChildFailed
from interpviz.data.manifest import Job, ShardLine, shard_name

_SENT_AS = {"tokens": "<i4", "activations": "<f4"}


class RecordingFailed(InterpvizError):
    """The shard could not be written; those before it stand."""


class ShardWriter:
    """Writes shards of one job into its folder. `add` gathers rows, `close` makes a shard of them.

    `start_closing` and `closed` are the halves of `close`: between them the next shard's rows may be added.
    """

    def __init__(self, folder: Path, job: Job, rows: int) -> None:
        """`rows` is the most that a shard of this job has."""
        self._folder, self._job, self._rows = folder.resolve(), job, rows
        self._child = Child("interpviz.data.shard_child")
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def add(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take rows of the next shard, by dataset path: tokens/{id,document,position} (n,), activations/HOOK (n, d)

        or (n, head, d_head), codes/NAME/{index,value} (n, k). Where the child is behind, this waits.
        """
        sent = {name: np.ascontiguousarray(rows, _sent_as(name)) for name, rows in arrays.items()}
        described = [{"name": name, "dtype": rows.dtype.str, "shape": rows.shape} for name, rows in sent.items()]
        with self._going_on():
            block = {"block": described, "rows": self._rows, "dtype": self._job.dtype}
            self._child.tell(block, tuple(rows.data.cast("B") for rows in sent.values()))

    def close(self, number: int, texts: Mapping[int, str]) -> ShardLine:
        """Make this shard of the rows taken since the last, and say what its line in the manifest is.

        `texts` says what each token id that occurs reads. Raises RecordingFailed.
        """
        self.start_closing(number, texts)
        return self.closed()

    def start_closing(self, number: int, texts: Mapping[int, str]) -> None:
        """Begin to make this shard of the rows taken since the last."""
        self._number = number
        message = {
            "close": str(self._folder / shard_name(number)),
            "job": self._job.as_json(created=False),
            "shard": number,
            "texts": {str(key): text for key, text in texts.items()},
        }
        with self._going_on():
            self._child.tell(message)

    def closed(self) -> ShardLine:
        """Wait until the shard that is being closed is whole and on the disk."""
        with self._going_on():
            answer = self._child.hear()
        if "error" in answer:
            raise RecordingFailed(
                f"{answer['shard']} cannot be written ({answer['error']}). Make room, or mend the disk; then run the "
                "same command again to go on."
            )
        return ShardLine(file=answer["shard"], tokens=answer["tokens"], sha256=answer["sha256"])

    def end(self) -> None:
        """Stop the child; rows that are in no shard yet are dropped."""
        self._child.end()

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        try:
            yield
        except ChildFailed as failed:
            raise RecordingFailed(
                "The process that writes the shards was stopped. Run the same command again to go on from there."
            ) from failed


def _sent_as(name: str) -> str:
    """The type in which a dataset's rows cross the pipe."""
    if name.endswith("/index"):
        return "<u4"
    return _SENT_AS.get(name.partition("/")[0], "<f4")
