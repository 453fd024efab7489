"""Makes the folders beside this file by SAELens itself, in an environment of its own (sae-lens 6.54.12, torch 2.13).

Each holds what SAELens saved, and `expected.safetensors`: inputs x, and SAELens's features and reconstructions of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from sae_lens import SAE, JumpReLUSAE, JumpReLUSAEConfig, StandardSAE, StandardSAEConfig  # type: ignore[import-not-found]
from safetensors.torch import save_file

HERE = Path(__file__).parent
D_IN, D_SAE = 8, 16
RESIDUAL, Z = "blocks.1.hook_resid_post", "blocks.1.attn.hook_z"
FLAT: dict[str, Any] = {
    "hook_point": RESIDUAL,
    "hook_point_head_index": None,
    "activation_fn_str": "relu",
    "activation_fn_kwargs": {},
    "architecture": "standard",
    "d_in": D_IN,
    "d_sae": D_SAE,
    "dtype": "torch.float32",
    "device": "cpu",
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "normalize_activations": False,
    "model_name": "toy",
    "sae_lens_training_version": "3.1.0",
}


def make(name: str, architecture: str, dtype: str = "float32", hook: str = RESIDUAL, **config: Any) -> None:
    """A random dictionary, saved by SAELens, with what SAELens makes of 5 inputs."""
    torch.manual_seed(len(name))
    kind, configured = {"standard": (StandardSAE, StandardSAEConfig), "jumprelu": (JumpReLUSAE, JumpReLUSAEConfig)}[
        architecture
    ]
    sae = kind(configured(D_IN, D_SAE, dtype, **config))
    sae.cfg.metadata.hook_name, sae.cfg.metadata.model_name = hook, "toy"
    for tensor in sae.state_dict().values():
        tensor.copy_(torch.randn_like(tensor))
    if architecture == "jumprelu":
        sae.threshold.data.abs_()
    sae.save_model(HERE / name)
    expect(HERE / name)


def flatten(name: str) -> None:
    """Put the cfg.json of SAELens before 6.0 beside these weights, and the factor that it saved for nothing."""
    weights = {tensor: value.detach().clone() for tensor, value in SAE.load_from_disk(HERE / name).state_dict().items()}
    save_file(weights | {"scaling_factor": torch.ones(D_SAE)}, HERE / name / "sae_weights.safetensors")
    (HERE / name / "cfg.json").write_text(json.dumps(FLAT, indent=1), "utf-8")
    expect(HERE / name)


@torch.no_grad()
def expect(folder: Path) -> None:
    """Write what SAELens makes of inputs with the folder that it saved, computed in float32."""
    sae = SAE.load_from_disk(folder, dtype="float32")
    x = torch.randn(5, D_IN)
    shaped = x.view(5, 2, -1) if sae.cfg.reshape_activations == "hook_z" else x
    features = sae.encode(shaped)
    save_file(
        {"x": x, "features": features, "decoded": sae.decode(features).reshape(5, D_IN)},
        folder / "expected.safetensors",
    )


if __name__ == "__main__":
    make("standard", "standard")
    make("standard-raw-input", "standard", apply_b_dec_to_input=False)
    make("standard-layer-norm", "standard", normalize_activations="layer_norm")
    make("standard-z", "standard", hook=Z, reshape_activations="hook_z")
    make("standard-flat", "standard")
    flatten("standard-flat")
    make("jumprelu", "jumprelu", apply_b_dec_to_input=False)
    make("jumprelu-rescaled", "jumprelu", normalize_activations="constant_norm_rescale")
    make("jumprelu-bfloat16", "jumprelu", "bfloat16")
    make("jumprelu-float16", "jumprelu", "float16")
