"""Random dictionaries in SAELens's layout, whose weights are known, so that what is read can be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

D_IN, FEATURES = 6, 10
HOOK = "blocks.0.hook_resid_post"
SAVED_BY_SAELENS = Path(__file__).parent / "saelens"

Weights = dict[str, NDArray[Any]]


def weights(architecture: str = "standard", d_in: int = D_IN, features: int = FEATURES, seed: int = 0) -> Weights:
    """Weights that float16 and bfloat16 hold exactly: quarters from -2 to 2."""
    rng = np.random.default_rng(seed)
    shapes = {"W_enc": (d_in, features), "W_dec": (features, d_in), "b_enc": (features,), "b_dec": (d_in,)}
    drawn: Weights = {name: rng.integers(-8, 9, shape).astype(np.float32) / 4 for name, shape in shapes.items()}
    return drawn | {"threshold": np.full(features, 0.75, np.float32)} if architecture == "jumprelu" else drawn


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
