"""Dictionaries, written: a folder that is whole or absent, whatever happens meanwhile."""

from __future__ import annotations

import filecmp
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.features import Layout
from interpviz.core.results import F4
from interpviz.data.atomic import sync_folder
from interpviz.data.dictionaries import saelens, sparsify
from interpviz.data.dictionaries.dictionary import Dictionary
from interpviz.data.dictionaries.reading import plain_name
from interpviz.data.dictionaries.saelens_config import CONFIG
from interpviz.data.dictionaries.written import as_saelens, as_sparsify

_LAYOUTS = {"saelens": (as_saelens, saelens.WEIGHTS), "sparsify": (as_sparsify, sparsify.WEIGHTS)}


def save(
    dictionary: Dictionary, folder: Path | str, layout: Layout = "saelens", metadata: Mapping[str, Any] | None = None
) -> None:
    """Write the dictionary as a folder of SAELens 6 or of sparsify; `metadata` joins what its configuration says.

    A folder that already holds just this is left alone. Raises InterpvizError for any other that is there, for a
    dictionary that the layout has no place for, and where the system refuses.
    """
    place = Path(os.path.expanduser(folder)).resolve()
    plain_name(place.name)
    convert, weights = _LAYOUTS[layout]
    written = convert(dictionary, metadata or {})
    names = (CONFIG, weights)
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(8)}.tmp")
    try:
        if place.exists() and not (place.is_dir() and {one.name for one in place.iterdir()} <= set(names)):
            raise _occupied(place)
        temporary.mkdir(parents=True)
        _write_json(temporary / CONFIG, written.config)
        write_tensors(temporary / weights, written.tensors)
        sync_folder(temporary)
        _settle(temporary, place, names)
    except OSError as error:
        raise InterpvizError(
            f"{place} cannot be written ({error.strerror}). Check the disk's space and your rights."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_tensors(path: Path, tensors: Mapping[str, F4]) -> None:
    """Write a safetensors file, one tensor at a time. Source: the safetensors format."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [end, end + 4 * tensor.size]}
        end += 4 * tensor.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("xb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor, "<f4").data)
        file.flush()
        os.fsync(file.fileno())


def _write_json(path: Path, said: Mapping[str, Any]) -> None:
    with path.open("x", encoding="utf-8") as file:
        json.dump(said, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _settle(temporary: Path, place: Path, names: tuple[str, ...]) -> None:
    """Give the folder its name, unless one with the same files has it."""
    if place.exists() and any(place.iterdir()):
        if filecmp.cmpfiles(temporary, place, names, shallow=False)[0] != list(names):
            raise _occupied(place)
        return
    os.rename(temporary, place)
    sync_folder(place.parent)


def _occupied(place: Path) -> InterpvizError:
    return InterpvizError(f"There is something else at {place}. Choose another folder, or move it away.")
