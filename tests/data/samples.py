"""Recorded rows whose values are known, so that what is read can be compared."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.data.manifest import Job
from interpviz.data.recorder import recording

RESIDUAL, Z = "blocks.0.hook_resid_post", "blocks.0.attn.hook_z"
CONTEXT = 20
TEXTS = dict(enumerate(["<s>", " the", "é", "\x00", "a\nb", " 🙂", "<b>x</b>", ""]))


@dataclass(frozen=True)
class Sample:
    """A cache folder, its job, and the rows that went into it by dataset name."""

    folder: Path
    job: Job
    rows: dict[str, NDArray[Any]]


def job(**changes: Any) -> Job:
    """A job of two sites of a model that is not there."""
    fields: dict[str, Any] = {
        "model": "toy",
        "model_sha256": "a" * 64,
        "tokenizer_sha256": "b" * 64,
        "numerics": "huggingface",
        "sites": (RESIDUAL, Z),
        "dtype": "float16",
        "context": CONTEXT,
        "tokens": 160,
        "texts": ("c" * 64,),
        "created": "2026-01-01T00:00:00Z",
    }
    return Job(**(fields | changes))


def rows(count: int, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Rows as a recording gives them, whose values float16 holds exactly."""
    rng = np.random.default_rng(seed)
    position = np.arange(count, dtype=np.int32) % CONTEXT
    return {
        "id": np.where(position == 0, 0, rng.integers(1, len(TEXTS), count)).astype(np.int32),
        "document": np.sort(rng.integers(0, 7, count)).astype(np.int32),
        "position": position,
        RESIDUAL: rng.standard_normal((count, 48)).astype(np.float16).astype(np.float32),
        Z: rng.standard_normal((count, 3, 8)).astype(np.float16).astype(np.float32),
    }


def record(folder: Path, shards: tuple[int, ...], blocks: int = 3) -> Sample:
    """Record shards of so many rows, each handed over in a few blocks."""
    wanted, every = job(tokens=sum(shards)), rows(sum(shards))
    edges = np.cumsum([0, *shards])
    with recording(folder, wanted, room=1000) as recorder:
        for low, high in itertools.pairwise(edges):
            for part in np.array_split(np.arange(low, high), blocks):
                sites = {site: every[site][part] for site in wanted.sites}
                recorder.add(every["id"][part], every["document"][part], every["position"][part], sites)
            recorder.commit(TEXTS)
    return Sample(folder, wanted, every)
