"""Makes folders of dictionary_learning by its own classes, in an environment of its own: python make.py OUTFOLDER.

dictionary-learning 0.1, torch 2.13. Each folder holds what its trainers save, and `expected.safetensors`: inputs x, and
the features and reconstructions that its own loader gives.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from dictionary_learning.dictionary import (  # type: ignore[import-not-found]
    AutoEncoder,
    AutoEncoderNew,
    GatedAutoEncoder,
    JumpReluAutoEncoder,
)
from dictionary_learning.trainers.batch_top_k import BatchTopKSAE  # type: ignore[import-not-found]
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE  # type: ignore[import-not-found]
from dictionary_learning.trainers.top_k import AutoEncoderTopK  # type: ignore[import-not-found]
from dictionary_learning.utils import load_dictionary  # type: ignore[import-not-found]
from safetensors.torch import save_file

D, F, K = 6, 12, 3


def make(folder: Path, coder: Any, submodule: str | None = "resid_post_layer_1", **trainer: Any) -> None:
    """A random dictionary as a trainer saves it, and what its own library makes of 5 inputs."""
    torch.manual_seed(len(folder.name))
    kind = type(coder).__name__
    for name, tensor in coder.state_dict().items():
        if tensor.is_floating_point() and tensor.ndim:
            tensor.copy_(torch.randn_like(tensor))
        if name == "threshold":
            tensor.copy_(torch.full_like(tensor, 0.6))
    said = {"dict_class": kind, "activation_dim": D, "dict_size": F, "layer": 1, "lm_name": "toy", "device": "cpu"}
    folder.mkdir(parents=True, exist_ok=True)
    config = {"trainer": said | {"submodule_name": submodule} | trainer, "buffer": {"ctx_len": 16, "io": "out"}}
    (folder / "config.json").write_text(json.dumps(config, indent=4), "utf-8")
    torch.save({name: tensor.cpu() for name, tensor in coder.state_dict().items()}, folder / "ae.pt")
    expect(folder)


@torch.no_grad()
def expect(folder: Path) -> None:
    """Write what the library makes of inputs with the folder that was saved."""
    loaded, _ = load_dictionary(str(folder), "cpu")
    x = torch.randn(5, D)
    features = loaded.encode(x)
    save_file({"x": x, "features": features, "decoded": loaded.decode(features)}, folder / "expected.safetensors")


def main(out: Path) -> None:
    """Every class that the library can load."""
    make(out / "standard", AutoEncoder(D, F))
    make(out / "standard-new", AutoEncoderNew(D, F), "mlp_out_layer_1")
    make(out / "gated", GatedAutoEncoder(D, F), "attn_out_layer_1")
    make(out / "jumprelu", JumpReluAutoEncoder(D, F), None)
    make(out / "topk", AutoEncoderTopK(D, F, K), k=K)
    make(out / "batchtopk", BatchTopKSAE(D, F, K), k=K)
    make(out / "matryoshka", MatryoshkaBatchTopKSAE(D, F, K, [4, 8]), k=K)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
