"""What the readers of all layouts share: names, sentences for what the system refuses, small JSON, finite weights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from interpviz.core.errors import InterpvizError
from interpviz.core.results import F4
from interpviz.data.dictionaries.dictionary import BadDictionary
from interpviz.data.tensors import finite, read_float32
from interpviz.data.weights import PlacedTensor

JSON_BYTES = 2**20
AGAIN = "Save or fetch it again"

Shapes = Mapping[str, tuple[int, ...]]
Count = Annotated[int, Field(ge=1, lt=2**31)]
Hook = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]


def base_name(path: Path) -> str:
    """What features are called by: the folder's base name, or for a part SET/layer_2.safetensors `SET-layer_2`.

    Raises InterpvizError as `plain_name`.
    """
    if path.is_dir():
        return plain_name(path.resolve().name)
    return plain_name(f"{path.parent.resolve().name}-{path.stem}")  # the file itself may be a link into a store


def plain_name(name: str) -> str:
    """The name, if features can be called by it; raises InterpvizError otherwise."""
    if not name or name != name.strip() or any(mark in name for mark in ":@") or not name.isprintable():
        raise InterpvizError(
            f"Features are called after their dictionary's folder, and '{name}/0' would not be understood. "
            "Give the folder a plain name, without : and @."
        )
    return name


def in_order(name: str) -> list[tuple[int, str]]:
    """What names are sorted by so that layers.10 comes after layers.9."""
    return [(int(piece), "") if piece.isdigit() else (0, piece) for piece in re.split(r"(\d{1,9})", name)]


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Say what the system refuses in a sentence."""
    try:
        yield
    except OSError as error:
        raise InterpvizError(f"{path} cannot be read ({error.strerror}). Check the disk and your rights.") from error
    except MemoryError as error:
        raise InterpvizError(f"There is not enough memory for {path.name}. Close other programs or models.") from error


def json_object(path: Path) -> dict[str, Any]:
    """The object that a small JSON file holds; raises BadDictionary, in the name of its folder, for all else."""
    raw = path.read_bytes() if path.stat().st_size <= JSON_BYTES else b""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadDictionary(path.parent, f"{path.name} is no JSON object, or far too long", f"{AGAIN}.")
    return found


def check_shapes(path: Path, found: Shapes, wanted: Shapes, config: str) -> None:
    """Raise BadDictionary unless the tensors of this file are those wanted, which `config` states, and no other."""
    missing = [name for name in wanted if name not in found]
    if missing:
        raise BadDictionary(path.parent, f"{path.name} lacks {missing[0]}", f"{AGAIN}, whole.")
    strange = sorted(found.keys() - wanted.keys())
    if strange:
        raise BadDictionary(
            path.parent,
            f"by its {config} it has no tensor {strange[0][:80]!r}",
            f"Put the {config} that belongs to these weights beside them.",
        )
    wrong = [name for name, shape in wanted.items() if found[name] != shape]
    if wrong:
        raise BadDictionary(
            path.parent,
            f"its {wrong[0]} is {said(found[wrong[0]])}, and {config} says {said(wanted[wrong[0]])}",
            f"Put the {config} that belongs to these weights beside them.",
        )


def said(shape: tuple[int, ...]) -> str:
    """A shape in words."""
    return " x ".join(map(str, shape[:8])) or "a single number"


def read_tensor(path: Path, name: str, tensor: PlacedTensor) -> F4:
    """A tensor of a safetensors file as float32; raises BadDictionary for NaN and infinite numbers."""
    return checked(path, name, read_float32(path, tensor))


def checked(path: Path, name: str, values: F4) -> F4:
    """The values, if all are finite; raises BadDictionary, in the name of the file's folder, otherwise."""
    if not finite(values):
        raise BadDictionary(path.parent, f"its {name} holds NaN or infinite numbers", "Train, save or fetch it again.")
    return values
