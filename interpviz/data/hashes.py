"""The sha256 of a model or dictionary, remembered: opening one does not read all its bytes each time."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from interpviz.core.errors import InterpvizError
from interpviz.core.paths import user_cache
from interpviz.core.report import Report, silent
from interpviz.data.atomic import replace_file
from interpviz.data.weights import weight_files

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
)
REMEMBERED = "hashes.json"
MOST_REMEMBERED = 200
CHUNK = 2**24
QUICK_BYTES = 2**25  # hashed in some 20 ms: not worth remembering


def model_sha256(path: Path, report: Report = silent) -> str:
    """The sha256 over config.json, the tokenizer's files and the weight bytes of a folder; of a `.gguf` file itself.

    Each file counts with its name and length. It is computed anew when a file's length or time of change differs.
    """
    return files_sha256(model_files(path), report)


def tokenizer_sha256(path: Path) -> str:
    """The sha256 over the tokenizer's files of a folder; of a `.gguf` file itself, which holds its tokenizer."""
    return files_sha256(tokenizer_files(path), silent)


def model_files(path: Path) -> tuple[Path, ...]:
    """The files that make a model what it is, in the order in which they count."""
    if path.is_file():
        return (path,)
    return path / "config.json", *tokenizer_files(path), *weight_files(path)


def tokenizer_files(path: Path) -> tuple[Path, ...]:
    """The files of a tokenizer that are there, in the order in which they count."""
    if path.is_file():
        return (path,)
    return tuple(path / name for name in TOKENIZER_FILES if (path / name).is_file())


def files_sha256(files: tuple[Path, ...], report: Report = silent) -> str:
    """The sha256 over these files, each with its name and length if there are several; that of large ones is kept."""
    stamp = [[str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    if sum(size for _, size, _ in stamp) < QUICK_BYTES:  # type: ignore[misc]
        return _computed(files, report)
    known = _remembered()
    key = json.dumps(stamp)
    if key not in known:
        known[key] = _computed(files, report)
        latest = dict(list(known.items())[-MOST_REMEMBERED:])
        with contextlib.suppress(OSError, InterpvizError):  # on a full disk it is computed each time
            replace_file(user_cache() / REMEMBERED, json.dumps(latest).encode())
    return known[key]


def content_sha256(file: Path) -> str:
    """The sha256 of a file's bytes, computed now."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _computed(files: tuple[Path, ...], report: Report) -> str:
    digest = hashlib.sha256()
    total, done = sum(file.stat().st_size for file in files), 0
    for file in files:
        if len(files) > 1:
            digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as content:
            while chunk := content.read(CHUNK):
                digest.update(chunk)
                done += len(chunk)
                report(done / max(total, 1), f"Checking {file.name}")
    return digest.hexdigest()


def _remembered() -> dict[str, str]:
    """What was computed before; nothing where the file is missing or spoiled."""
    try:
        found: Any = json.loads((user_cache() / REMEMBERED).read_bytes())
    except (OSError, InterpvizError, ValueError, RecursionError):
        return {}
    well = isinstance(found, dict) and all(isinstance(value, str) and len(value) == 64 for value in found.values())
    return found if well else {}
