"""Shards of ours whose header was forged, with a checksum that is right."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.campaigns.hostile_case import Ground, case

SITE = "activations/blocks.0.hook_resid_post"
UNLIKE = "is missing or not as its header says"
UNDESCRIBED = "its header does not describe its datasets"

Forge = Callable[[dict[str, Any]], None]


def sealed(path: Path, text: str) -> Path:
    """The shard with this header and the CRC-32 of it."""
    with h5py.File(path, "r+") as file:
        file.attrs["header"] = text
        file.attrs["header-crc32"] = np.uint32(zlib.crc32(text.encode()))
    return path


def header(path: Path) -> str:
    """The header of a shard."""
    with h5py.File(path, "r") as file:
        return str(file.attrs["header"])


def forged(name: str, said: str) -> Callable[[Forge], Forge]:
    """Add a case: a shard whose header this function changes."""

    def add(forge: Forge) -> Forge:
        def craft(ground: Ground) -> Path:
            path = ground.shard()
            fields = json.loads(header(path))
            forge(fields)
            return sealed(path, json.dumps(fields))

        case(name, said, opener="cache")(craft)
        return forge

    return add


def _shape(fields: dict[str, Any], shape: list[Any]) -> None:
    fields["datasets"][SITE]["shape"] = shape


@forged("header: shape whose product passes 2^64", f"{SITE} {UNLIKE}")
def _wrapping(fields: dict[str, Any]) -> None:
    _shape(fields, [2**33, 2**33, 60])


@forged("header: shape of a length over 2^40", UNDESCRIBED)
def _long(fields: dict[str, Any]) -> None:
    _shape(fields, [2**64, 48])


@forged("header: negative shape", UNDESCRIBED)
def _negative(fields: dict[str, Any]) -> None:
    _shape(fields, [-60, -48])


@forged("header: shape of no axis", UNDESCRIBED)
def _flat(fields: dict[str, Any]) -> None:
    _shape(fields, [])


@forged("header: shape of 1e30", UNDESCRIBED)
def _float(fields: dict[str, Any]) -> None:
    _shape(fields, [1e30, 48])


@forged("header: shape that swaps rows and columns", f"{SITE} {UNLIKE}")
def _swapped(fields: dict[str, Any]) -> None:
    _shape(fields, [48, 60])


def _dtype(fields: dict[str, Any], dtype: str) -> None:
    fields["datasets"]["vocabulary/text"]["dtype"] = dtype


@forged("header: dtype of Python objects", UNDESCRIBED)
def _objects(fields: dict[str, Any]) -> None:
    _dtype(fields, "|O")


@forged("header: dtype of no bytes", UNDESCRIBED)
def _no_bytes(fields: dict[str, Any]) -> None:
    _dtype(fields, "|S0")


@forged("header: dtype of 999,999,999 bytes", UNDESCRIBED)
def _wide(fields: dict[str, Any]) -> None:
    _dtype(fields, "|S999999999")


@forged("header: dtype that is a list", UNDESCRIBED)
def _list(fields: dict[str, Any]) -> None:
    fields["datasets"]["vocabulary/text"]["dtype"] = [["a", "<f8"]]


@forged("header: dtype of other digits", f"vocabulary/text {UNLIKE}")
def _digits(fields: dict[str, Any]) -> None:
    _dtype(fields, "|S1\u0663")


@forged("header: no datasets", "it has no tokens/id of the right type")
def _none(fields: dict[str, Any]) -> None:
    fields["datasets"] = {}


@forged("header: a dataset too many", f"../secret.h5 {UNLIKE}")
def _more(fields: dict[str, Any]) -> None:
    fields["datasets"]["../secret.h5"] = {"shape": [3], "dtype": "<i4"}


@forged("header: a dataset whose name would write on the screen", UNLIKE)
def _loud(fields: dict[str, Any]) -> None:
    fields["datasets"]["a\nb\u202ec\x07" + "n" * 10_000] = {"shape": [3], "dtype": "<i4"}


@forged("header: 400,000 sites", "its header has no valid sites")
def _sites(fields: dict[str, Any]) -> None:
    fields["sites"] = ["a"] * 400_000


@forged("header: sites that the shard has not", "it has no activations/elsewhere of the right type")
def _elsewhere(fields: dict[str, Any]) -> None:
    fields["sites"] = ["elsewhere"]


@forged("header: one site twice", "its header has no valid")
def _twice(fields: dict[str, Any]) -> None:
    fields["sites"] = fields["sites"] * 2


@forged("header: format of somebody else", "holds no activations of interpviz")
def _format(fields: dict[str, Any]) -> None:
    fields["format"] = "zarr"


@forged("header: version 2.0.0", "is of version 2.0.0, newer than this interpviz reads")
def _newer(fields: dict[str, Any]) -> None:
    fields["version"] = "2.0.0"


@forged("header: version that would write on the screen", "its header has no version")
def _loud_version(fields: dict[str, Any]) -> None:
    fields["version"] = "2.\n\u202e" + "9" * 5000


@forged("header: version 1.x", "its header has no version")
def _letters(fields: dict[str, Any]) -> None:
    fields["version"] = "1.x"


def _scaled(name: str, scale: str) -> None:
    def craft(ground: Ground) -> Path:
        path = ground.shard()
        fields = json.loads(header(path))
        fields["datasets"][SITE]["scale"] = 12345.5
        return sealed(path, json.dumps(fields).replace("12345.5", scale))

    case(f"header: scale {name}", UNDESCRIBED, opener="cache")(craft)


for _name, _scale in {
    "NaN": "NaN",
    "infinity": "Infinity",
    "0": "0.0",
    "-1": "-1.0",
    "that is a text": '"1.0"',
    "1e300": "1e300",
    "of 1e999": "1e999",
    "1e-320": "1e-320",
}.items():
    _scaled(_name, _scale)


@case("header of 2 MB", "60 tokens", opener="cache", ends="read")
def _large(ground: Ground) -> Path:
    path = ground.shard()
    return sealed(path, header(path)[:-1] + f', "note": "{"x" * 2 * 2**20}"}}')


@case("header of 8 MB", "its attribute header is too long a text", opener="cache")
def _larger(ground: Ground) -> Path:
    path = ground.shard()
    return sealed(path, header(path)[:-1] + f', "note": "{"x" * 8 * 2**20}"}}')


@case("header nested 100,000 deep", "holds no activations of interpviz", opener="cache")
def _nested(ground: Ground) -> Path:
    return sealed(ground.shard(), "[" * 100_000)


@case("header whose field is nested 500 deep", "its header has no valid", opener="cache")
def _half_nested(ground: Ground) -> Path:
    path = ground.shard()
    return sealed(path, header(path)[:-1] + ', "note": ' + "[" * 500 + "]" * 500 + "}")


@case("header with a number of 10,000 digits", "holds no activations of interpviz", opener="cache")
def _digits_of_a_number(ground: Ground) -> Path:
    path = ground.shard()
    return sealed(path, header(path)[:-1] + ', "note": ' + "9" * 10_000 + "}")


@case("header whose keys stand twice: the last holds", "60 tokens", opener="cache", ends="read")
def _keys(ground: Ground) -> Path:
    path = ground.shard()
    return sealed(path, '{"format": "zarr", "version": "9.9.9", "tokens": -1, "datasets": {}, ' + header(path)[1:])


@case("header whose checksum is wrong", "its header is not as it was written", opener="cache")
def _checksum(ground: Ground) -> Path:
    path = ground.shard()
    with h5py.File(path, "r+") as file:
        file.attrs["header-crc32"] = np.uint32(1)
    return path


@case("header that is no text", "its header is not as it was written", opener="cache")
def _number(ground: Ground) -> Path:
    path = ground.shard()
    with h5py.File(path, "r+") as file:
        file.attrs["header"] = np.zeros(4)
    return path


@case("header with a lone surrogate", "its header", opener="cache")
def _surrogate(ground: Ground) -> Path:
    path = ground.shard()
    return sealed(path, header(path).replace('"toy"', '"\\ud800"'))
