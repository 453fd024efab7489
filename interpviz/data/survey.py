"""Every shard of a cache looked at, byte by byte, whatever its manifest is like."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report
from interpviz.data import contexts, hashes, manifest
from interpviz.data.manifest import CacheDamaged, Job, NewerVersion, ShardLine, shard_name
from interpviz.data.shard import Shard

REMEDY = "Copy the folder again whole, or run `interpviz check --repair` on it and then the command that records it."


@dataclass(frozen=True)
class Looked:
    """A shard: its line in the manifest (None without one), the line that its file deserves, and what is wrong.

    `job` and `found` are None where the file is missing or cannot be read as a shard.
    """

    number: int
    line: ShardLine | None
    job: Job | None = None
    found: ShardLine | None = None
    problems: tuple[str, ...] = ()
    missing: bool = False

    @property
    def good(self) -> bool:
        """Whether its rows can be read as they were written."""
        return not (self.problems or self.missing)

    @property
    def name(self) -> str:
        """Its file name."""
        return shard_name(self.number)


@dataclass(frozen=True)
class Survey:
    """What a cache folder holds. `manifest` is what is wrong with that file, empty where nothing is.

    `job` is the manifest's or, where its header is lost, that of most good shards; None where there is none.
    """

    job: Job | None
    manifest: str
    header_lost: bool
    shards: tuple[Looked, ...]

    @property
    def good(self) -> tuple[Looked, ...]:
        """The shards that can be read, whether the manifest has them or not."""
        return tuple(shard for shard in self.shards if shard.good)

    @property
    def whole(self) -> bool:
        """Whether the manifest says what there is, and all of it is good."""
        return not self.manifest and all(shard.good and shard.line is not None for shard in self.shards)

    @property
    def tokens(self) -> int:
        """How many rows the good shards have."""
        return sum(shard.found.tokens for shard in self.shards if shard.good and shard.found)

    @property
    def lost(self) -> tuple[str, ...]:
        """The shards that are missing: those of the manifest, and those before the last that there is."""
        there = {shard.number for shard in self.shards if not shard.missing}
        known = {shard.number for shard in self.shards}
        return tuple(shard_name(number) for number in range(max(known, default=-1) + 1) if number not in there)


def survey(folder: Path, report: Report) -> Survey:
    """Look at every byte of a cache folder. Raises InterpvizError where it is no cache, or not one that we may judge:

    of a later version, or with a file that this user may not read.
    """
    job, lines, wrong = _stated(folder)
    numbers = sorted(lines.keys() | {int(path.name[6:11]) for path in folder.glob(manifest.SHARD_FILES)})
    shards = []
    for done, number in enumerate(numbers):
        report(done / len(numbers), f"Checking {shard_name(number)}")
        shards.append(_looked(folder, number, lines.get(number), report, done / len(numbers)))
    chosen = job or _usual(shards)
    return Survey(chosen, wrong, job is None, tuple(_of(chosen, shard) for shard in shards))


def look(path: Path, number: int, line: ShardLine | None, report: Report, done: float) -> Looked:
    """One shard file: its sha256, every block, and whether its tokens can be."""
    try:
        sha256 = hashes.content_sha256(path)
    except OSError as error:
        if error.errno != errno.EIO:
            raise InterpvizError(
                f"{path} cannot be read ({error.strerror}). Check the disk and your rights."
            ) from error
        return Looked(number, line, problems=(f"{path.name} cannot be read ({error.strerror}). {REMEDY}",))
    problems = [] if line is None or sha256 == line.sha256 else [_other(path)]
    try:
        shard = Shard(path)
        problems += _damage(shard, report, done)
    except NewerVersion:
        raise
    except InterpvizError as problem:
        return Looked(number, line, problems=(*problems, str(problem)))
    if not problems and line is not None and line.tokens != shard.tokens:
        problems = [_other(path)]
    if shard.number != number:
        problems.append(f"{path.name} holds shard {shard.number}. {REMEDY}")
    found = ShardLine(file=shard_name(number), tokens=shard.tokens, sha256=sha256)
    return Looked(number, line, shard.job, found, tuple(problems))


def _stated(folder: Path) -> tuple[Job | None, dict[int, ShardLine], str]:
    """What of a manifest is as it was written, and what is wrong with the whole."""
    path = folder / manifest.NAME
    if not path.is_file():
        return (
            None,
            {},
            f"{manifest.NAME} is missing. Run `interpviz check --repair` on the folder, which makes it again.",
        )
    try:
        whole = manifest.read(folder)
        return whole.job, {line.number: line for line in whole.shards}, ""
    except CacheDamaged as problem:
        job, lines = manifest.legible(folder)
        return (
            job,
            {line.number: line for line in lines},
            f"{problem} Or run `interpviz check --repair` on the folder, which makes it again.",
        )


def _looked(folder: Path, number: int, line: ShardLine | None, report: Report, done: float) -> Looked:
    path = folder / shard_name(number)
    if not path.is_file():
        return Looked(number, line, missing=True)
    return look(path, number, line, report, done)


def _damage(shard: Shard, report: Report, done: float) -> Iterator[str]:
    """Every dataset that has a damaged block; where none has, what is impossible in its tokens."""
    sound = True
    for name in shard.names:
        report(done)
        try:
            shard[name].all()
        except InterpvizError as problem:
            sound = False
            yield str(problem)
    if sound:
        contexts.texts_of(shard, np.unique(contexts.tokens(shard)[0]))


def _other(path: Path) -> str:
    return f"{path.name} is not the file that was committed. {REMEDY}"


def _usual(shards: list[Looked]) -> Job | None:
    """The job of most good shards."""
    jobs = Counter(shard.job.model_copy(update={"created": ""}) for shard in shards if shard.good and shard.job)
    return jobs.most_common(1)[0][0] if jobs else None


def _of(job: Job | None, shard: Looked) -> Looked:
    """The shard, with a problem more where it is of another job."""
    if job is None or shard.job is None or shard.job.same_as(job):
        return shard
    return replace(shard, problems=(*shard.problems, f"{shard.name} belongs to another cache. {REMEDY}"))
