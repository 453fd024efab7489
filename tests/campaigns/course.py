"""A recording of known rows that is to be stopped, in a process of its own that says how far it is.

`python -m tests.campaigns.course` answers each JSON line {"folder", "kind", "overlapping", "progress", "said"} with
{"pid"} of a fork that records, and with {"status"} once that has ended. A fork, since to start Python and numpy anew
takes longer than to record; nothing here has started a thread. Its shards are written by the real child process.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.data.manifest import Codes, Job, ShardLine
from interpviz.data.recorder import recording
from interpviz.data.shard_writer import ShardWriter
from tests.data import samples

SHARDS, ROWS, BLOCKS = 6, 200, 5
CODES = Codes(name="toy", sha256="d" * 64, hook=samples.RESIDUAL, features=500, k=4)
UNUSED = 0xFFFFFFFF
FLOAT16, BFLOAT16 = "float16", "bfloat16 and codes"
KINDS: dict[str, Job] = {
    FLOAT16: samples.job(tokens=SHARDS * ROWS),
    BFLOAT16: samples.job(tokens=SHARDS * ROWS, dtype="bfloat16", dictionaries=(CODES,)),
}

Rows = dict[str, NDArray[Any]]


def known(kind: str) -> Rows:
    """All rows by dataset path, as a writer takes them; the stored type holds each value exactly."""
    rows = samples.named(samples.rows(SHARDS * ROWS), slice(None))
    if kind == FLOAT16:
        return rows
    for site in KINDS[kind].sites:
        name = f"activations/{site}"
        rows[name] = (rows[name].view("<u4") & np.uint32(0xFFFF0000)).view("<f4")
    rng = np.random.default_rng(7)
    index = rng.permuted(np.tile(np.arange(CODES.features, dtype=np.uint32), (SHARDS * ROWS, 1)), axis=1)[:, : CODES.k]
    value = -np.sort(-rng.random((SHARDS * ROWS, CODES.k)).astype(np.float16).astype(np.float32), axis=1)
    index[::3, -1], value[::3, -1] = UNUSED, 0
    return rows | {"codes/toy/index": index, "codes/toy/value": value}


def record(folder: Path, kind: str, overlapping: bool = False, say: Callable[[str], object] = str) -> None:
    """Record what is missing of the six shards, block by block; `overlapping`: the next one's rows while one closes."""
    rows, closing = known(kind), False
    with recording(folder, KINDS[kind], 1000) as recorder, ShardWriter(folder, KINDS[kind], ROWS) as writer:
        say(f"writer {writer._child.pid}")

        def commit(line: ShardLine) -> None:
            say(f"closed {line.number}")
            recorder.commit(line)
            say(f"committed {line.number}")

        for number in recorder.missing(SHARDS):
            for block in _blocks(rows, number):
                writer.add(block)
                say(f"block {number}")
            if closing:
                commit(writer.closed())
            say(f"close {number}")
            writer.start_closing(number, samples.TEXTS)
            closing = overlapping
            if not overlapping:
                commit(writer.closed())
        if closing:
            commit(writer.closed())


def _blocks(rows: Rows, number: int) -> Iterator[Rows]:
    """A shard's rows in a few blocks, each after a forward pass of a stand-in."""
    for part in np.array_split(np.arange(number * ROWS, (number + 1) * ROWS), BLOCKS):
        _forward(len(part))
        yield {name: values[part] for name, values in rows.items()}


def _forward(tokens: int) -> None:
    """Takes as long as a small part of a small model: about 1 ms. No matrix product, which starts threads."""
    hidden = np.ones((tokens, 256), np.float32)
    for _ in range(200):
        hidden = np.tanh(hidden)


def work(asked: dict[str, Any], progress: int) -> int:
    """Record as asked, and give what the process ends with: 0, 2 after a sentence, 1 after anything else."""
    os.setpgid(0, 0)
    os.dup2(os.open(asked["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
    try:
        record(
            Path(asked["folder"]), asked["kind"], asked["overlapping"], lambda t: os.write(progress, f"{t}\n".encode())
        )
    except InterpvizError as sentence:
        os.write(2, f"{sentence}\n".encode())
        return 2
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        return 1
    return 0


def main() -> None:
    """Fork for each line until the input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        progress = os.open(asked["progress"], os.O_WRONLY)  # before the fork: its end is then the worker's end
        pid = os.fork()
        if pid == 0:
            os._exit(work(asked, progress))
        os.close(progress)
        os.setpgid(pid, pid)  # a group of its own, which may be killed as soon as it is known
        _answer({"pid": pid})
        _answer({"status": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])})


def _answer(fields: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
