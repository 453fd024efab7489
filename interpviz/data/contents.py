"""What a path holds, told by its content: the window and `open` take anything that is dropped on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from interpviz.core.errors import InterpvizError
from interpviz.core.features import INDEX_ENDING
from interpviz.data import dictionaries, feature_index_file, foreign, gguf_header, manifest, models, probe, sessions

Kind = Literal["model", "cache", "dictionary", "index", "session", "foreign"]

START = 4096
_PARTS = {manifest.NAME: "cache"} | dict.fromkeys(dictionaries.INNER, "dictionary")


class NotImported(InterpvizError):
    """A stranger's activations were handed to what reads only ours."""

    def __init__(self, path: Path) -> None:
        name = path.name.split(".")[0] or "imported"
        super().__init__(
            f"{path.name} holds activations of another program. Import them first: "
            f"interpviz import {path} --out {name}.acts"
        )


def kind_of(path: Path) -> Kind:
    """Whether this is a model (or its name), a cache, a dictionary, an index, a session, or activations to be imported.

    Only the beginning is looked at: opening it says what is wrong with it. Raises InterpvizError for all else.
    """
    if models.is_name(str(path)):
        return "model"
    if not os.path.exists(path):  # unlike Path's, this never raises
        models.resolve(str(path))  # says what is missing, or how to fetch it
    try:
        return _of_folder(path) if path.is_dir() else _of_file(path)
    except OSError as error:
        raise InterpvizError(f"{path} cannot be read ({error.strerror}). Check the disk and your rights.") from error


def _of_folder(folder: Path) -> Kind:
    if (folder / manifest.NAME).is_file() or any(folder.glob(manifest.SHARD_FILES)):
        return "cache"
    if dictionaries.matches(folder):
        return "dictionary"
    if foreign.is_foreign(folder):
        return "foreign"
    if (folder / "config.json").is_file():
        return "model"
    if dictionaries.begun(folder):  # opening it says what is missing
        return "dictionary"
    raise InterpvizError(
        f"{folder} holds neither a model (config.json), a cache ({manifest.NAME}) nor a dictionary "
        f"({dictionaries.reads()}). Choose a folder that does."
    )


def _of_hdf5(path: Path) -> Kind:
    """A shard, an index, or so damaged that opening it as one says what is the matter; else a stranger's."""
    try:
        found = probe.structure(path)
    except probe.Unreadable:
        return "index" if path.name.endswith(INDEX_ENDING) else "cache"
    kind = found.attributes.get("encoding-type")
    if kind == feature_index_file.ENCODING or "checksums/entries/row" in found.datasets:
        return "index"
    return "cache" if kind == manifest.FORMAT or "checksums/tokens/id" in found.datasets else "foreign"


def _of_file(path: Path) -> Kind:
    start = b""
    if path.is_file():  # to open a pipe would wait for ever
        with path.open("rb") as file:
            start = file.read(START)
    if start.startswith(gguf_header.MAGIC):
        return "model"
    if start.startswith(probe.SIGNATURE):
        return _of_hdf5(path)
    if sessions.is_session(start):
        return "session"
    if dictionaries.matches(path):
        return "dictionary"
    if path.name in _PARTS:
        raise InterpvizError(
            f"{path.name} is part of a {_PARTS[path.name]}. Open the folder that it lies in, {path.parent}."
        )
    if path.suffix == ".safetensors":
        raise InterpvizError(f"{path.name} holds weights alone. Open the folder that it lies in, with config.json.")
    raise InterpvizError(
        f"{path.name} is no model, cache, dictionary, index or session. Open a model folder, a .gguf file, a recorded "
        f"cache, an index of features, a session, or a dictionary: {dictionaries.reads()}."
    )
