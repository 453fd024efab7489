"""What a hostile case is: a file crafted to harm, how the program opens it, and how that must end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py

Craft = Callable[["Ground"], Path]
Spoil = Callable[[Any, "Ground"], None]
Ends = Literal["refused", "read"]

SECRET = b"SECRET-of-another-file"
SHARD = "shard-00000.h5"


@dataclass(frozen=True)
class Ground:
    """Where a case is crafted: an empty folder beside whose parent secrets lie, and a cache of one shard to copy."""

    here: Path
    cache: Path

    @property
    def secrets(self) -> tuple[Path, ...]:
        """Files that no case may read: HDF5 with the dataset `x`, and plain bytes, beside the case and above it."""
        return tuple(folder / name for folder in (self.here, self.here.parent) for name in ("secret.h5", "secret.bin"))

    def plant(self) -> None:
        """Write the secrets."""
        self.here.mkdir(parents=True)
        for path in self.secrets:
            if path.suffix == ".h5":
                with h5py.File(path, "w") as file:
                    file.create_dataset("x", data=bytearray(SECRET), dtype="u1")
            else:
                path.write_bytes(SECRET)

    def folder(self) -> Path:
        """A copy of the cache."""
        return Path(shutil.copytree(self.cache, self.here / self.cache.name))

    def shard(self) -> Path:
        """A copy of its shard, alone."""
        return Path(shutil.copy(self.cache / SHARD, self.here / SHARD))

    def stranger(self, libver: str = "earliest") -> Path:
        """An HDF5 file of somebody else's, with one dataset."""
        path = self.here / "stranger.h5"
        with h5py.File(path, "w", libver=libver) as file:
            file["values"] = range(4)
        return path


@dataclass(frozen=True)
class Case:
    """`opener` is a name of hostile_child.OPENERS; `said` must stand in the refusal, or in what was read."""

    name: str
    craft: Craft
    opener: str
    ends: Ends
    said: str
    slow: bool


HOSTILE: list[Case] = []


def case(name: str, said: str, *, opener: str, ends: Ends = "refused", slow: bool = False) -> Callable[[Craft], Craft]:
    """Add a case that this function crafts; `slow` ones take over a second."""

    def add(craft: Craft) -> Craft:
        HOSTILE.append(Case(name, craft, opener, ends, said, slow))
        return craft

    return add


def in_shard(name: str, said: str, ends: Ends = "refused", slow: bool = False) -> Callable[[Spoil], Spoil]:
    """Add a case that this function makes of a shard of ours, open as (file, ground)."""

    def add(spoil: Spoil) -> Spoil:
        HOSTILE.append(Case(name, lambda ground: _spoiled(ground.shard(), spoil, ground), "cache", ends, said, slow))
        return spoil

    return add


def in_stranger(
    name: str, said: str, ends: Ends = "refused", libver: str = "earliest", slow: bool = False
) -> Callable[[Spoil], Spoil]:
    """Add a case that this function makes of somebody else's file, open as (file, ground)."""

    def add(spoil: Spoil) -> Spoil:
        HOSTILE.append(
            Case(name, lambda ground: _spoiled(ground.stranger(libver), spoil, ground), "hdf5", ends, said, slow)
        )
        return spoil

    return add


def _spoiled(path: Path, spoil: Spoil, ground: Ground) -> Path:
    with h5py.File(path, "r+", libver=("earliest", "latest")) as file:
        spoil(file, ground)
    return path
