"""Sessions: a document as a JSON file. What it points at keeps its place when the folder is moved as a whole."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from interpviz.core.document import PANELS, Document
from interpviz.core.errors import InterpvizError
from interpviz.core.experiments import CLEAN, check_site, experiment
from interpviz.core.path_patching import check_paths, parse_paths
from interpviz.data.atomic import replace_file
from interpviz.data.models import is_name
from interpviz.data.session_file import FORMAT, VERSION, SessionFile

FILE_BYTES = 16 * 2**20
MOST_HEADS = 20_000  # each is a painted cell


class BadSession(InterpvizError):
    """The file is no session, or says what cannot be."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path.name} cannot be opened as a session: {what}. Open another, or start anew.")


def save(document: Document, path: Path) -> None:
    """Write the document, whole or not at all. Raises InterpvizError where the place cannot be written.

    Names of models are kept; a path below the session's own folder is written relative to it, any other absolute.
    """
    placed = _with_sources(document, lambda source: _stored(source, path.parent))
    try:
        content = json.loads(SessionFile.of(placed).model_dump_json())
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InterpvizError(f"The session cannot be saved: its {place} is too long. Shorten it.") from error
    try:
        replace_file(path, json.dumps({**content, "crc32": checksum(content)}, indent=1).encode())
    except OSError as error:
        raise InterpvizError(f"{path} cannot be written ({error.strerror}). Save it somewhere else.") from error


def load(path: Path) -> Document:
    """The document of a session file. Raises InterpvizError, whatever the file holds.

    That its model and cache are still there is not looked at: opening them says so.
    """
    found = _parsed(path)
    try:
        document = SessionFile.model_validate_json(found).document()
        _check(document)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "content"
        raise BadSession(path, f"its {place[:80]} is not valid") from error
    except InterpvizError as error:
        raise BadSession(path, str(error).split(". ")[0].rstrip(".")) from error
    return _with_sources(document, lambda source: _found(source, path.parent))


def is_session(start: bytes) -> bool:
    """Whether a file that begins like this may be a session: JSON that names our format early on."""
    return start.lstrip().startswith(b"{") and FORMAT.encode() in start


def missing(document: Document) -> tuple[str, ...]:
    """The sources of the model, the cache, the dictionaries and their indices that are not where the document says."""
    opened = (document.model, document.cache, *document.dictionaries, *document.indices)
    sources = [facts.source for facts in opened if facts]
    return tuple(source for source in sources if not is_name(source) and not Path(source).exists())


def checksum(content: dict[str, object]) -> int:
    """CRC-32 of the content, however it is laid out in the file."""
    return zlib.crc32(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def _parsed(path: Path) -> bytes:
    """The file's content as JSON of a version that can be read here, as it was saved."""
    try:
        if path.stat().st_size > FILE_BYTES:
            raise BadSession(path, "it is far longer than any session")
        raw = path.read_bytes()
        found = json.loads(raw)
    except OSError as error:
        raise InterpvizError(f"{path} cannot be read ({error.strerror}). Choose another file.") from error
    except (ValueError, RecursionError):
        raise BadSession(path, "it is not JSON") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BadSession(path, "it was not saved by interpviz")
    version = found.get("version")
    if type(version) is int and version > VERSION:
        raise InterpvizError(f"{path.name} was saved by a newer interpviz (version {version}). Update interpviz.")
    if found.pop("crc32", None) != checksum(found):
        raise BadSession(path, "it was damaged or changed since it was saved")
    return json.dumps(found).encode()


def _check(document: Document) -> None:
    """Raise InterpvizError where parts of the document contradict each other."""
    model, cache = document.model, document.cache
    kept = (edit for one in document.experiments for edit in one.interventions)
    sites = {*document.selection.sites, *(edit.site for edit in (*document.interventions, *document.off, *kept))}
    if sites and model is None:
        raise InterpvizError("it cuts or selects parts of no model")
    if model and model.layers * model.heads > MOST_HEADS:
        raise InterpvizError(f"its model has over {MOST_HEADS:,} heads")
    for site in sites:
        check_site(document, site)
    for name in document.compared or ():
        experiment(document, name)
    names = [one.name for one in document.experiments]
    if len(set(names)) < len(names) or CLEAN in names:
        raise InterpvizError("two of its experiments have one name, or one is called clean")
    if document.paths.paths and model:
        check_paths(parse_paths(document.paths.paths), model)
    if document.token is not None and not (cache and document.token < cache.tokens):
        raise InterpvizError("it shows a token that its cache has not")
    tokens = document.prompt.tokens
    if tokens and model and max(tokens) >= model.vocab:
        raise InterpvizError("its prompt has tokens that its model has not")
    shown, feature = document.dictionary, document.features.feature
    if feature is not None and not (shown and feature < shown.features):
        raise InterpvizError("it shows a feature that its dictionary has not")
    if not document.panels <= set(PANELS):
        raise InterpvizError("it shows a panel that there is not")


def _with_sources(document: Document, place: Callable[[str], str]) -> Document:
    model, cache = document.model, document.cache
    return replace(
        document,
        model=model and replace(model, source=place(model.source)),
        cache=cache and replace(cache, source=place(cache.source)),
        dictionaries=tuple(replace(one, source=place(one.source)) for one in document.dictionaries),
        indices=tuple(replace(one, source=place(one.source)) for one in document.indices),
    )


def _stored(source: str, folder: Path) -> str:
    if is_name(source):
        return source
    absolute, below = Path(os.path.abspath(source)), Path(os.path.abspath(folder))
    return "./" + absolute.relative_to(below).as_posix() if absolute.is_relative_to(below) else str(absolute)


def _found(source: str, folder: Path) -> str:
    if is_name(source):
        return source
    relative = not Path(source).is_absolute() and not PurePosixPath(source).is_absolute()
    return os.path.abspath(folder / source) if relative else source
