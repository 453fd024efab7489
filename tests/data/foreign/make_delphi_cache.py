"""Makes the folder `delphi_cache` by delphi's own LatentCache, taken out of its wheel: the whole package wants a GPU.

    pip download --no-deps eai-delphi==0.1.3
    VENV/bin/python tests/data/foreign/make_delphi_cache.py eai_delphi-0.1.3-py3-none-any.whl

where VENV has torch, transformers, simple-parsing, jaxtyping and safetensors. `expected.npz` holds the latents that
delphi was given, by module, and the tokens. The model and its dictionaries are random.
"""

from __future__ import annotations

import shutil
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).parent / "delphi_cache"
CONTEXT, WORDS, WIDTH, LATENTS, CONTEXTS, BATCH = 8, 60, 12, 96, 9, 2
MODULES = {"layers.1": 5, "layers.1.mlp": 70}  # and how many latents are active at every token


def delphi(wheel: str) -> Any:
    """The module `delphi.latents.cache` of a wheel, without `delphi.latents`, which imports all of the package."""
    sys.path.insert(0, wheel)
    latents = types.ModuleType("delphi.latents")
    latents.__path__ = [f"{wheel}/delphi/latents"]
    sys.modules["delphi.latents"] = latents
    import delphi.config as config  # type: ignore[import-not-found]
    import delphi.latents.cache as cache  # type: ignore[import-not-found]

    return types.SimpleNamespace(LatentCache=cache.LatentCache, CacheConfig=config.CacheConfig)


class Layer(torch.nn.Module):
    """A layer that gives a tuple, as those of Hugging Face do, around an mlp."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = torch.nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        """Both add to the stream."""
        return (x + self.mlp(x),)


class Model(torch.nn.Module):
    """Embeddings and two layers, under the names that Hugging Face gives them."""

    device = "cpu"

    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(WORDS, WIDTH)
        self.layers = torch.nn.ModuleList(Layer() for _ in range(2))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """What the last layer gives."""
        x: torch.Tensor = self.embed(tokens)
        for layer in self.layers:
            (x,) = layer(x)
        return x


class Encode:
    """A random dictionary that keeps the k largest of every token, and remembers what it answered."""

    def __init__(self, k: int) -> None:
        self.k, self.weights, self.answers = k, torch.randn(WIDTH, LATENTS), list[torch.Tensor]()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Latents (batch, position, latent); some of the k are negative where k is large, as of a dictionary of k."""
        found = x @ self.weights
        kept = found.topk(self.k)
        self.answers.append(torch.zeros_like(found).scatter(-1, kept.indices, kept.values))
        return self.answers[-1]


def make(wheel: str) -> None:
    """Run delphi as its `populate_cache` does."""
    torch.manual_seed(3)
    theirs, encoders = delphi(wheel), {module: Encode(k) for module, k in MODULES.items()}
    cache = theirs.LatentCache(Model(), encoders, batch_size=BATCH)
    shutil.rmtree(HERE, ignore_errors=True)
    tokens = torch.randint(WORDS, (CONTEXTS, CONTEXT))
    cache.run(CONTEXTS * CONTEXT, tokens)
    cache.save_splits(n_splits=3, save_dir=HERE)
    config = theirs.CacheConfig(batch_size=BATCH, cache_ctx_len=CONTEXT, n_tokens=CONTEXTS * CONTEXT, n_splits=3)
    cache.save_config(HERE, config, "a random model")
    latents: dict[str, Any] = {module: torch.cat(encode.answers).half().numpy() for module, encode in encoders.items()}
    np.savez_compressed(HERE / "expected.npz", tokens=tokens[: CONTEXTS // BATCH * BATCH].numpy(), **latents)


if __name__ == "__main__":
    make(sys.argv[1])
