"""UMAP as a stream of maps from a process of its own, which ends with the stream."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report
from interpviz.core.results import F4

NEIGHBOURS = 15

# Seconds between two looks at whether the map is still wanted.
_PATIENCE = 0.1

# The window keeps the other cores.
_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, eq=False)
class Moving:
    """The map after `epoch` of `epochs`: `positions` (n, 2) in units of UMAP's own."""

    positions: F4
    epoch: int
    epochs: int


def maps(points: F4, start: F4, seed: int, report: Report) -> Iterator[Moving]:
    """The map of `points` (n, d) as it moves from `start` (n, 2), about twice a second; the last one is settled.

    `report` is called every tenth of a second, so that a cancel ends the process at once. Raises InterpvizError
    where there are under 4 points, and where the process fails.
    """
    if len(points) < 4:
        raise InterpvizError(f"UMAP needs more than the {len(points)} tokens of this cache. Choose PCA.")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "interpviz.engine.umap_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **dict.fromkeys(_THREADS, "1")},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers: queue.SimpleQueue[Moving | str] = queue.SimpleQueue()
    talk = threading.Thread(
        target=_talk, args=(process.stdin, process.stdout, points, start, seed, answers), daemon=True
    )
    talk.start()
    try:
        yield from _until_settled(answers, report)
    finally:
        process.kill()
        process.wait()
        talk.join()
        process.stdout.close()


def _until_settled(answers: queue.SimpleQueue[Moving | str], report: Report) -> Iterator[Moving]:
    done = 0.0
    while done < 1.0:
        report(done, "UMAP" if done else "starting UMAP")
        with contextlib.suppress(queue.Empty):
            answer = answers.get(timeout=_PATIENCE)
            if isinstance(answer, str):
                raise InterpvizError(f"UMAP could not map these tokens ({answer}). Choose PCA.")
            done = answer.epoch / answer.epochs
            yield answer


def _talk(
    questions: BinaryIO,
    replies: BinaryIO,
    points: F4,
    start: F4,
    seed: int,
    answers: queue.SimpleQueue[Moving | str],
) -> None:
    """Hand the job to the process and its answers on, until it ends; never raises."""
    job = {"points": len(points), "dimensions": points.shape[1], "seed": seed}
    job["neighbours"] = min(NEIGHBOURS, len(points) - 1)
    try:
        with questions:
            questions.write(json.dumps(job).encode() + b"\n")
            for part in (points, start):
                questions.write(np.ascontiguousarray(part, np.float32).tobytes())
        for line in replies:
            answers.put(_answer(json.loads(line), replies))
        answers.put("its process ended")
    except (OSError, ValueError):
        answers.put("its process ended")


def _answer(message: dict[str, object], replies: BinaryIO) -> Moving | str:
    if "problem" in message:
        return str(message["problem"])
    size = int(str(message["bytes"]))
    positions = np.frombuffer(replies.read(size), np.float32).reshape(-1, 2)
    return Moving(positions, int(str(message["epoch"])), int(str(message["epochs"])))
