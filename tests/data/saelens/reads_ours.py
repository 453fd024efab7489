"""Reads folders that interpviz wrote by SAELens itself, in an environment of its own (sae-lens 6.54.12, torch 2.13).

`python reads_ours.py FOLDER...` prints by how much SAELens's features and outputs differ from those in
`FOLDER.expected.safetensors` at most: inputs x, features and decoded, as in the folders beside this script.
"""

from __future__ import annotations

import sys
from pathlib import Path

import sae_lens  # type: ignore[import-not-found]
import torch
from safetensors.torch import load_file


@torch.no_grad()
def difference(folder: Path) -> float:
    """The largest difference of a number."""
    expected = load_file(folder.with_name(f"{folder.name}.expected.safetensors"))
    sae = sae_lens.SAE.load_from_disk(folder)
    if sae.cfg.metadata.hook_name is None:
        raise SystemExit(f"SAELens finds no hook in {folder}.")
    x = expected["x"]
    shaped = x.view(len(x), 2, -1) if sae.cfg.reshape_activations == "hook_z" else x
    features, written = sae.encode(shaped), sae(shaped).reshape(len(x), -1)
    return max(float((features - expected["features"]).abs().max()), float((written - expected["decoded"]).abs().max()))


if __name__ == "__main__":
    sys.stdout.write(f"{max(difference(Path(folder)) for folder in sys.argv[1:])}\n")
