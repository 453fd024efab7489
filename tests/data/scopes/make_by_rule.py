"""Makes folders of Gemma Scope 1 and 2 and of Llama Scope by their rules: python make_by_rule.py OUTFOLDER.

The owners publish weights of billions of numbers and no package that writes a small one, so these are made by the rule,
and `expected.safetensors` is computed here in plain numpy: inputs x, features, and what these write.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

D, F, D_OUT = 6, 12, 6
F8 = NDArray[np.float64]
Tensors = dict[str, NDArray[np.float32]]


def drawn(name: str) -> tuple[Tensors, F8]:
    """Random weights of a jumprelu dictionary, and 5 inputs."""
    rng = np.random.default_rng(len(name))
    shapes = {"W_enc": (D, F), "W_dec": (F, D_OUT), "b_enc": (F,), "b_dec": (D_OUT,)}
    tensors: Tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return tensors | {"threshold": rng.uniform(0.1, 1, F).astype(np.float32)}, rng.normal(size=(5, D))


def expect(folder: Path, x: F8, features: F8, decoded: F8) -> None:
    """Write what was computed, as float32."""
    found = {"x": x, "features": features, "decoded": decoded}
    save_file({name: value.astype(np.float32) for name, value in found.items()}, folder / "expected.safetensors")


def jumped(hidden: F8, threshold: Any) -> F8:
    """JumpReLU: what is over its threshold, as it is."""
    return np.where(hidden > threshold, hidden, 0.0)


def gemma_scope(folder: Path, name: Callable[[str], str]) -> None:
    """A params.npz whose layer only its folder tells."""
    tensors, x = drawn(folder.name)
    folder.mkdir(parents=True, exist_ok=True)
    named: dict[str, Any] = {name(key): value for key, value in tensors.items()}
    np.savez(folder / "params.npz", **named)
    features = jumped(x @ tensors["W_enc"] + tensors["b_enc"], tensors["threshold"])
    expect(folder, x, features, features @ tensors["W_dec"] + tensors["b_dec"])


def gemma_scope_2(folder: Path, hooks: dict[str, str], skips: bool) -> None:
    """A params.safetensors with lower-case names, and config.json with hooks of transformers."""
    tensors, x = drawn(folder.name)
    saved = {key.lower(): value for key, value in tensors.items()}
    features = jumped(x @ tensors["W_enc"] + tensors["b_enc"], tensors["threshold"])
    decoded = features @ tensors["W_dec"] + tensors["b_dec"]
    if skips:
        saved["affine_skip_connection"] = np.random.default_rng(9).normal(size=(D, D_OUT)).astype(np.float32)
        decoded = decoded + x @ saved["affine_skip_connection"]
    folder.mkdir(parents=True, exist_ok=True)
    save_file(saved, folder / "params.safetensors")
    said = {"architecture": "jump_relu", "model_name": "gemma-v3-270m-pt", "affine_connection": skips, **hooks}
    (folder / "config.json").write_text(json.dumps(said, indent=1), "utf-8")
    expect(folder, x, features, decoded)


def llama_scope(folder: Path, hook_out: str, norm_out: float, unit: bool) -> None:
    """Weights for activations whose norm is sqrt(d) on average, and the norms that they really had.

    Features are told in the scale of training, of decoder rows of length 1: sqrt(d) / norm times what the owners'
    code gives for activations as they are, whose threshold is the one that is stated.
    """
    tensors, x = drawn(folder.name)
    if unit:
        tensors["W_dec"] /= np.linalg.norm(tensors["W_dec"], axis=1, keepdims=True)
    norms = {"in": 3.5, "out": norm_out}
    hook = "blocks.1.hook_resid_post"
    said = {
        "hook_point_in": hook, "hook_point_out": hook_out or hook, "d_model": D, "d_sae": F, "expansion_factor": 2,
        "act_fn": "jumprelu", "jump_relu_threshold": 0.75, "norm_activation": "dataset-wise", "use_glu_encoder": False,
        "use_decoder_bias": True, "apply_decoder_bias_to_pre_encoder": False, "sparsity_include_decoder_norm": True,
        "dataset_average_activation_norm": norms,
    }  # fmt: skip
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "hyperparams.json").write_text(json.dumps(said, indent=1), "utf-8")
    saved = {
        "encoder.weight": np.ascontiguousarray(tensors["W_enc"].T), "encoder.bias": tensors["b_enc"],
        "decoder.weight": np.ascontiguousarray(tensors["W_dec"].T), "decoder.bias": tensors["b_dec"],
    }  # fmt: skip
    save_file(saved, folder / "checkpoints" / "final.safetensors")
    factor, factor_out = (math.sqrt(D) / norms[side] for side in ("in", "out"))
    decoder = tensors["W_dec"].astype(np.float64) * factor / factor_out  # as the owners bring it to what is written
    length = np.linalg.norm(decoder, axis=1)
    plain = jumped((x @ tensors["W_enc"] + tensors["b_enc"] / factor) * length, 0.75)
    expect(folder, x, plain * factor, plain @ (decoder / length[:, None]) + tensors["b_dec"] / factor_out)


def main(out: Path) -> None:
    """Every layout, and what can differ within it."""
    residual = "gemma-scope-2b-pt-res/layer_20/width_16k"
    gemma_scope(out / residual / "average_l0_71", str)
    gemma_scope(out / residual / "lower", lambda key: "w_" + key[2:] if key.startswith("W_") else key)
    gemma_scope(out / "gemma-scope-2b-pt-transcoders/layer_3/width_16k/average_l0_54", str)
    scope = "gemma-scope-2-270m-pt"
    gemma_scope_2(out / scope / "resid_post", {"hf_hook_point_in": "model.layers.5.output"}, skips=False)
    hooks = {
        "hf_hook_point_in": "model.layers.5.pre_feedforward_layernorm.output",
        "hf_hook_point_out": "model.layers.5.post_feedforward_layernorm.output",
    }
    gemma_scope_2(out / scope / "transcoder_affine", hooks, skips=True)
    llama_scope(out / "Llama3_1-8B-Base-L1R-8x", "", 3.5, unit=True)
    llama_scope(out / "Llama3_1-8B-Base-L1TC-8x", "blocks.1.hook_mlp_out", 0.5, unit=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
