"""Whether a model folder's safetensors files are whole, told from their headers before anything loads them.

Source: the safetensors format (8 bytes of header length, a JSON header, the tensors' bytes without gaps).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interpviz.core.errors import InterpvizError

HEADER_BYTES = 100 * 2**20
INDEX = "model.safetensors.index.json"
INDEX_BYTES = 64 * 2**20

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "U16": 16, "I16": 16, "F16": 16,
    "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64, "F4": 4,
}  # fmt: skip


class WeightsDamaged(InterpvizError):
    """A file of weights is cut or not what its header says."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path.name} in {path.parent.name} is damaged: {what}. Copy or fetch it again.")


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a model folder, those of its index if it has one; raises where one is missing."""
    index = folder / INDEX
    if not index.is_file():
        return tuple(sorted(folder.glob("*.safetensors")))
    mapped = _json(index, INDEX_BYTES).get("weight_map")
    names = set(mapped.values()) if isinstance(mapped, dict) else set()
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise WeightsDamaged(index, "it does not say which file holds which weight")
    files = tuple(folder / name for name in sorted(names))
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise InterpvizError(f"{folder.name} lacks {missing[0]}. Copy or fetch the model again, whole.")
    return files


@dataclass(frozen=True)
class PlacedTensor:
    """A tensor of a file: its type as the format names it ("F32"), its shape, its first byte and the one after it."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def check_safetensors(path: Path) -> None:
    """Raise WeightsDamaged unless the header is well formed and its tensors fill the file exactly."""
    placed_tensors(path)


def placed_tensors(path: Path) -> dict[str, PlacedTensor]:
    """Where each tensor lies in the file, told from its header alone; raises WeightsDamaged as `check_safetensors`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(HEADER_BYTES, size - 8):
            raise WeightsDamaged(path, f"it has {size:,} bytes and ends inside its header")
        header = _parsed(path, file.read(length))
    header.pop("__metadata__", None)
    tensors = {name: _placed(path, name, tensor, 8 + length) for name, tensor in header.items()}
    end = 8 + length
    for start, stop in sorted((tensor.start, tensor.stop) for tensor in tensors.values()):
        if start != end:
            raise WeightsDamaged(path, "its tensors overlap or leave gaps")
        end = stop
    if end != size:
        raise WeightsDamaged(path, f"its header wants {end:,} bytes, but it has {size:,}")
    return tensors


def _placed(path: Path, name: str, tensor: Any, data: int) -> PlacedTensor:
    """The tensor that a header entry places, counted from the file's start; `data` is where the tensors begin."""
    try:
        start, stop = tensor["data_offsets"]
        bits = _BITS[tensor["dtype"]]
        numbers = [start, stop, *tensor["shape"]]
        whole = all(type(number) is int and 0 <= number < 2**62 for number in numbers)
        if whole and (stop - start) * 8 == bits * math.prod(tensor["shape"]):
            return PlacedTensor(tensor["dtype"], tuple(tensor["shape"]), data + start, data + stop)
    except (KeyError, TypeError, ValueError):
        pass
    raise WeightsDamaged(path, f"its tensor {name[:80]} is not as long as its shape says")


def _json(path: Path, limit: int) -> dict[str, Any]:
    if path.stat().st_size > limit:
        raise WeightsDamaged(path, "it is far too long")
    return _parsed(path, path.read_bytes())


def _parsed(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WeightsDamaged(path, "its header is not JSON")
    return found
