"""Makes the folders of `saelens_cache` by SAELens itself, in an environment of its own.

    python3 -m venv VENV && VENV/bin/pip install sae-lens==6.54.12
    VENV/bin/python tests/data/foreign/make_saelens_cache.py

Each is what `CacheActivationsRunner` left; NAME.npz beside it holds what `datasets.load_from_disk` reads there. The
model is a random HookedTransformer, handed to the runner in place of one that it would fetch.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, load_from_disk  # type: ignore[import-untyped]
from sae_lens import CacheActivationsRunner, CacheActivationsRunnerConfig  # type: ignore[import-not-found]
from sae_lens import cache_activations_runner as runner
from transformer_lens import HookedTransformer, HookedTransformerConfig  # type: ignore[import-not-found,unused-ignore]

HERE = Path(__file__).parent / "saelens_cache"
CONTEXT, D_MODEL, WORDS, PROMPTS, SHARDS = 16, 24, 50, 2, 3
MODEL = HookedTransformerConfig(
    n_layers=2, d_model=D_MODEL, n_heads=3, d_head=8, d_vocab=WORDS, n_ctx=CONTEXT, act_fn="gelu", seed=7, device="cpu"
)


def make(name: str, hook: str, dtype: str) -> None:
    """Cache one activation of random tokens in as many shards, and keep beside it what `datasets` reads of that."""
    model = HookedTransformer(MODEL)
    runner.load_model = lambda **_: model
    tokens = np.random.default_rng(len(name)).integers(0, WORDS, (PROMPTS * SHARDS, CONTEXT))
    texts = Dataset.from_dict({"tokens": tokens.tolist()})
    shutil.rmtree(HERE / name, ignore_errors=True)
    CacheActivationsRunner(configured(HERE / name, hook, dtype), override_dataset=texts).run()
    found = load_from_disk(HERE / name).with_format("numpy")
    np.savez(HERE / f"{name}.npz", activations=np.stack(found[hook]).astype(dtype), tokens=np.stack(found["token_ids"]))
    check(model, hook, found)


def configured(folder: Path, hook: str, dtype: str) -> Any:
    """What the runner is told; a buffer holds one batch, so that there are several shards."""
    bytes_a_batch = PROMPTS * CONTEXT * D_MODEL * np.dtype(dtype).itemsize
    return CacheActivationsRunnerConfig(
        dataset_path="random tokens",
        model_name="a random HookedTransformer",
        model_batch_size=PROMPTS,
        hook_name=hook,
        d_in=D_MODEL,
        training_tokens=PROMPTS * SHARDS * CONTEXT,
        context_size=CONTEXT,
        new_cached_activations_path=str(folder),
        shuffle=False,
        dtype=dtype,
        device="cpu",
        buffer_size_gb=1.01 * bytes_a_batch / 1e9,
        prepend_bos=False,
        streaming=False,
    )


def check(model: Any, hook: str, found: Any) -> None:
    """What was cached is what the model does on the tokens that were cached with it."""
    _, cache = model.run_with_cache(torch.tensor(np.stack(found["token_ids"])).long(), names_filter=hook)
    expected = cache[hook].flatten(2).detach().numpy()
    np.testing.assert_allclose(np.stack(found[hook]), expected, rtol=1e-3, atol=1e-5)


if __name__ == "__main__":
    make("residual", "blocks.1.hook_resid_post", "float32")
    make("heads", "blocks.0.attn.hook_z", "float16")
