"""What a model's name or path means, and which names there are."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from interpviz.core.errors import InterpvizError
from interpviz.core.paths import resource
from interpviz.data.fetch import PACKAGES, fetch, fetched_folder, fetched_gguf
from interpviz.data.gguf_header import MAGIC, check_header
from interpviz.data.hashes import model_sha256, tokenizer_sha256
from interpviz.data.weights import check_safetensors, weight_files

__all__ = [
    "Entry",
    "ModelSource",
    "fetch",
    "fetched_folder",
    "is_name",
    "model_sha256",
    "registry",
    "resolve",
    "tokenizer_sha256",
]

CONFIG_BYTES = 4 * 2**20
BUNDLED = {"demo": "demo/model"}

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class ModelSource:
    """A model that can be loaded: a Hugging Face folder or a GGUF file, checked as far as headers go."""

    name: str
    path: Path
    kind: Literal["folder", "gguf"]


@dataclass(frozen=True)
class Entry:
    """A name that a model can be opened by, and whether its files are here; `note` says what it is."""

    name: str
    state: Literal["bundled", "fetched", "to fetch"]
    note: str


def registry() -> tuple[Entry, ...]:
    """Every model that has a name: those shipped, then those that can be fetched."""
    shipped = tuple(Entry(name, "bundled", "trained by the project, shipped with it") for name in BUNDLED)
    return shipped + tuple(
        Entry(name, "fetched" if _fetched(name) else "to fetch", package.note) for name, package in PACKAGES.items()
    )


def is_name(source: str) -> bool:
    """Whether this is the name of a bundled or fetchable model, which means the same everywhere."""
    return source in BUNDLED or source in PACKAGES


def resolve(source: str) -> ModelSource:
    """The model that a bundled or fetched name, a folder or a `.gguf` file means.

    Raises an InterpvizError where there is none, where its files are cut, where it has only pickled weights, and
    where it brings code of its own.
    """
    if source in BUNDLED:
        return _checked(source, resource(BUNDLED[source]))
    if source in PACKAGES:
        path = _fetched(source)
        if path is None:
            raise InterpvizError(f"{source} is not here yet. Fetch it: interpviz models get {source}")
        return _checked(source, path)
    given = os.path.expanduser(source)
    if not source or not os.path.exists(given):  # unlike Path's, these two never raise
        raise _missing(source)
    path = Path(given).resolve()
    return _checked(path.name.removesuffix(".gguf"), path)


def _fetched(name: str) -> Path | None:
    """The converted folder of a fetched model, else its GGUF file, if either is here."""
    found = (path for path in (fetched_folder(name), fetched_gguf(name)) if path.exists())
    return next(found, None)


def _missing(source: str) -> InterpvizError:
    if _HUB_ID.fullmatch(source) and not source.startswith("."):
        return InterpvizError(
            f"{source} is not here, and `interpviz models get {source}` cannot fetch it yet. "
            "Download its folder (config.json, .safetensors, tokenizer.json) and open that."
        )
    names = ", ".join(entry.name for entry in registry())
    return InterpvizError(
        f"There is no model '{source}'. Give a model folder, a .gguf file or one of these names: {names}."
    )


def _checked(name: str, path: Path) -> ModelSource:
    try:
        if path.is_dir():
            _check_folder(name, path)
            return ModelSource(name, path, "folder")
        _check_file(path)
        return ModelSource(name, path, "gguf")
    except OSError as error:
        raise InterpvizError(f"{path} cannot be read ({error.strerror}). Check the disk and your rights.") from error


def _check_file(path: Path) -> None:
    magic = b""
    if path.is_file() or not path.exists():  # to open a pipe would wait for ever
        with path.open("rb") as file:
            magic = file.read(4)
    if magic != MAGIC:
        raise InterpvizError(f"{path.name} is no model. Choose a .gguf file, or the folder that config.json lies in.")
    check_header(path)


def _check_folder(name: str, folder: Path) -> None:
    config = folder / "config.json"
    if not config.is_file():
        raise InterpvizError(f"{folder} holds no config.json, so it is no model. Choose the folder it lies in.")
    for described in (config, folder / "tokenizer_config.json"):
        if described.is_file() and "auto_map" in _json(described):
            raise InterpvizError(
                f"{name} wants to run Python code of its own (auto_map in {described.name}), which is never done here. "
                "Choose a model of an architecture that transformers knows."
            )
    files = weight_files(folder)
    if not files:
        raise _no_weights(name, folder)
    for file in files:
        check_safetensors(file)


def _no_weights(name: str, folder: Path) -> InterpvizError:
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth")):
        return InterpvizError(
            f"{name} has only pickled weights, which can run code when they are opened. "
            "Choose a copy with .safetensors files."
        )
    return InterpvizError(f"{folder} holds no .safetensors file, so it has no weights. Fetch the model again, whole.")


def _json(path: Path) -> dict[str, Any]:
    """A small JSON object of a model folder."""
    raw = path.read_bytes() if path.stat().st_size <= CONFIG_BYTES else b""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InterpvizError(f"{path} is not readable JSON. Fetch the model again.")
    return found
