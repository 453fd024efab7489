"""Makes a folder for each architecture by SAELens itself, in an environment of its own (sae-lens 6.54.12, torch 2.13).

`python make.py OUTFOLDER`. Each folder holds what SAELens saved, and `expected.safetensors`: inputs x, and SAELens's
features and reconstructions of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import sae_lens  # type: ignore[import-not-found]
import torch
from sae_lens.registry import get_sae_class, get_sae_training_class  # type: ignore[import-not-found]
from safetensors.torch import load_file, save_file

D_IN, D_OUT, D_SAE = 8, 6, 16
RESIDUAL, Z, OUT = "blocks.1.hook_resid_post", "blocks.1.attn.hook_z", "blocks.1.hook_mlp_out"
EVERY_TOPK = ("topk", "abstopk")
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


def make(folder: Path, architecture: str, dtype: str = "float32", hook: str = RESIDUAL, **config: Any) -> None:
    """A random dictionary, saved by SAELens, with what SAELens makes of 5 inputs."""
    torch.manual_seed(len(folder.name))
    kind, configured = get_sae_class(architecture)
    sae = kind(configured(d_in=D_IN, d_sae=D_SAE, dtype=dtype, **config))
    sae.cfg.metadata.hook_name, sae.cfg.metadata.model_name = hook, "toy"
    if "transcoder" in architecture:
        sae.cfg.metadata.hook_name_out = OUT
    sae.cfg.metadata.seen = {"tokens": 2**33, "by": ["nobody"]}  # what nobody reads is kept as well
    randomise(sae)
    sae.save_model(folder)
    expect(folder, sae_lens.SAE.load_from_disk(folder, dtype="float32"))


def make_checkpoint(folder: Path, architecture: str, **config: Any) -> None:
    """A training checkpoint, with what SAELens makes of inputs once it has saved it for use."""
    torch.manual_seed(len(folder.name))
    kind, configured = get_sae_training_class(architecture)
    sae = kind(configured(d_in=D_IN, d_sae=D_SAE, **config))
    sae.cfg.metadata.hook_name, sae.cfg.metadata.model_name = RESIDUAL, "toy"
    randomise(sae)
    sae.topk_threshold.fill_(0.7)
    sae.save_model(folder)
    sae.save_inference_model(folder / "used")
    used = sae_lens.SAE.load_from_disk(folder / "used")
    for file in (folder / "used").iterdir():
        file.unlink()
    (folder / "used").rmdir()
    expect(folder, used)


def flatten(folder: Path, said: dict[str, Any]) -> None:
    """Put the cfg.json of SAELens before 6.0 beside these weights, and the factor that it saved for nothing."""
    weights = load_file(folder / "sae_weights.safetensors")
    save_file(weights | {"scaling_factor": torch.ones(D_SAE)}, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(FLAT | said, indent=1), "utf-8")
    expect(folder, sae_lens.SAE.load_from_disk(folder))


def randomise(sae: Any) -> None:
    """Random weights; a scale of its own for every decoder row, so that it matters whether norms are counted."""
    for tensor in sae.state_dict().values():
        tensor.copy_(torch.randn_like(tensor))
    sae.W_dec.data *= torch.linspace(0.3, 2, D_SAE)[:, None]
    if hasattr(sae, "threshold"):
        sae.threshold.data.abs_()
    if hasattr(sae, "r_mag"):
        sae.r_mag.data /= 2


@torch.no_grad()
def expect(folder: Path, sae: Any) -> None:
    """Write what SAELens makes of inputs with this dictionary."""
    x = torch.randn(5, D_IN)
    shaped = x.view(5, 2, -1) if sae.cfg.reshape_activations == "hook_z" else x
    features = sae.encode(shaped)
    written = sae(shaped)  # of a transcoder with the linear path, which decode leaves out
    save_file(
        {"x": x, "features": features, "decoded": written.reshape(5, -1).contiguous()}, folder / "expected.safetensors"
    )


def main(out: Path) -> None:
    """Every architecture, and every way of saying one."""
    make(out / "standard", "standard")
    make(out / "standard-raw-input", "standard", apply_b_dec_to_input=False)
    make(out / "standard-layer-norm", "standard", normalize_activations="layer_norm")
    make(out / "standard-z", "standard", hook=Z, reshape_activations="hook_z")
    make(out / "standard-flat", "standard")
    flatten(out / "standard-flat", {})
    make(out / "jumprelu", "jumprelu", apply_b_dec_to_input=False)
    make(out / "jumprelu-rescaled", "jumprelu", normalize_activations="constant_norm_rescale")
    make(out / "jumprelu-bfloat16", "jumprelu", "bfloat16")
    make(out / "jumprelu-float16", "jumprelu", "float16")
    make(out / "gated", "gated")
    make(out / "gated-raw-input", "gated", apply_b_dec_to_input=False)
    for architecture in EVERY_TOPK:
        make(out / architecture, architecture, k=4)
        make(out / f"{architecture}-norms", architecture, k=4, rescale_acts_by_decoder_norm=True)
    make(out / "topk-layer-norm", "topk", k=4, normalize_activations="layer_norm")
    make(out / "topk-flat", "topk", k=3)
    flatten(out / "topk-flat", {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 3}})
    make_checkpoint(out / "batchtopk-checkpoint", "batchtopk", k=4)
    make_checkpoint(out / "batchtopk-checkpoint-plain", "batchtopk", k=4, rescale_acts_by_decoder_norm=False)
    make_checkpoint(out / "matryoshka-checkpoint", "matryoshka_batchtopk", k=4, matryoshka_widths=[4, 8, 16])
    for architecture in ("transcoder", "jumprelu_transcoder", "skip_transcoder", "jumprelu_skip_transcoder"):
        make(out / architecture, architecture, d_out=D_OUT, apply_b_dec_to_input=False)
    make(
        out / "transcoder-rescaled", "skip_transcoder", d_out=D_OUT, apply_b_dec_to_input=False,
        normalize_activations="constant_norm_rescale",
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
