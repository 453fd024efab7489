"""What a path holds, told by its content: the window and `open` take anything that is dropped on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from interpviz.core.errors import InterpvizError
from interpviz.data import dictionaries, foreign, gguf_header, manifest, models, probe, sessions

Kind = Literal["model", "cache", "dictionary", "session", "foreign"]

START = 4096
_PARTS = {manifest.NAME: "cache", dictionaries.CONFIG: "dictionary", dictionaries.WEIGHTS: "dictionary"}


class NotImported(InterpvizError):
    """A stranger's activations were handed to what reads only ours."""

    def __init__(self, path: Path) -> None:
        name = path.name.split(".")[0] or "imported"
        super().__init__(
            f"{path.name} holds activations of another program. Import them first: "
            f"interpviz import {path} --out {name}.acts"
        )


def kind_of(path: Path) -> Kind:
    """Whether this is a model (or its name), a cache, a dictionary, a session, or activations to be imported.

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
    parts = [name for name in (dictionaries.CONFIG, dictionaries.WEIGHTS) if (folder / name).is_file()]
    if len(parts) == 2:
        return "dictionary"
    if foreign.is_foreign(folder):
        return "foreign"
    if (folder / "config.json").is_file():
        return "model"
    if parts:  # opening it says which is missing
        return "dictionary"
    raise InterpvizError(
        f"{folder} holds neither a model (config.json), a cache ({manifest.NAME}) nor a dictionary "
        f"({dictionaries.CONFIG} and {dictionaries.WEIGHTS}). Choose a folder that does."
    )


def _is_ours(path: Path) -> bool:
    """Whether an HDF5 file is a shard, or so damaged that opening it as one says what is the matter."""
    try:
        found = probe.structure(path)
    except probe.Unreadable:
        return True
    return found.attributes.get("encoding-type") == manifest.FORMAT or "checksums/tokens/id" in found.datasets


def _of_file(path: Path) -> Kind:
    start = b""
    if path.is_file():  # to open a pipe would wait for ever
        with path.open("rb") as file:
            start = file.read(START)
    if start.startswith(gguf_header.MAGIC):
        return "model"
    if start.startswith(probe.SIGNATURE):
        return "cache" if _is_ours(path) else "foreign"
    if sessions.is_session(start):
        return "session"
    if path.name in _PARTS:
        raise InterpvizError(
            f"{path.name} is part of a {_PARTS[path.name]}. Open the folder that it lies in, {path.parent}."
        )
    if path.suffix == ".safetensors":
        raise InterpvizError(f"{path.name} holds weights alone. Open the folder that it lies in, with config.json.")
    raise InterpvizError(
        f"{path.name} is no model, cache, dictionary or session. Open a model folder, a .gguf file, a recorded cache, "
        "a SAELens folder or a session."
    )
