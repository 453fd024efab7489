"""A cache and a dictionary of a small model, whose numbers are quarters: sums of them are exact in any order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interpviz.core.document import ModelFacts
from interpviz.data.manifest import Codes, Job
from interpviz.data.recorder import recording
from interpviz.data.shard_writer import ShardWriter
from tests.data import sae_files

CONTEXT, WIDTH, FEATURES, TOKENS = 16, 24, 30, 400
SHARDS = (240, 160)
HOOK = "blocks.0.hook_resid_post"
DEAD = 7


@dataclass(frozen=True)
class Made:
    """A cache folder with a dictionary's, and what the dictionary says of the cache: `dense` (token, feature)."""

    acts: Path
    sae: Path
    weights: dict[str, NDArray[np.float32]]
    x: NDArray[np.float32]
    dense: NDArray[np.float32]
    id: NDArray[np.int32]
    position: NDArray[np.int32]

    @property
    def counted(self) -> NDArray[np.float32]:
        """What the dictionary says, but nothing at position 0."""
        return np.where(self.position[:, None] > 0, self.dense, 0)


def make(folder: Path, model: ModelFacts, codes: int = 0, site: bool = True, sha256: str = "") -> Made:
    """Write both. With `codes`, so many of the dictionary are kept at each row; without `site` only they are."""
    rng = np.random.default_rng(0)
    x = (rng.integers(-4, 5, (TOKENS, WIDTH)) / 4).astype(np.float32)
    position = np.arange(TOKENS, dtype=np.int32) % CONTEXT
    ids = np.where(position == 0, 0, rng.integers(1, 27, TOKENS)).astype(np.int32)
    weights = sae_files.weights(d_in=WIDTH, features=FEATURES)
    weights["b_enc"] -= rng.integers(4, 60, FEATURES).astype(np.float32) / 4
    weights["b_enc"][DEAD] = -1000
    sae = sae_files.save(folder / "sae", sae_files.config(d_in=WIDTH, features=FEATURES), weights)
    dense = np.maximum((x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"], 0).astype(np.float32)
    made = Made(folder / "notes.acts", sae, weights, x, dense, ids, position)
    record(made, model, codes, site, sha256)
    return made


def record(made: Made, model: ModelFacts, codes: int, site: bool, sha256: str) -> None:
    """Write the cache alone."""
    kept = Codes(name="sae", sha256=sha256, hook=HOOK, features=FEATURES, k=codes) if codes else None
    job = Job(
        model=model.name,
        model_sha256=model.sha256,
        tokenizer_sha256="b" * 64,
        numerics="huggingface",
        sites=(HOOK,) if site else (),
        dtype="float16",
        context=CONTEXT,
        tokens=TOKENS,
        texts=(),
        dictionaries=(kept,) if kept else (),
    )
    texts = {token: chr(96 + token) if token else "<s>" for token in range(27)}
    with recording(made.acts, job, 0) as recorder, ShardWriter(made.acts, job, max(SHARDS)) as writer:
        for number in recorder.missing(len(SHARDS)):
            here = slice(sum(SHARDS[:number]), sum(SHARDS[: number + 1]))
            rows: dict[str, NDArray[Any]] = {"tokens/id": made.id[here], "tokens/position": made.position[here]}
            rows |= {"tokens/document": np.zeros_like(made.id[here])}
            if site:
                rows |= {f"activations/{HOOK}": made.x[here]}
            if codes:
                order = np.argsort(-made.dense[here], axis=1, kind="stable")[:, :codes]
                value = np.take_along_axis(made.dense[here], order, axis=1)
                index = np.where(value > 0, order, 0xFFFFFFFF).astype(np.uint32)
                rows |= {"codes/sae/index": index, "codes/sae/value": value}
            writer.add(rows)
            recorder.commit(writer.close(number, texts))
