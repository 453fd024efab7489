"""What a person wrote of a dictionary's features, kept in the user's own folder: source folders are never written."""

from __future__ import annotations

import itertools
import json
import re
import zlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from interpviz.core.errors import InterpvizError
from interpviz.core.feature_results import Notes
from interpviz.core.paths import user_data
from interpviz.data.atomic import replace_file
from interpviz.data.session_fields import Strict, sound

FORMAT: Literal["interpviz-notes"] = "interpviz-notes"
VERSION: Literal[1] = 1
FILE_BYTES = 64 * 2**20
LONGEST = 10_000
MOST_LISTS = 1000
MOST_FEATURES = 2_000_000

_Feature = Annotated[int, Field(ge=0, lt=2**31)]
_Text = Annotated[str, Field(min_length=1, max_length=LONGEST)]
_Texts = Annotated[tuple[tuple[_Feature, _Text], ...], Field(max_length=MOST_FEATURES)]
_Features = Annotated[tuple[_Feature, ...], Field(max_length=MOST_FEATURES)]
_Lists = Annotated[tuple[tuple[_Text, _Features], ...], Field(max_length=MOST_LISTS)]


class _File(Strict):
    """A file of notes: pairs and features each once, in order."""

    format: Literal["interpviz-notes"] = FORMAT
    version: Literal[1] = VERSION
    texts: _Texts = ()
    labels: _Texts = ()
    bookmarks: _Features = ()
    lists: _Lists = ()

    @model_validator(mode="after")
    def _in_order(self) -> _File:
        keys: list[list[Any]] = [[one for one, _ in pairs] for pairs in (self.texts, self.labels, self.lists)]
        for ordered in (*keys, list(self.bookmarks), *(list(members) for _, members in self.lists)):
            if any(low >= high for low, high in itertools.pairwise(ordered)):
                raise ValueError("out of order")
        return self


class BadNotes(InterpvizError):
    """The file is no notes, or not as they were written."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path.name} is damaged, or holds no notes. Take it away, and they begin anew.")


def load(dictionary_sha256: str) -> Notes:
    """What was noted of the dictionary with these files; no notes where there are none.

    A file that is damaged is put aside under another name, and nothing of it is lost: `problem` then says where it is.
    Raises InterpvizError for a newer version's, which is left alone, and where the file cannot be read.
    """
    path = path_of(dictionary_sha256)
    try:
        return read(path)
    except BadNotes:
        return Notes(problem=_put_aside(path))


def read(path: Path) -> Notes:
    """The notes of a file, none where there is none. Raises BadNotes where it is damaged, InterpvizError else."""
    try:
        raw = path.read_bytes() if path.stat().st_size <= FILE_BYTES else b""
    except FileNotFoundError:
        return Notes()
    except OSError as error:
        raise InterpvizError(f"The notes {path} cannot be read ({error.strerror}). Check your rights there.") from error
    try:
        return _notes(raw, path)
    except (ValueError, RecursionError) as error:
        raise BadNotes(path) from error


def save(dictionary_sha256: str, notes: Notes) -> Notes:
    """Keep these notes, whole or not at all, in the place of those there were; the answer is what was kept.

    Raises InterpvizError where they are longer than notes can be, where a newer version wrote those there were, and
    where the folder cannot be written.
    """
    load(dictionary_sha256)  # a damaged file is put aside, a newer one not overwritten
    path, whole = path_of(dictionary_sha256), written(notes)
    try:
        replace_file(path, whole)
    except OSError as error:
        raise InterpvizError(f"The notes {path} cannot be written ({error.strerror}). Make room there.") from error
    return _notes(whole, path)


def written(notes: Notes) -> bytes:
    """What stands in the file of these notes. Raises InterpvizError where they are longer than notes can be."""
    try:
        content = json.loads(_file(notes).model_dump_json())
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"][:1]) or "content"
        raise InterpvizError(f"The notes cannot be kept: too much or no text in their {place}. Change it.") from error
    whole = json.dumps({**content, "crc32": _checksum(content)}, ensure_ascii=False, indent=1).encode()
    if len(whole) > FILE_BYTES:
        raise InterpvizError(f"The notes cannot be kept: they are over {FILE_BYTES // 2**20} MB. Shorten them.")
    return whole


def path_of(dictionary_sha256: str) -> Path:
    """Where the notes of a dictionary are kept. Raises ValueError for what is no sha256."""
    if not re.fullmatch(r"[0-9a-f]{64}", dictionary_sha256):
        raise ValueError("notes are kept by the sha256 of a dictionary's files")
    folder = user_data() / "notes"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{dictionary_sha256}.json"


def _notes(raw: bytes, path: Path) -> Notes:
    """The notes of a file's content. Raises ValueError where it is damaged, InterpvizError where it is newer."""
    found = json.loads(raw)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError("no notes")
    version = found.get("version")
    if type(version) is int and version > VERSION:
        raise InterpvizError(
            f"The notes {path.name} were written by a newer interpviz (version {version}). Update interpviz."
        )
    if found.pop("crc32", None) != _checksum(found):
        raise ValueError("damaged or changed")
    file = _File.model_validate_json(json.dumps(found))
    return Notes(file.texts, file.labels, frozenset(file.bookmarks), file.lists)


def _file(notes: Notes) -> _File:
    return _File(
        texts=tuple((feature, sound(text)) for feature, text in sorted(notes.texts)),
        labels=tuple((feature, sound(label)) for feature, label in sorted(notes.labels)),
        bookmarks=tuple(sorted(notes.bookmarks)),
        lists=tuple((sound(name), tuple(sorted(members))) for name, members in sorted(notes.lists)),
    )


def _checksum(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def _put_aside(path: Path) -> str:
    """Rename a file that cannot be read, over no other, and say so."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged{'' if number == 1 else f'-{number}'}")).exists():
        number += 1
    try:
        path.rename(aside)
    except OSError as error:
        raise InterpvizError(
            f"The notes {path} are damaged and cannot be put aside ({error.strerror}). Move them away yourself."
        ) from error
    return f"The notes of this dictionary could not be read and were put aside as {aside}. They begin anew."
