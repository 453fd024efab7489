"""The manifest of a cache: which job it answers, and which shards are whole. One JSON line each, with its CRC-32."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interpviz.core.errors import InterpvizError
from interpviz.data.atomic import replace_file, sync_folder

NAME = "manifest.jsonl"
FORMAT = "interpviz-activations"
VERSION = "1.0.0"
MANIFEST_BYTES = 64 * 2**20

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1, max_length=4096)]
Count = Annotated[int, Field(ge=0, lt=2**40)]


class CacheDamaged(InterpvizError):
    """A file of a cache is not as it was written."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path.name} is damaged: {what}. Record it again, or take an undamaged copy.")


class NewerVersion(InterpvizError):
    """A file was written by a later interpviz, in a way that this one cannot know."""

    def __init__(self, path: Path, version: object) -> None:
        super().__init__(f"{path.name} is of version {version}, newer than this interpviz reads. Update interpviz.")


class Job(BaseModel):
    """All that decides what is recorded. Every shard is a function of this (without `created`) and its number.

    `sites` are hook names; `tokens` is how many rows all shards together will hold; `texts` are the sha256 of the
    text files in their order; `created` is UTC in ISO 8601.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    model: Text
    model_sha256: Sha256
    tokenizer_sha256: Sha256
    numerics: Annotated[str, Field(pattern=r"^(huggingface|folded)$")]
    sites: Annotated[tuple[Text, ...], Field(min_length=1, max_length=10_000)]
    dtype: Annotated[str, Field(pattern=r"^float16$")]
    context: Annotated[int, Field(ge=1, lt=2**24)]
    tokens: Count
    texts: tuple[Sha256, ...]
    created: str = ""

    def same_as(self, other: Job) -> bool:
        """Whether both ask for the same activations, whenever they were started."""
        return self.model_copy(update={"created": ""}) == other.model_copy(update={"created": ""})

    def as_json(self, created: bool = True) -> dict[str, Any]:
        """The fields beside the format's name and version."""
        return {"format": FORMAT, "version": VERSION, **self.model_dump(exclude=None if created else {"created"})}


class ShardLine(BaseModel):
    """One committed shard: its file name, rows and sha256."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    file: Annotated[str, Field(pattern=r"^shard-\d{5}\.h5$")]
    tokens: Annotated[int, Field(ge=1, lt=2**40)]
    sha256: Sha256


@dataclass(frozen=True)
class Manifest:
    """A cache's job and its committed shards, with the sha256 of the lines that say so."""

    job: Job
    shards: tuple[ShardLine, ...]
    sha256: str


def shard_name(number: int) -> str:
    """The file name of a shard."""
    return f"shard-{number:05}.h5"


def parse_job(path: Path, text: str | bytes) -> Job:
    """The job that a header (JSON) of `path` states; raises NewerVersion or CacheDamaged."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise InterpvizError(f"{path.name} holds no activations of interpviz. Record a cache with `interpviz record`.")
    check_version(path, fields.get("version"))
    try:
        return Job.model_validate_json(text)
    except ValidationError as error:
        raise CacheDamaged(path, f"its header has no valid {_place(error)}") from error


def check_version(path: Path, version: object) -> None:
    """Raise NewerVersion where the major version is beyond ours, CacheDamaged where it is none."""
    major = version.split(".")[0] if isinstance(version, str) else ""
    if not (major.isascii() and major.isdigit() and len(major) < 10):
        raise CacheDamaged(path, "its header has no version")
    if int(major) > int(VERSION.split(".")[0]):
        raise NewerVersion(path, version)


def read(folder: Path) -> Manifest:
    """The manifest of a cache folder. A torn last line, left by a killed writer, is ignored."""
    path = folder / NAME
    content = _content(folder, path)
    whole, _, torn = content.rpartition(b"\n")
    if b"}" in torn:  # not torn: only its line end is missing or damaged
        whole = content
    raw = whole.split(b"\n")
    lines = [_unsealed(line) for line in raw]
    if any(line is None for line in lines):
        raise CacheDamaged(path, f"its line {lines.index(None) + 1} is not as it was written")
    try:
        shards = tuple(ShardLine.model_validate(line) for line in lines[1:])
    except ValidationError as error:
        raise CacheDamaged(path, f"a shard's line has no valid {_place(error)}") from error
    if [shard.file for shard in shards] != [shard_name(number) for number in range(len(shards))]:
        raise CacheDamaged(path, "its shards are not in order")
    return Manifest(parse_job(path, raw[0]), shards, hashlib.sha256(whole).hexdigest())


def create(folder: Path, job: Job) -> None:
    """Start a manifest: only its header."""
    replace_file(folder / NAME, sealed(job.as_json()))


def append(folder: Path, shard: ShardLine) -> None:
    """Commit one shard, whose file is already whole and on the disk."""
    path = folder / NAME
    with path.open("r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        unended = _unsealed(content[whole:]) is not None
        file.seek(len(content) if unended else whole)  # a torn last line is written over
        file.truncate()
        file.write(b"\n" * unended + sealed(shard.model_dump()))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def sealed(fields: dict[str, Any]) -> bytes:
    """A JSON line with the CRC-32 of its other fields."""
    return json.dumps({**fields, "crc32": _sum(fields)}).encode() + b"\n"


def _unsealed(line: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.pop("crc32", None) != _sum(fields):
        return None
    return fields


def _sum(fields: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(fields, sort_keys=True).encode())


def _content(folder: Path, path: Path) -> bytes:
    try:
        if path.stat().st_size > MANIFEST_BYTES:
            raise CacheDamaged(path, "it is far larger than any manifest")
        return path.read_bytes()
    except FileNotFoundError:
        raise InterpvizError(
            f"{folder} holds no {NAME}, so it is no cache. Choose a folder that `interpviz record` made."
        ) from None
    except OSError as error:
        raise InterpvizError(f"{path} cannot be read ({error.strerror}). Check the disk and your rights.") from error


def _place(error: ValidationError) -> str:
    return ".".join(str(part) for part in error.errors()[0]["loc"]) or "content"
