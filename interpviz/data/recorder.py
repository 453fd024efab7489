"""A cache folder while it is being written: one process commits its shards, in order, whoever made them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from interpviz.core.errors import InterpvizError
from interpviz.data import hashes, manifest
from interpviz.data.manifest import Job, ShardLine
from interpviz.data.shard import Shard
from interpviz.data.shard_writer import RecordingFailed

SHARD_TOKENS = 32_768
SHARD_BYTES = 256 * 2**20
SPARE_BYTES = 512 * 2**20
LEFT_BY_A_KILL = ".*.tmp"


class Recorder:
    """Commits the shards of one job. Those that come early wait, since lines stand in the order of the shards."""

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder, self.job = folder, job
        self.lines = {line.number: line for line in manifest.read(folder).shards}
        self._last = max(self.lines, default=-1)
        self._early: dict[int, ShardLine] = {}
        self._awaited: list[int] = []

    @property
    def tokens(self) -> int:
        """How many rows are committed."""
        return sum(line.tokens for line in self.lines.values())

    def missing(self, shards: int) -> list[int]:
        """The numbers of the shards, of so many in all, that are still to be made.

        A shard that was finished and not committed when the last recording was stopped is committed now.
        """
        if shards >= manifest.LINES:
            raise InterpvizError(
                f"{shards:,} shards are more than a cache can hold. Record fewer tokens, or several caches."
            )
        self._awaited = [number for number in range(shards) if number not in self.lines]
        for number in tuple(self._awaited):
            if (line := finished(self.folder, self.job, number)) is not None:
                self.commit(line)
        return [number for number in self._awaited if number not in self._early]

    def commit(self, line: ShardLine) -> None:
        """Commit a shard, whose file is whole and on the disk, as soon as all before it are."""
        self._early[line.number] = line
        while self._awaited and self._awaited[0] in self._early:
            self._append(self._early.pop(self._awaited.pop(0)))

    def _append(self, line: ShardLine) -> None:
        self.lines[line.number] = line
        try:
            if line.number > self._last:
                manifest.append(self.folder, line)
                self._last = line.number
            else:  # one that was dropped as damaged is put back into its place
                stated = manifest.read(self.folder).job
                manifest.write(self.folder, stated, (self.lines[number] for number in sorted(self.lines)))
        except OSError as error:
            raise RecordingFailed(
                f"{manifest.NAME} cannot be written ({error.strerror}). Make room, or mend the disk; then run the same "
                "command again to go on."
            ) from error


def rows_a_shard(context: int, row_bytes: int) -> int:
    """The most rows of a shard: whole contexts, at least one, within 32,768 tokens and 256 MiB."""
    return max(1, min(SHARD_TOKENS, SHARD_BYTES // row_bytes) // context) * context


def finished(folder: Path, job: Job, number: int) -> ShardLine | None:
    """The line of a shard whose file is there, of this job, and whole to the last block; None for anything else."""
    path = folder / manifest.shard_name(number)
    if not path.is_file():
        return None
    with contextlib.suppress(InterpvizError, OSError):
        shard = Shard(path)
        if shard.job.same_as(job) and shard.number == number:
            for name in shard.names:
                shard[name].all()
            return ShardLine(file=path.name, tokens=shard.tokens, sha256=hashes.content_sha256(path))
    return None


@contextlib.contextmanager
def recording(folder: Path, job: Job, room: int) -> Iterator[Recorder]:
    """A Recorder for this job in a new or an unfinished folder, which needs `room` more bytes of disk.

    Raises an InterpvizError where the folder holds something else, is being written by another process, or its disk
    is too full. A folder in which no shard was finished is taken away again.
    """
    committed_tokens(folder, job)
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder))
            held.callback(_tidy, folder)
            _check_room(folder, room)
            sweep(folder)
            committed_tokens(folder, job)  # another may have begun before the lock was ours
            if not (folder / manifest.NAME).exists():
                manifest.write(folder, job)
        except OSError as error:
            raise InterpvizError(f"{folder} cannot be written ({error.strerror}). Choose another folder.") from error
        yield Recorder(folder, job)


def committed_tokens(folder: Path, job: Job) -> int:
    """How many rows of this job the folder holds already; 0 where it does not exist.

    Raises an InterpvizError where it holds something else.
    """
    try:
        if not folder.exists() or (folder.is_dir() and set(folder.iterdir()) == set(folder.glob(LEFT_BY_A_KILL))):
            return 0
        if not (folder / manifest.NAME).is_file() and not any(folder.glob(manifest.SHARD_FILES)):
            raise InterpvizError(f"{folder} exists and is no cache. Choose another name after --out.")
    except OSError as error:
        raise InterpvizError(f"{folder} cannot be read ({error.strerror}). Choose another folder.") from error
    found = manifest.read(folder)
    if not found.job.same_as(job):
        raise InterpvizError(
            f"{folder} holds a cache of {_difference(found.job, job)}. Choose another name after --out."
        )
    return sum(shard.tokens for shard in found.shards)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder against other writers. The lock goes with the process, however that ends."""
    try:
        import fcntl
    except ImportError:  # Windows has no lock on a folder
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a network file system may know no locks
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InterpvizError(
                    f"{folder} is being recorded by another interpviz. Wait until that is done, or choose another name."
                ) from None
        yield
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Take away what a killed writer left."""
    for left in folder.glob(LEFT_BY_A_KILL):
        left.unlink(missing_ok=True)


def _tidy(folder: Path) -> None:
    """Take away torn files, and the folder itself where it holds no shard; what else lies in it stays."""
    sweep(folder)
    if not any(folder.glob("shard-*.h5")):
        (folder / manifest.NAME).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()


def _check_room(folder: Path, room: int) -> None:
    free, wanted = shutil.disk_usage(folder).free, 1.2 * room + SPARE_BYTES
    if free < wanted:
        raise InterpvizError(
            f"The disk of {folder} has {free / 1e9:.1f} GB free, but {wanted / 1e9:.1f} GB are wanted. "
            "Make room, record fewer tokens, or choose another disk."
        )


def _difference(found: Job, job: Job) -> str:
    """What the cache on disk was made with, where that differs from what is asked for."""
    if found.model_sha256 != job.model_sha256:
        return f"another model, {found.model}"
    if found.texts != job.texts:
        return "other texts"
    if found.sites != job.sites:
        return f"other sites, {', '.join(found.sites) or 'none'}"
    if found.dictionaries != job.dictionaries:
        return f"other codes, {', '.join(f'{codes.k} of {codes.name}' for codes in found.dictionaries) or 'none'}"
    if found.dtype != job.dtype:
        return f"{found.dtype} numbers"
    return f"{found.tokens:,} tokens in contexts of {found.context}"
