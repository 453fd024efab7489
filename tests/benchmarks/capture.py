"""Recording against the forward passes alone, and against a loop of `run_with_cache` and `np.save`."""

from __future__ import annotations

import json
import lzma
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from interpviz.core.jobs import Record
from interpviz.core.paths import resource
from interpviz.data.activations import Cache
from interpviz.engine import lens
from interpviz.engine.lens import Model
from interpviz.engine.packing import packed
from interpviz.engine.record import record
from interpviz.engine.shard_maker import BATCH_TOKENS
from tests.benchmarks.rounds import Row, compared, times_faster
from tests.sources import ROOT

CONTEXT = 128
NOTEBOOK_TOKENS = 51_200
# What a recording of so many tokens takes at its peak, in this process and in those that it starts.
PEAK = """
import json, sys
from pathlib import Path
from interpviz.core import environment
environment.prepare()
from interpviz.core.jobs import Record
from interpviz.engine import lens
from interpviz.engine.record import record

def kilobytes(process):
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)

def children():
    found = Path("/proc/self/task")
    return [int(child) for task in found.iterdir() for child in (task / "children").read_text().split()]

peaks = {}
def report(fraction, text="", partial=None):
    for process in children():
        peaks[process] = max(peaks.get(process, 0), kilobytes(process))

text, tokens, out = sys.argv[1:]
model = lens.load("demo", device="cpu")
record(model, Record("demo", (text,), ("L2R",), out, int(tokens), workers=1), report)
print(json.dumps({"peak": kilobytes("self") + sum(peaks.values())}))
"""


def rows() -> Iterator[Row]:
    """SPEED's row `capture`, and the memory that it takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = _text(folder)
        yield _memory(text, folder)
        yield _against_forward("demo", "L2R", 200_000, text, folder / "demo.acts")
        yield _against_a_notebook(text, folder / "notebook.acts")
        yield _against_forward("smollm2-135m-instruct", "L15R", 4096, text, folder / "smollm2.acts")


def _against_forward(name: str, site: str, tokens: int, text: Path, out: Path) -> Row:
    """The whole command, texts read and shards lasting on the disk, against the passes up to the same layer."""
    model, asked = (
        lens.load(name, device="cpu"),
        Record(name, (str(text),), (site,), str(out), tokens, CONTEXT, workers=1),
    )
    torch.set_num_threads(1)
    batches = _batches(model, text, tokens, out.parent)
    sound = _sound(model, asked, batches)
    took: list[float] = []
    ours = _timed(lambda: record(model, asked), out, took)
    row = times_faster(
        f"capture {site} of {name}, {tokens:,} tokens", "forward passes alone", 0.9, ours,
        _timed(lambda: _forward(model, asked, batches)), sound=sound,
    )  # fmt: skip
    return replace(row, note=f"{tokens / statistics.median(took):,.0f} tokens/s")


def _against_a_notebook(text: Path, out: Path) -> Row:
    model = lens.load("demo", device="cpu")
    asked = Record("demo", (str(text),), ("L2R",), str(out), NOTEBOOK_TOKENS, CONTEXT, workers=1)
    torch.set_num_threads(1)
    batches, saved = _batches(model, text, NOTEBOOK_TOKENS, out.parent), out.with_name("saved")
    return times_faster(
        f"capture L2R of demo, {NOTEBOOK_TOKENS:,} tokens", "a loop of run_with_cache and np.save", 1.0,
        _timed(lambda: record(model, asked), out), _timed(lambda: _saved(model, asked, batches, saved), saved),
        sound=_sound(model, asked, batches),
    )  # fmt: skip


def _memory(text: Path, folder: Path) -> Row:
    """The peak of a recording of 4 N tokens over that of N, everything that runs for it taken together."""
    return compared(
        "memory of a recording, 240,000 tokens", "60,000 tokens", 1.1, _peak(text, 240_000, folder),
        _peak(text, 60_000, folder), "peak resident memory, the writing process included",
    )  # fmt: skip


def _peak(text: Path, tokens: int, folder: Path) -> Callable[[], float]:
    def measure() -> float:
        out = folder / "peak.acts"
        shutil.rmtree(out, ignore_errors=True)
        command = [sys.executable, "-c", PEAK, str(text), str(tokens), str(out)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, timeout=300)
        return float(json.loads(answer.stdout)["peak"])

    return measure


def _text(folder: Path) -> Path:
    """A book and more, some 600,000 tokens of the demo's."""
    path = folder / "text.txt"
    books = ("moby-dick", "python-standard-library")
    path.write_bytes(b"\n\n".join(lzma.decompress(resource(f"demo/text/{book}.txt.xz").read_bytes()) for book in books))
    return path


def _batches(model: Model, text: Path, tokens: int, folder: Path) -> list[torch.Tensor]:
    with packed(model.tokenizer, model.bos, [text], CONTEXT, tokens, folder) as rows:
        ids = torch.from_numpy(rows.rows(0, rows.tokens // CONTEXT * CONTEXT)[0].astype(np.int64))
    return list(ids.reshape(-1, CONTEXT).split(BATCH_TOKENS // CONTEXT))


def _timed(
    work: Callable[[], object], made: Path | None = None, took: list[float] | None = None
) -> Callable[[], float]:
    """How long it takes, what it made before taken away first; each time is also put into `took`."""

    def measure() -> float:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
        began = time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        if took is not None:
            took.append(seconds)
        return seconds

    return measure


def _layers(asked: Record) -> int:
    return int(asked.sites[0][1:-1]) + 1


def _forward(model: Model, asked: Record, batches: list[torch.Tensor]) -> None:
    stop = _layers(asked)
    for ids in batches:
        model.forward(ids, stop=stop if stop < model.facts.layers else None)


def _saved(model: Model, asked: Record, batches: list[torch.Tensor], folder: Path) -> None:
    """What a person writes in a notebook: one hook, stopped as early, float16 files."""
    folder.mkdir()
    stop = _layers(asked)
    hook = f"blocks.{stop - 1}.hook_resid_post"
    with torch.inference_mode():
        for number, ids in enumerate(batches):
            _, cache = model.bridge.run_with_cache(
                ids, names_filter=[hook], stop_at_layer=stop if stop < model.facts.layers else None
            )
            np.save(folder / f"{number}.npy", cache[hook].flatten(0, 1).numpy().astype(np.float16))


def _sound(model: Model, asked: Record, batches: list[torch.Tensor]) -> bool:
    """Whether both keep the same numbers."""
    out, saved = Path(asked.out), Path(asked.out).with_name("gate")
    record(model, asked)
    _saved(model, asked, batches[:1], saved)
    theirs = np.load(saved / "0.npy").astype(np.float32)
    ours = Cache.open(out).rows(asked.sites[0], slice(0, len(theirs)))
    for folder in (out, saved):
        shutil.rmtree(folder)
    return bool(np.allclose(ours, theirs, rtol=2e-3, atol=1e-3 * np.abs(theirs).max()))
