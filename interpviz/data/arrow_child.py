"""The child that reads Parquet, Arrow and zstd files: the one importer of pyarrow. It hands over a piece a question.

Run as `python -m interpviz.data.arrow_child`. Questions are JSON lines: {"stream": a name of STREAMS, "path": path}
opens a file and is answered with the first piece, {"next": true} with the one after it. A piece is what the stream
yields; after the last one comes {"end": true}, and instead of one {"error": what is the matter and what to do}.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # the others reserve 1 GiB at once, which counts against MEMORY

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

MEMORY = 2 * 2**30  # pyarrow starts within 0.35 GiB
PIECE = 2**20  # characters or bytes an answer
BUFFER = 2**20  # without one a whole column of a row group is read at once
ROWS = 64

Stream = Iterator[dict[str, Any]]


class Refused(Exception):
    """The file is whole, but not what is asked for."""


def texts(path: str) -> Stream:
    """{"texts": [[text, whether a row begins with it]...]} of the column `text`, or of the only one of strings."""
    # Opened by Python, which knows local paths alone, also those that are no UTF-8.
    with open(path, "rb") as file:
        parquet = pq.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False, page_checksum_verification=True)
        column = _column(parquet.schema_arrow)
        for batch in parquet.iter_batches(ROWS, columns=[column], use_threads=False):
            yield from _answers(batch.column(0).to_pylist())


def unpacked(path: str) -> Stream:
    """{"bytes": base64} of what a zstd file holds."""
    with open(path, "rb") as file, pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd") as content:
        while piece := content.read(PIECE):
            yield {"bytes": base64.b64encode(piece).decode("ascii")}


def places(path: str) -> Stream:
    """{"rows": n, "columns": [[name, offset, dtype, shape]...]} of each batch of an Arrow stream: where numbers lie.

    Columns of numbers, or of equally long lists of them, are told of; `offset` is the first byte in the file.
    """
    _admit(os.path.getsize(path))
    with pa.memory_map(path) as file:
        base = file.read_buffer(1).address
        file.seek(0)
        for batch in pa.ipc.open_stream(file):
            found = (_place(name, column) for name, column in zip(batch.schema.names, batch.columns, strict=True))
            columns = [[name, address - base, dtype, shape] for name, address, dtype, shape in found if dtype]
            yield {"rows": batch.num_rows, "columns": columns}


STREAMS: dict[str, Callable[[str], Stream]] = {"texts": texts, "unpacked": unpacked, "places": places}


def _admit(size: int) -> None:
    """Allow a map of a file of this size beside MEMORY."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY + size, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _place(name: str, column: Any) -> tuple[str, int, str, list[int]]:
    """A column's name, the address of its first number, their type and its shape; no type where it is not so plain."""
    shape = [len(column)]
    while (
        pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_fixed_size_list(column.type)
    ):
        lengths = set(column.value_lengths().unique().to_pylist())
        if column.null_count or len(lengths) != 1:
            return name, 0, "", []
        shape.append(lengths.pop())
        column = column.flatten()
    if column.null_count or not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return name, 0, "", []
    dtype: np.dtype[Any] = np.dtype(column.type.to_pandas_dtype())
    return name, column.buffers()[1].address + column.offset * dtype.itemsize, dtype.str, shape


def _column(schema: Any) -> str:
    strings: list[str] = [field.name for field in schema if _is_string(field.type)]
    if "text" in strings:
        return "text"
    if len(strings) != 1 or "text" in schema.names:
        columns = ", ".join(schema.names[:20]) or "none"
        raise Refused(f"has no column of texts (its columns: {columns}). Name the one to read `text`.")
    return strings[0]


def _is_string(kind: Any) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _answers(cells: Iterable[str | None]) -> Stream:
    """The cells, gathered into answers of about PIECE characters; a longer one is spread over several."""
    held: list[tuple[str, bool]] = []
    size = 0
    for cell in cells:
        for start in range(0, len(cell or ""), PIECE):
            part = (cell or "")[start : start + PIECE]
            if held and size + len(part) > PIECE:
                yield {"texts": held}
                held, size = [], 0
            held.append((part, start == 0))
            size += len(part)
    if held:
        yield {"texts": held}


def answer(stream: Stream) -> dict[str, Any]:
    """The next piece, the end, or {"error": what is the matter}."""
    try:
        return next(stream, {"end": True})
    except Refused as refused:
        return {"error": str(refused)}
    except MemoryError:
        return {"error": "asks for too much memory. Make it again with smaller pages, rows or windows."}
    except Exception as broken:  # whatever pyarrow raises over a broken file is an answer, not a crash
        said = str(broken).splitlines()[0][:200].rstrip(".") if str(broken) else "no cause given"
        return {"error": f"is cut or damaged ({said}). Copy or fetch it again."}


def main() -> None:
    """Answer until the input ends."""
    with contextlib.suppress(ImportError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    stream: Stream = iter(())
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "stream" in message:
            stream = STREAMS[message["stream"]](message["path"])
        sys.stdout.buffer.write(json.dumps(answer(stream), ensure_ascii=False).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
