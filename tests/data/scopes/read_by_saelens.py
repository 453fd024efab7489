"""Reads folders of Gemma Scope and Llama Scope by SAELens itself, in an environment of its own.

`python read_by_saelens.py` prints how many, and by how much SAELens's features and outputs differ from those stored
beside them at most. SAELens fetches these layouts: what it fetches lies here instead.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import sae_lens.loading.pretrained_sae_loaders as loaders  # type: ignore[import-not-found]
import torch
from sae_lens import JumpReLUSAE, JumpReLUSAEConfig
from safetensors.torch import load_file

HERE = Path(__file__).parent
GEMMA = "gemma-scope-2b-pt-res/layer_20/width_16k"
FOLDERS = {f"{GEMMA}/average_l0_71": 1.0, f"{GEMMA}/lower": 1.0, "Llama3_1-8B-Base-L1R-8x": math.sqrt(6) / 3.5}


def here(repo_id: str, filename: str, subfolder: str = "", **_: Any) -> str:
    """Where a file of a release lies."""
    return str(HERE / subfolder / filename)


@torch.no_grad()
def difference(folder: str, factor: float) -> float:
    """The largest difference of a number; `factor` is what SAELens's list of releases says of the activations' norm."""
    expected = load_file(HERE / folder / "expected.safetensors")
    reader = (
        loaders.gemma_2_sae_huggingface_loader
        if folder.startswith("gemma")
        else (loaders.llama_scope_sae_huggingface_loader)
    )
    config, weights, _ = reader("google/gemma-scope-2b-pt-res", folder, cfg_overrides={"dtype": "float32"})
    features, d = weights["W_dec"].shape
    sae = JumpReLUSAE(JumpReLUSAEConfig(d, features, apply_b_dec_to_input=config["apply_b_dec_to_input"]))
    sae.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    sae.fold_activation_norm_scaling_factor(factor)
    found = sae.encode(expected["x"])
    return max(
        float((found - expected["features"]).abs().max()),
        float((sae.decode(found) - expected["decoded"]).abs().max()),
    )


if __name__ == "__main__":
    loaders.hf_hub_download = here
    sys.stdout.write(f"{len(FOLDERS)} {max(difference(*folder) for folder in FOLDERS.items())}\n")
