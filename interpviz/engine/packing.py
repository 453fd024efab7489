"""Text files cut into contexts of equal length, with what stands where remembered token by token on the disk."""

from __future__ import annotations

import contextlib
import errno
import itertools
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.results import I4
from interpviz.data.hashes import files_sha256
from interpviz.data.texts import documents, own_separator
from interpviz.engine.tokens import encoded

BATCH = 2**16  # characters: a cancel waits for a batch, some 0.05 s
ROW = np.dtype([("token", "<i4"), ("document", "<i4")])


class Packed:
    """`tokens` rows to record, in contexts of `context` of which only the last may be shorter; `sha256` of each file.

    They lie in a file without a name, which is gone once this is closed or the process ends.
    """

    def __init__(self, file: IO[bytes], tokens: int, context: int, sha256: tuple[str, ...]) -> None:
        self._file, self.tokens, self.context, self.sha256 = file, tokens, context, sha256

    def rows(self, start: int, stop: int) -> tuple[I4, I4, I4]:
        """Token, document, and position in its context of the rows from `start` to before `stop`, each (n,)."""
        # Mapped anew each time: a map that stays keeps in memory whatever was read.
        found = np.memmap(self._file, ROW, "r", start * ROW.itemsize, (stop - start,))
        position = np.arange(start, stop, dtype=np.int64) % self.context
        return np.array(found["token"]), np.array(found["document"]), position.astype(np.int32)

    def close(self) -> None:
        """Give the room on the disk back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def packed(
    tokenizer: Any,
    bos: int | None,
    files: Sequence[Path],
    context: int,
    tokens: int | None,
    folder: Path,
    report: Report = silent,
) -> Packed:
    """The files' tokens, one after the other, in contexts of `context` rows that each begin with `bos`, if any.

    Plain text is read as it stands, blank lines and all; a document of JSONL or Parquet is followed by the tokenizer's
    end of text, else by a blank line. A context may hold the end of one document and the start of the next. It stops
    after `tokens` rows, BOS included; the last context may be short, but is never a BOS alone. `folder` is where the
    rows wait, 8 bytes each. Raises InterpvizError for a file that cannot be read, for no tokens, and for a full disk.
    """
    with contextlib.ExitStack() as failing:
        try:
            spool = _Spool(failing.enter_context(tempfile.TemporaryFile(dir=folder)), bos, context, tokens)
        except OSError as error:
            raise _no_room(folder, error) from error
        sha256 = tuple(_sha256(file, report) for file in files)
        with contextlib.closing(_texts(files, _separator(tokenizer))) as texts:
            for batch in _batches(texts):
                share = spool.rows / tokens if tokens else batch[0].file / len(files)
                report(min(share, 1.0), f"Reading the texts: {spool.rows:,} tokens")
                if not _add(spool, tokenizer, batch, folder):
                    break
        rows = spool.finished()
        if not rows:
            raise InterpvizError("The texts have no tokens. Choose files with more text, or record more tokens.")
        failing.pop_all()
        return Packed(spool.file, rows, context, sha256)


class _Text(NamedTuple):
    """What is encoded at once: the number of its file and of its document, and the ids that follow it."""

    text: str
    file: int
    document: int
    after: list[int]


class _Spool:
    """Rows on the disk, with a BOS put in wherever a context begins."""

    def __init__(self, file: IO[bytes], bos: int | None, context: int, most: int | None) -> None:
        self.file, self.rows = file, 0
        self._bos, self._context, self._most = bos, context, most

    def add(self, found: NDArray[np.void]) -> bool:
        """Append ROWs; returns whether there is room for more."""
        if self._bos is not None:
            starts = np.arange(-self.rows % self._context, len(found), self._context - 1)
            found = np.insert(found, starts, found[starts])
            found["token"][starts + np.arange(len(starts))] = self._bos
        found = found[: None if self._most is None else self._most - self.rows]
        self.file.write(found.tobytes())
        self.rows += len(found)
        return self.rows != self._most

    def finished(self) -> int:
        """How many rows are kept: a BOS that nothing follows says nothing."""
        self.file.flush()
        return self.rows - (self._bos is not None and self.rows % self._context == 1)


def _texts(files: Sequence[Path], separator: list[int]) -> Generator[_Text]:
    number = -1
    for at, file in enumerate(files):
        after = [] if own_separator(file) else separator
        for piece, following in itertools.pairwise(itertools.chain(documents(file), [None])):
            assert piece is not None
            number += piece.begins
            ends = following is None or following.begins
            yield _Text(piece.text, at, number, after if ends else [])


def _batches(texts: Iterator[_Text]) -> Iterator[list[_Text]]:
    batch: list[_Text] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text.text)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _add(spool: _Spool, tokenizer: Any, batch: list[_Text], folder: Path) -> bool:
    ids = tokenizer([text.text for text in batch], add_special_tokens=False)["input_ids"]
    parts = [[*found, *text.after] for found, text in zip(ids, batch, strict=True)]
    rows = np.empty(sum(map(len, parts)), ROW)
    rows["token"] = np.fromiter(itertools.chain.from_iterable(parts), np.int32, len(rows))
    rows["document"] = np.repeat([text.document for text in batch], [len(part) for part in parts])
    try:
        return spool.add(rows)
    except OSError as error:
        raise _no_room(folder, error) from error


def _separator(tokenizer: Any) -> list[int]:
    """What follows a document that brings no separator of its own."""
    end = tokenizer.eos_token_id
    return encoded(tokenizer, "\n\n") if end is None else [end]


def _sha256(file: Path, report: Report) -> str:
    own_separator(file)  # it refuses what must not be opened
    try:
        return files_sha256((file,), lambda fraction, text="", partial=None: report(0.0, text))
    except OSError as error:
        raise InterpvizError(f"{file} cannot be read ({error.strerror}). Choose another text file.") from error


def _no_room(folder: Path, error: OSError) -> InterpvizError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "Make room there, or record fewer." if full else "Choose another folder to record into."
    return InterpvizError(f"The tokens of the texts cannot be kept in {folder} ({error.strerror}). {advice}")
