"""The child that reads what `torch.save` wrote: the one caller of `torch.load`, and then of tensors alone.

Run as `python -m interpviz.data.unpickle_child`. Questions are JSON lines: {"path": path} is answered with
{"tensors": {name: shape}}, and {"tensor": name, "start": row, "stop": row} with {} and those rows as float32, raw;
{"done": true} lets the file go. Whatever is the matter is {"error": what it is and what to do}.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import warnings
import zipfile
from typing import Any

import torch
from torch.serialization import get_unsafe_globals_in_checkpoint

from interpviz.core.errors import shown

MEMORY = 2 * 2**30  # beside what torch takes and three times the file
CHECKED = 2**29  # bytes that a slow disk gives within the time allowed; torch itself looks at no checksum
PIECE = 2**20
TENSORS = 4096
NAMES = 10  # of what the file asks for, in one sentence
NUMBERS = {torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.uint8}
CONVERT = "Save a flat dict of tensors with torch.save."

Tensors = dict[str, torch.Tensor]


class Refused(Exception):
    """The file holds something else than tensors, or asks for something that is never done."""


def opened(path: str) -> Tensors:
    """The tensors of the file by name, mapped where it can be. Raises Refused, and whatever torch raises."""
    size = os.path.getsize(path)
    _admit(size)
    packed = zipfile.is_zipfile(path)
    if packed:
        _check_members(path, size)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=packed)
    except Exception as problem:
        if wanted := _wanted(path, str(problem)):
            raise Refused(
                f"asks for code to be run ({wanted}), and only tensors are ever taken from such a file. {CONVERT}"
            ) from problem
        raise
    return _checked(found, size)


def _check_members(path: str, size: int) -> None:
    """Refuse what would unpack to more than the file, as torch packs nothing, and what has a wrong checksum."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > size:
            raise Refused(f"would unpack to more than it is. {CONVERT}")
        if size <= CHECKED and not all(_is_whole(archive, member) for member in members):
            raise Refused("is damaged: a checksum in it is wrong. Copy or fetch it again.")


def _is_whole(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(member) as content:
            while member.CRC and content.read(PIECE):  # torch can be told to write 0 for it
                pass
    except zipfile.BadZipFile:
        return False
    return True


def _wanted(path: str, said: str) -> str:
    """What a file asks for beside tensors, as its pickle names it; "" where that cannot be told."""
    names = re.findall(r"GLOBAL ([\w.]+)", said)
    with contextlib.suppress(Exception):  # the older of torch's two formats is none that it can look through
        names = get_unsafe_globals_in_checkpoint(path) or names
    return ", ".join(shown(name) for name in sorted(set(names))[:NAMES])


def _checked(found: Any, size: int) -> Tensors:
    """The tensors of a flat dict, once they are known to hold no more numbers than the file can."""
    if not isinstance(found, dict) or not found or len(found) > TENSORS:
        raise Refused(f"holds no dict of 1 to {TENSORS:,} tensors. {CONVERT}")
    total = 0
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise Refused(f"holds {shown(str(name)[:80])}, which is no tensor. {CONVERT}")
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.dtype not in NUMBERS:
            raise Refused(f"holds {shown(name)} as {tensor.dtype}, {tensor.layout}. Save it as float32.")
        total += tensor.numel() * tensor.element_size()
    if total > size:  # a view of one number can have any shape
        raise Refused(f"declares {total:,} bytes, more than its {size:,}. {CONVERT}")
    return found


def rows(tensor: torch.Tensor, start: int, stop: int) -> bytes:
    """These rows as float32; a single number is one row."""
    part = tensor.detach().reshape(1) if tensor.ndim == 0 else tensor.detach()[start:stop]
    return part.to(torch.float32).contiguous().numpy().astype("<f4", copy=False).tobytes()


def _cause(problem: Exception) -> str:
    """What torch says in many lines, in a sentence."""
    if isinstance(problem, MemoryError) or "allocate" in str(problem):
        return f"asks for too much memory. {CONVERT}"
    return "is cut, damaged, or nothing that torch.save wrote. Copy or fetch it again."


def _admit(size: int) -> None:
    """Allow what torch has taken, MEMORY, and three times a file of this size."""
    with contextlib.suppress(ImportError, OSError):  # Windows has no such limits
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY + 3 * size, hard))


class _Answers:
    """What is answered, and the file that is open."""

    def __init__(self) -> None:
        self._tensors: Tensors = {}

    def answer(self, message: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """The answer and the bytes behind it, or {"error": what is the matter}."""
        try:
            if "tensor" in message:
                return {}, rows(self._tensors[message["tensor"]], message["start"], message["stop"])
            self._tensors = {}
            if "path" in message:
                self._tensors = opened(message["path"])
            return {"tensors": {name: list(tensor.shape) for name, tensor in self._tensors.items()}}, b""
        except Refused as refused:
            return {"error": str(refused)}, b""
        except Exception as broken:  # whatever torch raises over a broken file is an answer, not a crash
            return {"error": _cause(broken)}, b""


def main() -> None:
    """Answer until the input ends."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = _Answers()
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        said, raw = answers.answer(json.loads(line))
        out.write(json.dumps(said).encode() + b"\n")
        out.write(raw)
        out.flush()


if __name__ == "__main__":
    main()
