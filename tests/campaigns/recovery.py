"""What must hold of a recording that was stopped, and of the same job after it has gone on."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.data import manifest
from interpviz.data.activations import Cache
from interpviz.data.recorder import finished
from interpviz.data.shard import Shard
from tests.campaigns.course import KINDS, ROWS, SHARDS, Rows, record
from tests.campaigns.tally import Lost

LIMIT = 10.0  # seconds that anything may take to end


def committed(folder: Path) -> set[int]:
    """The shards that the manifest names; none where there is no manifest yet."""
    if not (folder / manifest.NAME).exists():
        return set()
    return {line.number for line in manifest.read(folder).shards}


def look(folder: Path, kind: str, rows: Rows, closed: Collection[int], stated: Collection[int]) -> None:
    """Every shard that has a name is exact, and none is lost that was `closed`, nor a line that was `stated`.

    Raises Lost.
    """
    try:
        lines = committed(folder)
        for path in folder.glob("shard-*.h5"):
            exact(path, kind, rows)
        if lines:
            _read(folder, kind, rows, len(lines))
        whole = lines | {n for n in range(SHARDS) if finished(folder, KINDS[kind], n) is not None}
    except InterpvizError as sentence:
        raise Lost("differently", f"what was left is refused: {sentence}") from sentence
    if not lines:
        _holds_nothing(folder)
    if not set(stated) <= lines or not set(closed) <= whole:
        raise Lost("differently", f"closed {closed} and stated {stated}, but left are {whole}, of which stated {lines}")


def exact(path: Path, kind: str, rows: Rows) -> None:
    """Every dataset of a shard is what was handed over, in the type in which it is stored."""
    shard = Shard(path)
    here = slice(shard.number * ROWS, (shard.number + 1) * ROWS)
    for name, values in rows.items():
        if not np.array_equal(shard[name].all(), stored(name, values[here], KINDS[kind].dtype)):
            raise Lost("differently", f"{name} of {path.name} is not what was handed over")


def stored(name: str, values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """What the disk should hold of these values, which its type holds exactly."""
    if values.dtype != np.float32:
        return values
    if dtype == "bfloat16" and name.startswith("activations/"):
        return (values.view("<u4") >> 16).astype("<u2")
    return values.astype("<f2")


def go_on(folder: Path, kind: str, overlapping: bool) -> None:
    """The same job again, undisturbed. Raises Lost where it is refused, or takes longer than anything should."""
    started = time.monotonic()
    try:
        record(folder, kind, overlapping)
    except InterpvizError as sentence:
        raise Lost("crashes", f"it cannot go on: {sentence}") from sentence
    if time.monotonic() - started > LIMIT:
        raise Lost("stalls", f"to go on took {time.monotonic() - started:.0f} s")


def same(folder: Path, whole: Path) -> None:
    """Shards equal byte for byte, the manifest but for its date, and nothing else lies there. Raises Lost."""
    names = {path.name for path in folder.iterdir()}
    if names != {path.name for path in whole.iterdir()}:
        raise Lost("differently", f"the folder holds {sorted(names)}")
    for name in names - {manifest.NAME}:
        if (folder / name).read_bytes() != (whole / name).read_bytes():
            raise Lost("differently", f"{name} is not what an undisturbed recording makes")
    if _undated(folder) != _undated(whole):
        raise Lost("differently", f"its manifest reads {_undated(folder)}")


def _read(folder: Path, kind: str, rows: Rows, shards: int) -> None:
    """The cache, as everyone opens it."""
    cache = Cache.open(folder)
    if cache.facts.tokens != shards * ROWS:
        raise Lost("differently", f"the cache has {cache.facts.tokens} rows, its manifest {shards} shards")
    count = shards * ROWS
    tokens, every = cache.tokens(), np.arange(count)
    read: Rows = {"tokens/id": tokens.id, "tokens/document": tokens.document, "tokens/position": tokens.position}
    read |= {f"activations/{site}": cache.rows(site, every) for site in KINDS[kind].sites}
    for name in cache.facts.codes:
        codes = cache.codes(name, every)
        read |= {f"codes/{name}/index": codes.index, f"codes/{name}/value": codes.value}
    for name, values in rows.items():
        if not np.array_equal(read[name], values[:count]):
            raise Lost("differently", f"the cache reads {name} wrong")


def _holds_nothing(folder: Path) -> None:
    try:
        Cache.open(folder)
    except InterpvizError as sentence:
        if sentence_problem(str(sentence)) is None:
            return
    raise Lost("crashes", "a cache without rows is not refused in a sentence")


def sentence_problem(text: str) -> str | None:
    """Why this is not what a person should be told: one or two plain sentences, on one line."""
    if "\n" in text.strip() or "Traceback" in text or not text.strip().endswith("."):
        return f"this is no sentence: {text!r}"
    return None


def _undated(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / manifest.NAME).read_bytes().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("created", "crc32")} for line in lines]
