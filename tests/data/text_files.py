"""Small files of texts in every kind that is read: `make(folder)` writes one and returns its path."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

DOCUMENTS = ("Mary went home.\nShe slept.", "Jürgen 🙂 laughed.", "the third of three")
PLAIN = "\n\n".join(DOCUMENTS)
LINES = "".join(json.dumps({"text": text, "id": number}) + "\n" for number, text in enumerate(DOCUMENTS))


def plain(folder: Path) -> Path:
    return _written(folder / "plain.txt", PLAIN.encode())


def gz(folder: Path) -> Path:
    return _written(folder / "plain.txt.gz", gzip.compress(PLAIN.encode(), mtime=0))


def xz(folder: Path) -> Path:
    return _written(folder / "plain.txt.xz", lzma.compress(PLAIN.encode()))


def zst(folder: Path) -> Path:
    return _written(folder / "plain.txt.zst", zstd(PLAIN.encode()))


def jsonl(folder: Path) -> Path:
    return _written(folder / "lines.jsonl", LINES.encode())


def jsonl_gz(folder: Path) -> Path:
    return _written(folder / "lines.jsonl.gz", gzip.compress(LINES.encode(), mtime=0))


def jsonl_zst(folder: Path) -> Path:
    return _written(folder / "lines.jsonl.zst", zstd(LINES.encode()))


def parquet(folder: Path) -> Path:
    return table(folder / "rows.parquet", {"id": list(range(len(DOCUMENTS))), "text": list(DOCUMENTS)})


MAKERS: dict[str, Callable[[Path], Path]] = {
    maker.__name__: maker for maker in (plain, gz, xz, zst, jsonl, jsonl_gz, jsonl_zst, parquet)
}


def zstd(raw: bytes) -> bytes:
    """One zstd frame."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packing:
        packing.write(raw)
    return bytes(sink.getvalue().to_pybytes())


def table(path: Path, columns: dict[str, object], rows_a_group: int = 2, **options: object) -> Path:
    """A Parquet file of these columns."""
    with path.open("wb") as file:
        pq.write_table(pa.table(columns), file, row_group_size=rows_a_group, **options)
    return path


def _written(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path
