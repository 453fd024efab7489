"""Random dictionaries in SAELens's layout, whose weights are known, so that what is read can be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

D_IN, FEATURES = 6, 10
HOOK, HOOK_OUT, D_OUT = "blocks.0.hook_resid_post", "blocks.0.hook_mlp_out", 4
TRANSCODERS = ("transcoder", "jumprelu_transcoder", "skip_transcoder", "jumprelu_skip_transcoder")
SAVED_BY_SAELENS = Path(__file__).parent / "saelens"
SAVED_BY_SPARSIFY = Path(__file__).parent / "sparsify"

Weights = dict[str, NDArray[Any]]


def weights(architecture: str = "standard", d_in: int = D_IN, features: int = FEATURES, seed: int = 0) -> Weights:
    """Weights that float16 and bfloat16 hold exactly: quarters from -2 to 2."""
    rng = np.random.default_rng(seed)
    d_out = D_OUT if architecture in TRANSCODERS else d_in
    shapes: dict[str, tuple[int, ...]] = {"W_enc": (d_in, features), "W_dec": (features, d_out), "b_dec": (d_out,)}
    biases = ("b_gate", "b_mag", "r_mag") if architecture == "gated" else ("b_enc",)
    shapes |= dict.fromkeys(biases, (features,))
    if "skip" in architecture:
        shapes["W_skip"] = (d_out, d_in)
    drawn: Weights = {name: rng.integers(-8, 9, shape).astype(np.float32) / 4 for name, shape in shapes.items()}
    jumps = architecture.startswith("jumprelu")
    return drawn | {"threshold": np.full(features, 0.75, np.float32)} if jumps else drawn


def config(
    architecture: str = "standard", d_in: int = D_IN, features: int = FEATURES, **changes: Any
) -> dict[str, Any]:
    """What SAELens 6 writes into cfg.json."""
    said = {
        "d_in": d_in,
        "d_sae": features,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {"sae_lens_version": "6.54.12", "hook_name": HOOK, "model_name": "toy", "context_size": 128},
        "architecture": architecture,
    }
    if architecture in TRANSCODERS:
        metadata = {"hook_name": HOOK, "hook_name_out": HOOK_OUT, "sae_lens_version": "6.54.12"}
        said |= {"d_out": D_OUT, "apply_b_dec_to_input": False, "metadata": metadata}
    return said | changes


def save(folder: Path, stated: dict[str, Any], tensors: Weights) -> Path:
    """Write a folder of these two parts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps(stated), "utf-8")
    save_file(
        {name: np.array(tensor, order="C") for name, tensor in tensors.items()}, folder / "sae_weights.safetensors"
    )
    return folder


def random_sae(folder: Path, architecture: str = "standard", seed: int = 0, **changes: Any) -> Path:
    """A whole dictionary; `changes` are fields of its cfg.json, `d_in` and `features` its size."""
    size = {name: changes.pop(name) for name in ("d_in", "features") if name in changes}
    return save(folder, config(architecture, **size, **changes), weights(architecture, **size, seed=seed))
