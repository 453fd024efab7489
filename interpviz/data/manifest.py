"""The manifest of a cache: which job it answers, and which shards are whole. One JSON line each, with its CRC-32."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from interpviz.core.errors import InterpvizError
from interpviz.data.atomic import replace_file, sync_folder

NAME = "manifest.jsonl"
SHARD_FILES = "shard-[0-9][0-9][0-9][0-9][0-9].h5"
FORMAT = "interpviz-activations"
VERSION = "1.1.0"  # 1.1 added codes and bfloat16
MANIFEST_BYTES = 64 * 2**20
LINES = 100_001

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


class Codes(BaseModel):
    """A dictionary whose `k` strongest features are kept at every token, of `features` that it has.

    `sha256` is over its cfg.json and weights; `hook` is the activation that it reads.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    name: Annotated[str, Field(pattern=r"^[^/\x00-\x1f]{1,255}$")]
    sha256: Sha256
    hook: Text
    features: Annotated[int, Field(ge=1, lt=2**32 - 1)]
    k: Annotated[int, Field(ge=1, lt=2**20)]


class Job(BaseModel):
    """All that decides what is recorded. Every shard is a function of this (without `created`) and its number.

    `sites` are hook names, `dictionaries` those whose codes are kept beside them; `dtype` is what activations are
    stored as; `tokens` is how many rows all shards together will hold; `texts` are the sha256 of the text files in
    their order; `created` is UTC in ISO 8601.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    model: Text
    model_sha256: Sha256
    tokenizer_sha256: Sha256
    numerics: Annotated[str, Field(pattern=r"^(huggingface|folded)$")]
    sites: Annotated[tuple[Text, ...], Field(max_length=10_000)]
    dtype: Annotated[str, Field(pattern=r"^(float16|bfloat16)$")]
    context: Annotated[int, Field(ge=1, lt=2**24)]
    tokens: Count
    texts: tuple[Sha256, ...]
    dictionaries: Annotated[tuple[Codes, ...], Field(max_length=1000)] = ()
    created: str = ""

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if not (self.sites or self.dictionaries):
            raise ValueError("there are neither sites nor dictionaries")
        names = tuple(codes.name for codes in self.dictionaries)
        if len(set(self.sites)) + len(set(names)) != len(self.sites) + len(names):
            raise ValueError("one site or dictionary stands twice")
        return self

    def same_as(self, other: Job) -> bool:
        """Whether both ask for the same activations, whenever they were started."""
        return self.model_copy(update={"created": ""}) == other.model_copy(update={"created": ""})

    def as_json(self, created: bool = True) -> dict[str, Any]:
        """The fields beside the format's name and version."""
        return {"format": FORMAT, "version": VERSION, **self.model_dump(exclude=None if created else {"created"})}


class ShardLine(BaseModel):
    """One committed shard: its file name, rows and sha256."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    file: Annotated[str, Field(pattern=r"^shard-[0-9]{5}\.h5$")]
    tokens: Annotated[int, Field(ge=1, lt=2**40)]
    sha256: Sha256

    @property
    def number(self) -> int:
        """Which shard of its job it is, from 0."""
        return int(self.file[6:11])


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
    parts = re.fullmatch(r"([0-9]{1,9})\.[0-9]{1,9}\.[0-9]{1,9}", version) if isinstance(version, str) else None
    if parts is None:
        raise CacheDamaged(path, "its header has no version")
    if int(parts[1]) > int(VERSION.split(".")[0]):
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
    numbers = [shard.number for shard in shards]  # one that was lost and dropped leaves a gap
    if numbers != sorted(set(numbers)):
        raise CacheDamaged(path, "its shards are not in order")
    return Manifest(parse_job(path, raw[0]), shards, hashlib.sha256(whole).hexdigest())


def legible(folder: Path) -> tuple[Job | None, tuple[ShardLine, ...]]:
    """What of a damaged manifest is as it was written: its job, if that is, and lines of shards.

    Raises NewerVersion where it is not damaged but later than ours.
    """
    path = folder / NAME
    job, shards = None, []
    for raw in _content(folder, path).split(b"\n"):
        line = _unsealed(raw)
        if line is None:
            continue
        with contextlib.suppress(CacheDamaged, ValidationError):
            if "file" in line:
                shards.append(ShardLine.model_validate(line))
            else:
                job = job or parse_job(path, raw)
    return job, tuple(shards)


def write(folder: Path, job: Job, shards: Iterable[ShardLine] = ()) -> None:
    """Put a whole manifest in the place of what was there."""
    lines = [sealed(job.as_json()), *(sealed(shard.model_dump()) for shard in shards)]
    replace_file(folder / NAME, b"".join(lines))


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
        whole = isinstance(fields, dict) and fields.pop("crc32", None) == _sum(fields)
    except (ValueError, RecursionError):  # to write what is nested takes a little more of the stack than to read it
        return None
    return fields if whole else None


def _sum(fields: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(fields, sort_keys=True).encode())


def _content(folder: Path, path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # to open a pipe would wait for ever
            raise InterpvizError(f"{path} is no ordinary file. Copy the folder again whole.")
        if found.st_size > MANIFEST_BYTES:
            raise CacheDamaged(path, "it is far larger than any manifest")
        content = path.read_bytes()
    except FileNotFoundError:
        if any(folder.glob(SHARD_FILES)):
            raise InterpvizError(
                f"{folder.name} has lost its {NAME}. Run `interpviz check --repair` on it, which makes it again."
            ) from None
        raise InterpvizError(
            f"{folder} holds no {NAME}, so it is no cache. Choose a folder that `interpviz record` made."
        ) from None
    except OSError as error:
        raise InterpvizError(f"{path} cannot be read ({error.strerror}). Check the disk and your rights.") from error
    if content.count(b"\n") > LINES:
        raise CacheDamaged(path, "it has more lines than there can be shards")
    return content


def _place(error: ValidationError) -> str:
    return ".".join(str(part) for part in error.errors()[0]["loc"]) or "content"
