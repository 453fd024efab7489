"""The checkpoints of a training: two by turns, so that one is whole at any moment, and none holds pickle.

    OUT.training/a.safetensors, b.safetensors     tensors, and in the header's metadata the state as JSON and a sha256

The sha256 is over the state and every tensor with its name, type and shape: what a dying disk did to a file is seen.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.data.atomic import sync_folder
from interpviz.data.recorder import LEFT_BY_A_KILL, locked, sweep

SUFFIX = ".training"
NAMES = ("a.safetensors", "b.safetensors")
_TYPES = {torch.float32: "float32", torch.float64: "float64", torch.int64: "int64", torch.bool: "bool"}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training at rest: `tensors` by name, on the CPU, and `state`, which JSON can hold and has its `step`."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]


class Checkpoints:
    """The checkpoints of one training in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._next = 0

    def last(self, arguments: Mapping[str, Any]) -> Checkpoint | None:
        """The checkpoint that is furthest on and whole; None where there is none.

        Raises InterpvizError where one is of other arguments.
        """
        found = {name: checkpoint for name in NAMES if (checkpoint := _read(self.folder / name)) is not None}
        for checkpoint in found.values():
            if checkpoint.state["arguments"] != arguments:
                raise OtherTraining(self.folder, checkpoint.state["arguments"], arguments)
        if not found:
            return None
        name = max(found, key=lambda name: found[name].state["step"])
        self._next = 1 - NAMES.index(name)
        return found[name]

    def write(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint in the place of the one before the last.

        Raises InterpvizError where the disk is full or broken; the last one stays whole.
        """
        path = self.folder / NAMES[self._next]
        try:
            _write(path, checkpoint)
        except (OSError, SafetensorError) as error:
            raise InterpvizError(
                f"A checkpoint cannot be written to {self.folder} ({_reason(error)}). The one before stays whole: make "
                "room, or mend the disk; then run the same command again to go on."
            ) from error
        self._next = 1 - self._next

    def drop(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)


class OtherTraining(InterpvizError):
    """The place holds a training of other arguments."""

    def __init__(self, folder: Path, found: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        names = sorted(name for name in found.keys() | asked.keys() if found.get(name) != asked.get(name))
        said = "another cache" if "cache" in names else f"{names[0]} {found.get(names[0])}" if names else "other work"
        super().__init__(
            f"{folder} holds a training with {said}. Give the arguments that it was started with to go on, or choose "
            "another name after --out."
        )


@contextlib.contextmanager
def checkpoints(out: Path) -> Iterator[Checkpoints]:
    """The checkpoints of the training that ends in the folder `out`; nobody else may use them meanwhile.

    A folder that holds none at the end is taken away. Raises InterpvizError where it cannot be written.
    """
    folder = out.with_name(out.name + SUFFIX)
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder))
            sweep(folder)
        except OSError as error:
            raise InterpvizError(f"{folder} cannot be written ({error.strerror}). Choose another folder.") from error
        held.callback(_tidy, folder)
        yield Checkpoints(folder)


def _tidy(folder: Path) -> None:
    if folder.is_dir():
        sweep(folder)
        with contextlib.suppress(OSError):
            folder.rmdir()


def _write(path: Path, checkpoint: Checkpoint) -> None:
    state = json.dumps(checkpoint.state, sort_keys=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    temporary = path.with_name(f".{path.name}.tmp")
    assert temporary.match(LEFT_BY_A_KILL)
    try:
        save_file(tensors, temporary, {"state": state, "sha256": _sha256(state, tensors)})
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _read(path: Path) -> Checkpoint | None:
    """The checkpoint of a file; None unless every byte of it is as it was written."""
    try:
        with safe_open(path, "pt") as file:
            said = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if said["sha256"] != _sha256(said["state"], tensors):
            return None
        return Checkpoint(tensors, json.loads(said["state"]))
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def _sha256(state: str, tensors: Mapping[str, Tensor]) -> str:
    total = hashlib.sha256(state.encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        total.update(json.dumps([name, _TYPES[tensor.dtype], list(tensor.shape)]).encode())
        total.update(tensor.numpy().reshape(-1).view("u1").data)
    return total.hexdigest()


def _reason(error: Exception) -> str:
    """What the system said, without its number; safetensors passes it on in words of its own."""
    return error.strerror or str(error) if isinstance(error, OSError) else str(error).splitlines()[0][:200]
