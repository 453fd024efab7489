"""Caches of a few known features in superposition, small enough to train on within a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from interpviz.core.feature_requests import Train
from interpviz.core.results import F4
from interpviz.engine.training.plan import BY_COUNT
from tests.data.samples import CONTEXT, RESIDUAL, Z, job, write_one

MLP_OUT = "blocks.0.hook_mlp_out"
D, TRUE, ACTIVE = 32, 48, 3


def true_features(seed: int = 0, count: int = TRUE, d: int = D) -> F4:
    """Directions (feature, d) of length one."""
    rows = np.random.default_rng(seed).standard_normal((count, d))
    directions: F4 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return directions


def superposed(rows: int, seed: int = 0, offset: float = 5.0) -> tuple[F4, F4]:
    """Which features are how active in each row (row, feature), some 3 a row, and what they write (row, d).

    A constant of length `offset` in each number lies under all rows.
    """
    rng = np.random.default_rng(seed + 1)
    active = rng.random((rows, TRUE)) < ACTIVE / TRUE
    values = (active * rng.uniform(1, 2, (rows, TRUE))).astype(np.float32)
    return values, values @ true_features() + np.float32(offset)


def toy_cache(folder: Path, rows: int = 4000, seed: int = 0) -> Path:
    """A cache of superposed rows at a residual stream; heads of random numbers and a linear map of the rows beside.

    At position 0 of each context of 20 the stream is 100 times as long.
    """
    _, x = superposed(rows, seed)
    y = x @ true_features(seed=9, count=D, d=24) - 2
    position = np.arange(rows, dtype=np.int32) % CONTEXT
    x[position == 0] *= 100
    z = np.random.default_rng(seed).standard_normal((rows, 3, 8)).astype(np.float32)
    sites = {RESIDUAL: x, Z: z, MLP_OUT: y}
    wanted = job(sites=tuple(sites), tokens=rows, dtype="bfloat16")
    write_one(folder / "toy.acts", wanted, np.zeros(rows, np.int32), position, sites)
    return folder / "toy.acts"


def toy_job(cache: Path, out: Path, **changes: Any) -> Train:
    """A training of a few steps."""
    fields: dict[str, Any] = {"site": RESIDUAL, "width": 64, "kind": "topk", "rows": 6400, "batch": 64} | changes
    few = {"k": 3} if fields["kind"] in BY_COUNT else {}
    return Train(cache=str(cache), out=str(out), **(few | fields))
