"""Text files cut into contexts of equal length, with what stands where remembered token by token."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.results import I4
from interpviz.engine.tokens import encoded

_BLANK_LINES = re.compile(r"(\n(?:[^\S\n]*\n)+)")


@dataclass(frozen=True, eq=False)
class Packed:
    """Rows to record: `token`, `document` and `position` in its context, each (n,); `sha256` of each file."""

    token: I4
    document: I4
    position: I4
    sha256: tuple[str, ...]

    def contexts(self) -> list[slice]:
        """The rows of each context."""
        starts = [*np.flatnonzero(self.position == 0).tolist(), len(self.position)]
        return [slice(start, stop) for start, stop in itertools.pairwise(starts)]


def packed(
    tokenizer: Any, bos: int | None, files: Sequence[Path], context: int, tokens: int | None, report: Report = silent
) -> Packed:
    """The files' tokens, one after the other, in contexts of `context` tokens that each begin with `bos`, if any.

    Blank lines separate documents; they are read as part of the one that they end, so that the model reads the files
    as they stand. A context may hold the end of one document and the start of the next. It stops after `tokens` rows,
    BOS included; the last context may be short. Raises InterpvizError for a file that is no text, and for no tokens.
    """
    texts = [_text(file) for file in files]
    start = [] if bos is None else [bos]
    room = context - len(start)
    wanted = np.inf if tokens is None else tokens
    ids: list[int] = []
    numbers: list[int] = []
    for number, document in enumerate(part for text, _ in texts for part in documents(text)):
        report(0.0, "Reading the texts")
        piece = encoded(tokenizer, document)
        ids += piece
        numbers += [number] * len(piece)
        if len(ids) >= wanted:
            break
    rows = [_context(start, at, ids, numbers, room) for at in range(0, len(ids), room)]
    every = [np.concatenate(parts)[: None if tokens is None else tokens] for parts in zip(*rows, strict=True)]
    if not every or len(every[0]) <= len(start):
        raise InterpvizError("The texts have no tokens. Choose files with more text, or record more tokens.")
    alone = len(start) and every[2][-1] == 0  # a BOS that nothing follows says nothing
    token, document_of, position = (part[:-1] if alone else part for part in every)
    return Packed(token, document_of, position, tuple(sha256 for _, sha256 in texts))


def documents(text: str) -> Iterator[str]:
    """What blank lines separate, each with the blank lines that follow it."""
    pieces = [*_BLANK_LINES.split(text), ""]
    for document, blank in zip(pieces[::2], pieces[1::2], strict=True):
        if document.strip():
            yield document + blank


def _context(start: list[int], at: int, ids: list[int], numbers: list[int], room: int) -> tuple[I4, I4, I4]:
    token = [*start, *ids[at : at + room]]
    document = [numbers[at]] * len(start) + numbers[at : at + room]
    return np.array(token, np.int32), np.array(document, np.int32), np.arange(len(token), dtype=np.int32)


def _text(file: Path) -> tuple[str, str]:
    """A file's text, with line ends as Unix has them, and its sha256."""
    try:
        raw = file.read_bytes()
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise InterpvizError(f"{file} cannot be read ({error.strerror}). Choose another text file.") from error
    except UnicodeDecodeError as error:
        raise InterpvizError(f"{file.name} is no text in UTF-8. Convert it, or choose another file.") from error
    return text, hashlib.sha256(raw).hexdigest()
