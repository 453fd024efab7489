"""A stand-in for `interpviz.data.shard_child` on a failing disk: one step of writing one shard raises an OSError.

Which, the environment says (JSON): {"step", "shard", "after": writes that still succeed, "errno"}. The step "count"
fails nothing, and says in the file "to" how many writes a shard takes.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

from interpviz.data import hashes, shard_child
from interpviz.data.manifest import shard_name

VARIABLE = "INTERPVIZ_FAILING_DISK"
STEPS = ("open", "truncate", "fsync", "close", "sha256", "rename")


class Disk:
    """The steps that a shard's file takes, of which one fails once it is that shard's turn."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.step, self.shard, self.after = asked["step"], shard_name(asked["shard"]), asked["after"]
        self.errno, self.to = asked["errno"], asked.get("to")
        self.writes, self.its_turn = 0, False

    def take(self, step: str) -> None:
        """Fail, if this is the step."""
        if self.its_turn and step == self.step and (step != "write" or self.writes >= self.after):
            raise OSError(self.errno, os.strerror(self.errno), "a file name that nobody needs to know")

    def wrote(self) -> None:
        """One more write went well."""
        self.writes += 1
        if self.its_turn and self.to:
            Path(self.to).write_text(str(self.writes))


class FailingFile(io.FileIO):
    """A raw file on that disk; a write that fails has written a half."""

    disk: Disk

    def write(self, content: Any) -> int:
        try:
            self.disk.take("write")
        except OSError:
            super().write(memoryview(content)[: len(content) // 2])
            raise
        written = super().write(content)
        self.disk.wrote()
        return written

    def truncate(self, size: int | None = None) -> int:
        self.disk.take("truncate")
        return super().truncate(size)

    def close(self) -> None:
        closed = self.closed
        super().close()
        if not closed:
            self.disk.take("close")


def main() -> None:
    """Write shards until the input ends, or fail."""
    disk = Disk(json.loads(os.environ[VARIABLE]))
    true_open, true_sync, true_sum, true_replace = Path.open, os.fsync, hashes.content_sha256, Path.replace

    def opened(path: Path, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        if mode != "w+b":
            return true_open(path, mode, *arguments, **more)
        disk.its_turn, disk.writes = disk.shard in path.name, 0
        disk.take("open")
        file = FailingFile(path, "w+b")
        file.disk = disk
        return file

    def after(step: str, act: Any) -> Any:
        def taken(*arguments: Any) -> Any:
            disk.take(step)
            return act(*arguments)

        return taken

    with (
        mock.patch.object(Path, "open", opened),
        mock.patch.object(os, "fsync", after("fsync", true_sync)),
        mock.patch.object(hashes, "content_sha256", after("sha256", true_sum)),
        mock.patch.object(Path, "replace", after("rename", true_replace)),
    ):
        shard_child.main()


if __name__ == "__main__":
    main()
