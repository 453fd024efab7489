"""What goes wrong with a disk, made to go wrong: at the n-th write, at the steps after, at the manifest, and truly."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

from interpviz.data import manifest, recorder, shard_writer
from interpviz.data.child import Child
from tests.campaigns import course, failing_child
from tests.campaigns.course import KINDS, SHARDS

END_SECONDS = 2.0

MANIFEST_STEPS = ("write", "truncate", "fsync", "start")

Hook = Callable[[str], None]  # hears how far the recording is
Meeting = Callable[[], AbstractContextManager[Hook]]


@contextlib.contextmanager
def _nothing() -> Iterator[Hook]:
    with mock.patch.object(shard_writer, "Child", Watched):
        yield lambda said: None


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong where `meet` says, or because the disk has only `disk` KiB."""

    name: str
    errno: int
    meet: Meeting = _nothing
    disk: int | None = None


class Watched(Child):
    """A child that is let go by itself, to see how it ends."""

    endings: ClassVar[list[int | None]] = []  # None: it did not end

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._input.close()
        try:
            self.endings.append(self._process.wait(END_SECONDS))
        except subprocess.TimeoutExpired:
            self.endings.append(None)
        super().end()


def faults(folder: Path, draw: random.Random, count: int) -> list[Fault]:
    """A fifth each under a limit of file size and on real small disks, up to a quarter at the steps after the writes

    and at the manifest, the rest at the n-th write, n spread over a shard's.
    """
    shard = max((folder / f"{kind}.acts" / manifest.shard_name(0)).stat().st_size for kind in KINDS)
    both = (errno.ENOSPC, errno.EIO)
    steps = [_step(step, number, draw.randrange(SHARDS)) for step in failing_child.STEPS for number in both]
    stated = [_stated(step, number, draw.randrange(SHARDS)) for step in MANIFEST_STEPS for number in both]
    limits = [_limit(draw.randrange(SHARDS), int(shard * share)) for share in _spread(draw, count // 5)]
    disks = [_disk(int(shard * SHARDS * share / 1024)) for share in _spread(draw, count // 5 if can_mount() else 0)]
    others = [*draw.sample(steps, min(len(steps), count // 8)), *draw.sample(stated, min(len(stated), count // 8))]
    others += [*limits, *disks]
    most = _writes_a_shard(folder)
    shares = enumerate(_spread(draw, count - len(others)))
    writes = [_write(int(most * share), both[n % 2], draw.randrange(SHARDS)) for n, share in shares]
    return [*writes, *others]


def _spread(draw: random.Random, count: int) -> Iterator[float]:
    """Numbers between 0 and 1, one from each of so many equal parts."""
    return ((number + draw.random()) / count for number in range(count))


def _write(after: int, number: int, shard: int) -> Fault:
    return Fault(f"write, {after} of shard {shard}", number, _failing("write", shard, number, after))


def _step(step: str, number: int, shard: int) -> Fault:
    return Fault(f"{step}, of shard {shard}", number, _failing(step, shard, number))


def _failing(step: str, shard: int, number: int, after: int = 0, to: Path | None = None) -> Meeting:
    asked = {"step": step, "shard": shard, "after": after, "errno": number, "to": to and str(to)}

    @contextlib.contextmanager
    def meet() -> Iterator[Hook]:
        with (
            mock.patch.dict(os.environ, {failing_child.VARIABLE: json.dumps(asked)}),
            mock.patch.object(shard_writer, "Child", _failing_child),
        ):
            yield lambda said: None

    return meet


def _failing_child(_: str) -> Child:
    return Watched("tests.campaigns.failing_child")


def _writes_a_shard(folder: Path) -> int:
    """How many writes HDF5 makes of the larger kind of shard."""
    told = folder / "writes"
    with _failing("count", 0, 0, to=told)():
        course.record(folder / "counted.acts", course.BFLOAT16)
    return int(told.read_text())


def _limit(shard: int, size: int) -> Fault:
    """A limit that the system sets to the size of any file of the writing process, from this shard on."""

    @contextlib.contextmanager
    def meet() -> Iterator[Hook]:
        writers: list[int] = []

        def hook(said: str) -> None:
            if said.startswith("writer "):
                writers.append(int(said.split()[1]))
            if said == f"close {shard}":
                resource.prlimit(writers[0], resource.RLIMIT_FSIZE, (size, size))

        with mock.patch.object(shard_writer, "Child", Watched):
            yield hook

    return Fault(f"limit, of {size} bytes at shard {shard}", errno.EFBIG, meet)


def _stated(step: str, number: int, shard: int) -> Fault:
    """The manifest cannot be written: when this shard is committed, or ("start") at the very beginning."""

    @contextlib.contextmanager
    def meet() -> Iterator[Hook]:
        its_turn = [step == "start"]

        def hook(said: str) -> None:
            its_turn[0] = its_turn[0] or said == f"closed {shard}"

        with (
            mock.patch.object(shard_writer, "Child", Watched),
            mock.patch.object(Path, "open", _opening(step, number, its_turn)),
            mock.patch.object(os, "fsync", _syncing(step, number, its_turn)),
        ):
            yield hook

    return Fault(f"manifest, {step} at shard {shard}", number, meet)


def _opening(step: str, number: int, its_turn: list[bool]) -> Callable[..., Any]:
    true_open = Path.open

    def opened(path: Path, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        if not (its_turn[0] and path.name == manifest.NAME and mode == "r+b"):
            return true_open(path, mode, *arguments, **more)
        file = failing_child.FailingFile(path, "r+b")
        file.disk = failing_child.Disk({"step": step, "shard": 0, "after": 0, "errno": number})
        file.disk.its_turn = True
        return file

    return opened


def _syncing(step: str, number: int, its_turn: list[bool]) -> Callable[[int], None]:
    true_sync = os.fsync

    def synced(handle: int) -> None:
        if its_turn[0] and step in ("fsync", "start"):
            raise OSError(number, os.strerror(number))
        true_sync(handle)

    return synced


def _disk(size: int) -> Fault:
    return Fault(f"disk, of {size} KiB", errno.ENOSPC, disk=size)


@contextlib.contextmanager
def place_of(fault: Fault, folder: Path) -> Iterator[Path]:
    """Where the case's cache is to lie: on a disk of its own, if the fault wants one."""
    if fault.disk is None:
        yield folder / "case.acts"
        return
    (folder / "disk").mkdir(exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={fault.disk}k", "none", str(folder / "disk"))
    try:
        with mock.patch.object(recorder, "SPARE_BYTES", -(2**40)):  # else such a disk is refused at once
            yield folder / "disk" / "case.acts"
    finally:
        _run("umount", str(folder / "disk"))


def mend(fault: Fault, place: Path) -> None:
    """Make room on the disk of a case."""
    if fault.disk is not None:
        _run("mount", "-o", "remount,size=4m", str(place.parent))


def can_mount() -> bool:
    """Whether a small disk can be had here, which takes an administrator."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(OSError, subprocess.CalledProcessError):
        _run("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder)
        _run("umount", folder)
        return True
    return False


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
