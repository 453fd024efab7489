"""Makes a run of sparse coders by sparsify itself, in an environment of its own (eai-sparsify 1.3, torch 2.13).

`python make.py OUTFOLDER`. A folder for each hookpoint holds what sparsify saved, and `expected.safetensors`: inputs x,
and sparsify's latents, as a dense matrix, and outputs of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from sparsify import SparseCoder, SparseCoderConfig  # type: ignore[import-not-found]

D_IN, LATENTS, K = 8, 24, 4


def make(folder: Path, **config: Any) -> None:
    """A random sparse coder, saved by sparsify, with what it makes of 5 inputs."""
    torch.manual_seed(len(folder.name) + len(folder.parent.name))
    coder = SparseCoder(D_IN, SparseCoderConfig(**{"num_latents": LATENTS, "k": K} | config))
    for tensor in coder.state_dict().values():
        tensor.copy_(torch.randn_like(tensor))
    coder.save_to_disk(folder)
    expect(folder, SparseCoder.load_from_disk(folder))


@torch.no_grad()
def expect(folder: Path, coder: Any) -> None:
    """Write what sparsify makes of inputs with this sparse coder."""
    x = torch.randn(5, D_IN)
    found = coder(x)
    dense = torch.zeros(5, coder.num_latents).scatter_(-1, found.latent_indices, found.latent_acts)
    save_file({"x": x, "features": dense, "decoded": found.sae_out.contiguous()}, folder / "expected.safetensors")


def main(out: Path) -> None:
    """A run of autoencoders and one of transcoders, each of several kinds."""
    make(out / "saes" / "layers.0")
    make(out / "saes" / "layers.2.mlp", activation="groupmax")
    make(out / "saes" / "layers.10.self_attn", num_latents=0, expansion_factor=3)
    make(out / "saes" / "embed_tokens", skip_connection=True)
    make(out / "transcoders" / "layers.0.mlp", transcode=True)
    make(out / "transcoders" / "layers.3.mlp", transcode=True, skip_connection=True)
    make(out / "transcoders" / "layers.4", transcode=True, skip_connection=True, activation="groupmax")
    for run in ("saes", "transcoders"):
        (out / run / "config.json").write_text(json.dumps({"sae": {}, "model": "toy", "run_name": run}), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
