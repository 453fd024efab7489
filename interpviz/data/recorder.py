"""A cache, written: shards are made in a child process and committed here, one after the other."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4, I4
from interpviz.data import manifest
from interpviz.data.child import Child, ChildFailed
from interpviz.data.manifest import Job, ShardLine

SHARD_TOKENS = 32_768
SHARD_BYTES = 256 * 2**20
SPARE_BYTES = 512 * 2**20
LEFT_BY_A_KILL = ".*.tmp"
CLOSING_LIMIT = 600.0  # seconds; a slow disk may take long over 256 MB


class RecordingFailed(InterpvizError):
    """The shard could not be written; those before it stand."""


class Recorder:
    """Writes the shards of one job. `add` gathers rows, `commit` makes a shard of them."""

    def __init__(self, folder: Path, job: Job, committed: int) -> None:
        self.folder, self.job, self.committed = folder, job, committed
        self._child = Child("interpviz.data.shard_child")

    def add(self, token: I4, document: I4, position: I4, activations: Mapping[str, F4]) -> None:
        """Take rows of the next shard: three (n,), and by hook name (n, d) or (n, head, d_head).

        Where the child is behind, this waits.
        """
        named: dict[str, NDArray[np.generic]] = {"tokens/id": token, "tokens/document": document}
        named["tokens/position"] = position
        arrays = {name: np.ascontiguousarray(array, "<i4") for name, array in named.items()}
        sites = {f"activations/{hook}": np.ascontiguousarray(rows, "<f4") for hook, rows in activations.items()}
        every = arrays | sites
        described = [{"name": name, "dtype": rows.dtype.str, "shape": rows.shape} for name, rows in every.items()]
        with self._going_on():
            self._child.tell({"block": described}, tuple(rows.data.cast("B") for rows in every.values()))

    def commit(self, texts: Mapping[int, str]) -> None:
        """Make a shard of the rows taken since the last; `texts` says what each token id that occurs reads."""
        name = manifest.shard_name(self.committed)
        message = {
            "close": str(self.folder.resolve() / name),
            "job": self.job.as_json(created=False),
            "shard": self.committed,
            "texts": {str(key): text for key, text in texts.items()},
        }
        with self._going_on():
            answer = self._child.ask(message, CLOSING_LIMIT)
        if "error" in answer:
            raise RecordingFailed(
                f"{name} cannot be written ({answer['error']}). Make room, then run the same command again to go on."
            )
        with self._going_on():
            manifest.append(self.folder, ShardLine(file=name, tokens=answer["tokens"], sha256=answer["sha256"]))
        self.committed += 1

    def end(self) -> None:
        """Stop the child; rows that were not committed are dropped."""
        self._child.end()

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        try:
            yield
        except (ChildFailed, OSError) as failed:
            name = manifest.shard_name(self.committed)
            raise RecordingFailed(f"Writing {name} failed. Run the same command again to go on from there.") from failed


@contextlib.contextmanager
def recording(folder: Path, job: Job, room: int) -> Iterator[Recorder]:
    """A Recorder for this job in a new or an unfinished folder, which needs `room` bytes of disk.

    Raises an InterpvizError where the folder holds something else or the disk is too full. A folder in which
    nothing was committed is taken away again.
    """
    committed = _begin(folder, job, room)
    recorder = Recorder(folder, job, committed)
    try:
        yield recorder
    finally:
        recorder.end()
        _sweep(folder)
        if not recorder.committed:
            _take_away(folder)


def committed_tokens(folder: Path, job: Job) -> int:
    """How many rows of this job the folder holds already; 0 where it does not exist.

    Raises an InterpvizError where it holds something else.
    """
    if not folder.exists() or (folder.is_dir() and set(folder.iterdir()) == set(folder.glob(LEFT_BY_A_KILL))):
        return 0
    if not (folder / manifest.NAME).is_file():
        raise InterpvizError(f"{folder} exists and is no cache. Choose another name after --out.")
    found = manifest.read(folder)
    if not found.job.same_as(job):
        raise InterpvizError(
            f"{folder} holds a cache of {_difference(found.job, job)}. Choose another name after --out."
        )
    return sum(shard.tokens for shard in found.shards)


def _begin(folder: Path, job: Job, room: int) -> int:
    held = committed_tokens(folder, job)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < 1.2 * room + SPARE_BYTES:
            raise InterpvizError(
                f"The disk of {folder} has {free / 1e9:.1f} GB free, but {(1.2 * room + SPARE_BYTES) / 1e9:.1f} GB "
                "are wanted. Make room, record fewer tokens, or choose another disk."
            )
        _sweep(folder)
        if not (folder / manifest.NAME).exists():
            manifest.create(folder, job)
    except OSError as error:
        raise InterpvizError(f"{folder} cannot be written ({error.strerror}). Choose another folder.") from error
    return len(manifest.read(folder).shards) if held else 0


def _sweep(folder: Path) -> None:
    """Take away what a killed writer left."""
    for left in folder.glob(LEFT_BY_A_KILL):
        left.unlink(missing_ok=True)


def _take_away(folder: Path) -> None:
    """Undo what a recording made that committed nothing; what else lies in the folder stays."""
    for name in (manifest.NAME, manifest.shard_name(0)):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _difference(found: Job, job: Job) -> str:
    """What the cache on disk was made with, where that differs from what is asked for."""
    if found.model_sha256 != job.model_sha256:
        return f"another model, {found.model}"
    if found.texts != job.texts:
        return "other texts"
    if found.sites != job.sites:
        return f"other sites, {', '.join(found.sites)}"
    return f"{found.tokens:,} tokens in contexts of {found.context}"
