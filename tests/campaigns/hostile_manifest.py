"""Cache folders whose manifest was forged, line by line with its checksum, or is no file at all."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from interpviz.data import manifest
from tests.campaigns.hostile_case import SHARD, Ground, case
from tests.campaigns.hostile_content import STATISTICS
from tests.campaigns.hostile_shard import SITE, header, sealed

Lines = list[dict[str, Any]]
Forge = Callable[[Lines], Lines | None]


def _lines(folder: Path) -> Lines:
    lines = [json.loads(line) for line in (folder / manifest.NAME).read_bytes().splitlines()]
    for fields in lines:
        del fields["crc32"]
    return lines


def forged(name: str, said: str) -> Callable[[Forge], Forge]:
    """Add a case: a cache whose manifest has the lines that this function gives, or changes in place."""

    def add(forge: Forge) -> Forge:
        def craft(ground: Ground) -> Path:
            folder = ground.folder()
            lines = _lines(folder)
            lines = forge(lines) or lines
            (folder / manifest.NAME).write_bytes(b"".join(map(manifest.sealed, lines)))
            return folder

        case(name, said, opener="cache")(craft)
        return forge

    return add


@forged("manifest: lines out of order", "its shards are not in order")
def _order(lines: Lines) -> Lines:
    return [lines[0], lines[1] | {"file": "shard-00001.h5"}, lines[1]]


@forged("manifest: one shard twice", "its shards are not in order")
def _twice(lines: Lines) -> Lines:
    return [*lines, lines[1]]


@forged("manifest: header behind a shard", "a shard's line has no valid")
def _behind(lines: Lines) -> Lines:
    return lines[::-1]


@forged("manifest: file above the folder", "a shard's line has no valid file")
def _above(lines: Lines) -> None:
    lines[1]["file"] = "../secret.h5"


@forged("manifest: absolute file", "a shard's line has no valid file")
def _absolute(lines: Lines) -> None:
    lines[1]["file"] = "/etc/passwd"


@forged("manifest: file name with a line end", "a shard's line has no valid file")
def _line_end(lines: Lines) -> None:
    lines[1]["file"] = "shard-00000.h5\n"


@forged("manifest: file name of other digits", "a shard's line has no valid file")
def _digits(lines: Lines) -> None:
    lines[1]["file"] = "shard-0000\u0660.h5"


@forged("manifest: file name with NUL", "a shard's line has no valid file")
def _nul(lines: Lines) -> None:
    lines[1]["file"] = "shard-00000.h5\0"


@forged("manifest: shard that is not there", "has lost shard-00001.h5")
def _lost(lines: Lines) -> Lines:
    return [*lines, lines[1] | {"file": "shard-00001.h5"}]


@forged("manifest: tokens of 2^63", "a shard's line has no valid tokens")
def _tokens(lines: Lines) -> None:
    lines[1]["tokens"] = 2**63


@forged("manifest: more tokens than the shard has", "it belongs to another cache")
def _more(lines: Lines) -> None:
    lines[1]["tokens"] = 61


@forged("manifest: another model than the shard's", "it belongs to another cache")
def _model(lines: Lines) -> None:
    lines[0]["model"] = "other"


@forged("manifest: version 2.0.0", "is of version 2.0.0, newer than this interpviz reads. Update")
def _newer(lines: Lines) -> None:
    lines[0]["version"] = "2.0.0"


@forged("manifest: version 1.x", "its header has no version")
def _letters(lines: Lines) -> None:
    lines[0]["version"] = "1.x"


@forged("manifest: version that is a number", "its header has no version")
def _number(lines: Lines) -> None:
    lines[0]["version"] = 1.0


@forged("manifest: header alone", "holds no tokens yet")
def _alone(lines: Lines) -> Lines:
    return lines[:1]


@forged("manifest: a line that is wrong", "a shard's line has no valid file")
def _empty(lines: Lines) -> Lines:
    return [lines[0], {}]


def written(name: str, said: str, slow: bool = False) -> Callable[[Callable[[bytes], bytes]], None]:
    """Add a case: a cache whose manifest has the bytes that this function makes of the right ones."""

    def add(forge: Callable[[bytes], bytes]) -> None:
        def craft(ground: Ground) -> Path:
            folder = ground.folder()
            path = folder / manifest.NAME
            path.write_bytes(forge(path.read_bytes()))
            return folder

        case(name, said, opener="cache", slow=slow)(craft)

    return add


@written("manifest: a million lines", "more lines than there can be shards")
def _million(content: bytes) -> bytes:
    return content + b"{}\n" * 1_000_000


@written("manifest: shards by the hundred thousand", "more lines than there can be shards", slow=True)
def _shards(content: bytes) -> bytes:
    fields = json.loads(content.splitlines()[1])
    del fields["crc32"]
    lines = (manifest.sealed(fields | {"file": f"shard-{number % 100_000:05}.h5"}) for number in range(380_000))
    return content.splitlines(keepends=True)[0] + b"".join(lines)


@written("manifest: over 64 MB", "it is far larger than any manifest")
def _large(content: bytes) -> bytes:
    return content + bytes(64 * 2**20)


@written("manifest: nested 100,000 deep", "is not as it was written")
def _deep(content: bytes) -> bytes:
    return content + b"[" * 100_000 + b"}\n"


@written("manifest: lines nested to every depth", "is not as it was written")
def _depths(content: bytes) -> bytes:
    return content + b"".join(b'{"a":' + b"[" * deep + b"]" * deep + b"}\n" for deep in range(100, 1100))


@written("manifest: empty", "is not as it was written")
def _nothing(content: bytes) -> bytes:
    return b""


@written("manifest: no text", "is not as it was written")
def _binary(content: bytes) -> bytes:
    return bytes(range(256)) * 16 + b"}\n"


@written("manifest: keys that stand twice, one of them hidden", "is not as it was written")
def _keys(content: bytes) -> bytes:
    return content.replace(b'"tokens": 60', b'"tokens": 1, "tokens": 61', 1)


@case("manifest that is a pipe", "manifest.jsonl", opener="cache")
def _pipe(ground: Ground) -> Path:
    folder = ground.folder()
    (folder / manifest.NAME).unlink()
    os.mkfifo(folder / manifest.NAME)
    return folder


@case("folder whose manifest is a pipe, dropped on the window", "cache", opener="kind", ends="read")
def _dropped(ground: Ground) -> Path:
    return _pipe(ground)


@case("manifest that is a folder", "manifest.jsonl", opener="cache")
def _folder(ground: Ground) -> Path:
    folder = ground.folder()
    (folder / manifest.NAME).unlink()
    (folder / manifest.NAME).mkdir()
    return folder


@case("manifest that is a link to /dev/zero", "manifest.jsonl", opener="cache")
def _device(ground: Ground) -> Path:
    folder = ground.folder()
    (folder / manifest.NAME).unlink()
    (folder / manifest.NAME).symlink_to("/dev/zero")
    return folder


@case("manifest that is a link to /etc/passwd", "its line 1 is not as it was written", opener="cache")
def _linked(ground: Ground) -> Path:
    folder = ground.folder()
    (folder / manifest.NAME).unlink()
    (folder / manifest.NAME).symlink_to("/etc/passwd")
    return folder


@case("shard that is a link to /etc/passwd", "cannot be opened: HDF5 cannot read it", opener="cache")
def _shard_link(ground: Ground) -> Path:
    folder = ground.folder()
    (folder / SHARD).unlink()
    (folder / SHARD).symlink_to("/etc/passwd")
    return folder


@case("shard that is a pipe", "shard-00000.h5", opener="cache")
def _shard_pipe(ground: Ground) -> Path:
    folder = ground.folder()
    (folder / SHARD).unlink()
    os.mkfifo(folder / SHARD)
    return folder


@case("shards of different widths", "shard-00001.h5 is damaged", opener="cache")
def _widths(ground: Ground) -> Path:
    folder = ground.folder()
    second = Path(shutil.copy(folder / SHARD, folder / "shard-00001.h5"))
    fields = json.loads(header(second)) | {"shard": 1}
    with h5py.File(second, "r+") as file:
        for name in (SITE, *(f"{STATISTICS}/{part}" for part in ("mean", "m2"))):
            values = file[name][..., :24].copy()
            del file[name]
            file[name] = values
            file[f"checksums/{name}"][...] = np.array([zlib.crc32(values.tobytes())], "<u4")
            fields["datasets"][name]["shape"] = values.shape
    sealed(second, json.dumps(fields))
    lines = _lines(folder)
    lines.append(lines[1] | {"file": second.name})
    (folder / manifest.NAME).write_bytes(b"".join(map(manifest.sealed, lines)))
    return folder
