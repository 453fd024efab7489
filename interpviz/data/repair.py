"""A damaged cache made readable again: its manifest keeps the shards that are whole, and only those."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.data import contents, manifest
from interpviz.data.manifest import Job
from interpviz.data.recorder import LEFT_BY_A_KILL, locked, sweep
from interpviz.data.survey import Looked, Survey, survey

NOTHING = "There was nothing to repair."


def repair(path: Path, report: Report = silent) -> tuple[tuple[str, ...], Survey]:
    """Make the manifest of a cache folder say what is whole, and say in sentences what was done; and what is left.

    Lines of damaged and missing shards are dropped, those of whole shards that lack theirs are written, a lost header
    is that of the shards themselves. No shard file is deleted: a damaged one stands aside as NAME.damaged, so that
    the command that recorded the cache makes it again. Raises InterpvizError for all but a cache folder, while it is
    being recorded, and where not one shard says what was recorded.
    """
    folder = _cache_folder(path)
    try:
        with locked(folder):
            done = [f"{left.name}, left by a stopped recording, was deleted." for left in folder.glob(LEFT_BY_A_KILL)]
            sweep(folder)
            found = survey(folder, report)
            if found.job is None:
                raise InterpvizError(
                    f"{folder.name} cannot be repaired: neither its manifest nor any shard says what was recorded. "
                    "Take an undamaged copy, or record it again under another name."
                )
            if not found.whole:
                done += _repaired(folder, found, found.job)
    except OSError as error:
        raise InterpvizError(
            f"{folder} cannot be written ({error.strerror}). Check the disk and your rights."
        ) from error
    left = tuple(replace(shard, line=shard.found) for shard in found.good)
    return tuple(done or [NOTHING]), Survey(found.job, "", False, left)


def _repaired(folder: Path, found: Survey, job: Job) -> Iterator[str]:
    """Do it, and say it. The manifest comes last: what stops this half way leaves a folder to be repaired again."""
    for shard in found.shards:
        if shard.missing:
            yield f"The line of {shard.name}, which is missing, was dropped."
        elif not shard.good:
            yield f"{shard.name} is damaged: its file stands aside as {_set_aside(folder, shard)}."
        elif shard.line is None:
            yield f"{shard.name} is whole and has its line again."
    manifest.write(folder, job, (shard.found for shard in found.good if shard.found))
    if found.header_lost:
        yield f"The header of {manifest.NAME} was made again from that of the shards."
    elif found.manifest:
        yield f"{manifest.NAME} was written anew."


def _set_aside(folder: Path, shard: Looked) -> str:
    names = (f"{shard.name}.damaged{f'-{number}' if number else ''}" for number in range(10_000))
    name = next(name for name in names if not (folder / name).exists())
    (folder / shard.name).rename(folder / name)
    return name


def _cache_folder(path: Path) -> Path:
    if path.is_dir() and ((path / manifest.NAME).is_file() or any(path.glob(manifest.SHARD_FILES))):
        return path
    kind = contents.kind_of(path)
    if kind == "foreign":
        raise contents.NotImported(path)
    if kind == "cache":
        raise InterpvizError(
            f"{path.name} is one shard alone, which has nothing to be repaired from. Repair the folder that it lies "
            "in, or record it again."
        )
    raise InterpvizError(
        f"{path} is a {kind}: only a recorded cache can be repaired. Take an undamaged copy, or make it again."
    )
