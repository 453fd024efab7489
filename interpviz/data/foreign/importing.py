"""Activations of other people, written as a cache of ours: shard by shard, to be stopped and gone on with."""

from __future__ import annotations

import datetime
import time
from concurrent.futures import ThreadPoolExecutor, wait
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.document import NO_MODEL, RAW, CacheFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Import
from interpviz.core.report import Report, silent
from interpviz.core.results import F4, I4
from interpviz.data import hashes
from interpviz.data.activations import Cache
from interpviz.data.foreign import opened
from interpviz.data.foreign.names import TOKENS, chosen
from interpviz.data.foreign.source import BFLOAT16, Rows, Source, Strongest
from interpviz.data.manifest import Codes, Job, ShardLine, shard_name
from interpviz.data.recorder import SHARD_BYTES, committed_tokens, recording, rows_a_shard
from interpviz.data.shard_writer import ShardWriter

PIECE_BYTES = 16 * 2**20
PIECE_ROWS = 2048  # of codes this many take some 50 ms
WAIT = 0.1  # seconds between two looks whether a shard is written
MODEL_LETTERS = 200
NO_TEXT = "?"


def run(job: Import, report: Report = silent) -> CacheFacts:
    """Turn a stranger's activations into the cache that the job names.

    The same job goes on where one was interrupted, and only opens a cache that is complete. Raises InterpvizError
    for a source that is not whole, names that do not go together, and as a recording does.
    """
    out = Path(job.out)
    with opened(Path(job.source), report) as source:
        wanted = Wanted(source, chosen(source.foreign, job.mapping))
        stated = wanted.stated(tuple(hashes.files_sha256((file,), report) for file in source.files))
        held = committed_tokens(out, stated)
        if held < stated.tokens:
            wanted.write(out, stated, held, report)
    report(1.0, f"Imported {stated.tokens:,} rows")
    return Cache.open(out).facts


class Wanted:
    """What of a source is imported, by the names that it gets."""

    def __init__(self, source: Source, names: dict[str, str]) -> None:
        self._source = source
        self.hooks = {old: new for old, new in names.items() if new != TOKENS}
        self.codes = tuple(source.codes[old] for old in self.hooks if old in source.codes)
        self.sites = {new: source.rows(old, new) for old, new in self.hooks.items() if old not in source.codes}
        self.tokens = next((source.rows(old, "") for old, new in names.items() if new == TOKENS), None)
        self.count, self.context = self._counted()
        self.starts = np.array(next(iter(self.sites.values())).starts if self.sites else (0,))

    def _counted(self) -> tuple[int, int]:
        """How many rows all have, in contexts of how many (0: nobody says); raises where they disagree."""
        every: list[Rows | Strongest] = [*self.sites.values(), *self.codes, *([self.tokens] if self.tokens else [])]
        for found in every[1:]:
            if found.count != every[0].count:
                raise InterpvizError(
                    f"{every[0].name} has {every[0].count:,} rows, but {found.name} has {found.count:,}. "
                    "Map only arrays of the same tokens."
                )
        self._check_pieces()
        contexts = {found.context: found.name for found in every if found.context}
        if len(contexts) > 1:
            (one, first), (other, second) = list(contexts.items())[:2]
            raise InterpvizError(
                f"{first} has contexts of {one:,} tokens, but {second} of {other:,}. Map only arrays that go together."
            )
        if self._row_bytes > SHARD_BYTES:
            raise InterpvizError(
                f"A row of all this takes {self._row_bytes / 1e6:,.0f} MB. Map fewer arrays at a time."
            )
        if every[0].count >= 2**31:
            raise InterpvizError(
                f"{every[0].name} has {every[0].count:,} rows, over 2,147,483,647. Import a part of it."
            )
        return every[0].count, next(iter(contexts), 0)

    def _check_pieces(self) -> None:
        """Raise where two arrays have as many rows, but not in each of their pieces: these are not the same tokens."""
        apart = [rows for rows in (*self.sites.values(), *([self.tokens] if self.tokens else [])) if rows.starts[1:]]
        for rows in apart[1:]:
            if rows.starts != apart[0].starts:
                raise InterpvizError(
                    f"The pieces of {apart[0].name} and of {rows.name} have different numbers of rows. "
                    "Map only arrays of the same tokens."
                )

    def stated(self, texts: tuple[str, ...]) -> Job:
        """All that decides what is written; `texts` are the sha256 of the files that it is made of."""
        halves = bool(self.sites) and all(rows.dtype == BFLOAT16 for rows in self.sites.values())
        return Job(
            model=_said(self._source.model),
            model_sha256=NO_MODEL,
            tokenizer_sha256=NO_MODEL,
            numerics=RAW,
            sites=tuple(self.sites),
            dtype="bfloat16" if halves else "float16",
            context=self.context or 1,
            tokens=self.count,
            texts=texts,
            dictionaries=tuple(self._stated_codes(codes) for codes in self.codes),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )

    def _stated_codes(self, codes: Strongest) -> Codes:
        hook = self.hooks[codes.name]
        return Codes(name=codes.name, sha256=NO_MODEL, hook=hook, features=codes.features, k=codes.k)

    def write(self, out: Path, job: Job, held: int, report: Report) -> None:
        """Write every shard that is not committed yet."""
        rows = rows_a_shard(job.context, self._row_bytes)
        piece = max(1, min(PIECE_ROWS, PIECE_BYTES // (2 * self._row_bytes)))
        started, first = time.perf_counter(), held
        room = (self.count - held) * self._row_bytes
        with recording(out, job, room) as recorder, ShardWriter(out, job, rows) as writer:
            for number in recorder.missing(ceil(self.count / rows)):
                texts: dict[int, str] = {}
                for low in range(number * rows, min(self.count, (number + 1) * rows), piece):
                    high = min(self.count, (number + 1) * rows, low + piece)
                    speed = (low - first) / max(time.perf_counter() - started, 1e-9)
                    report(low / self.count, f"Imported {low:,} of {self.count:,} rows, {max(speed, 0):,.0f} rows/s")
                    block = self.block(low, high, report, low / self.count)
                    texts |= {int(i): f"#{i}" if self.tokens else NO_TEXT for i in np.unique(block["tokens/id"])}
                    writer.add(block)
                recorder.commit(_closed(writer, number, texts, report, high / self.count))

    def block(self, start: int, stop: int, report: Report = silent, done: float = 0.0) -> dict[str, NDArray[Any]]:
        """Rows of every dataset, by its path in a shard."""
        document, position = self._places(np.arange(start, stop))
        ids: I4 = self.tokens.ids(start, stop) if self.tokens else np.zeros(stop - start, np.int32)
        block: dict[str, NDArray[Any]] = {"tokens/id": ids, "tokens/document": document, "tokens/position": position}
        for hook, rows in self.sites.items():
            report(done)
            values: F4 = rows.floats(start, stop)
            block[f"activations/{hook}"] = values
        for codes in self.codes:
            report(done)
            index, value = codes.read(start, stop)
            block |= {f"codes/{codes.name}/index": index, f"codes/{codes.name}/value": value}
        return block

    def _places(self, row: NDArray[np.int64]) -> tuple[I4, I4]:
        """The document and position of each row: its context's, or those of the piece that it lay in."""
        if self.context:
            return (row // self.context).astype(np.int32), (row % self.context).astype(np.int32)
        piece = np.searchsorted(self.starts, row, side="right") - 1
        return piece.astype(np.int32), (row - self.starts[piece]).astype(np.int32)

    @property
    def _row_bytes(self) -> int:
        """Bytes of one row on the disk."""
        return 12 + sum(2 * prod(rows.shape) for rows in self.sites.values()) + sum(6 * codes.k for codes in self.codes)


def _closed(writer: ShardWriter, number: int, texts: dict[int, str], report: Report, done: float) -> ShardLine:
    """Make a shard of the rows taken, which takes up to seconds, and ask meanwhile whether it is still wanted."""
    with ThreadPoolExecutor(1) as waiting:
        closing = waiting.submit(writer.close, number, texts)
        try:
            while not wait([closing], WAIT).done:
                report(done, f"Writing {shard_name(number)}")
        except BaseException:
            writer.end()  # so that the thread ends
            raise
        return closing.result()


def _said(model: str) -> str:
    """A model's name as a stranger's file gives it, if it can be shown."""
    return model[:MODEL_LETTERS] if model.isprintable() and model.strip() else "unknown"
