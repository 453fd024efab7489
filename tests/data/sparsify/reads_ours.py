"""Reads folders that interpviz wrote by sparsify itself, in an environment of its own (eai-sparsify 1.3, torch 2.13).

`python reads_ours.py FOLDER...` prints by how much sparsify's latents and outputs differ from those in
`FOLDER.expected.safetensors` at most: inputs x, features and decoded, as in the folders beside this script.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from sparsify import SparseCoder  # type: ignore[import-not-found]


@torch.no_grad()
def difference(folder: Path) -> float:
    """The largest difference of a number."""
    expected = load_file(folder.with_name(f"{folder.name}.expected.safetensors"))
    coder = SparseCoder.load_from_disk(folder)
    found = coder(expected["x"])
    latents = torch.zeros_like(expected["features"]).scatter_(-1, found.latent_indices, found.latent_acts)
    return max(
        float((latents - expected["features"]).abs().max()), float((found.sae_out - expected["decoded"]).abs().max())
    )


if __name__ == "__main__":
    sys.stdout.write(f"{max(difference(Path(folder)) for folder in sys.argv[1:])}\n")
