"""Trains one small dictionary of everything that can be trained, for other libraries to read.

Each gets its inputs and outputs beside it, as `FOLDER.expected.safetensors`, as `tests/data/*/reads_ours.py` want it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save_file

from interpviz.core.features import Layout
from interpviz.data import dictionaries
from interpviz.data.activations import Cache
from interpviz.engine.dictionaries import SAE
from interpviz.engine.training.train import train
from tests.data.samples import CONTEXT, Z
from tests.engine.training.learning import MLP_OUT, toy_cache, toy_job

KINDS = ("relu", "topk", "batchtopk", "jumprelu", "gated", "matryoshka")
TRAININGS: dict[Layout, dict[str, dict[str, Any]]] = {
    "saelens": {kind: {"kind": kind} for kind in KINDS}
    | {f"{kind}-heads": {"kind": kind, "site": Z} for kind in ("relu", "topk")}
    | {f"{kind}-transcoder": {"kind": kind, "to": MLP_OUT} for kind in KINDS if kind not in ("topk", "gated")}
    | {
        f"{kind}-skip-transcoder": {"kind": kind, "to": MLP_OUT, "skip": True}
        for kind in KINDS
        if kind not in ("topk", "gated")
    },
    "sparsify": {
        "topk-transcoder": {"site": Z, "to": MLP_OUT},
        "topk-skip-transcoder": {"site": Z, "to": MLP_OUT, "skip": True},
    },
}


def trained(place: Path, layout: Layout) -> Iterator[Path]:
    """The folders, below `place`, of all that the layout holds."""
    place.mkdir(parents=True)
    cache = toy_cache(place)
    for name, changes in TRAININGS[layout].items():
        job = toy_job(cache, place / name, rows=3200, **changes)
        train(job)
        x = Cache.open(cache).rows(job.site, range(1, CONTEXT)).reshape(CONTEXT - 1, -1)
        sae = SAE(dictionaries.load(job.out))
        features = sae.encode(torch.from_numpy(x))
        written = sae.decode(features, torch.from_numpy(x))
        outputs = {"x": x, "features": features.numpy(), "decoded": written.numpy()}
        save_file(outputs, place / f"{name}.expected.safetensors")
        yield place / name
