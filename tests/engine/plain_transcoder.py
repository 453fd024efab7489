"""A random transcoder, as a SAELens folder and as a few lines in float64."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.data import sae_files
from tests.engine.plain_sae import FloatSAE


def random_transcoder(
    folder: Path, read: str, written: str, d_in: int, d_out: int, features: int = 16, bias: float = 0.0
) -> FloatSAE:
    """Write a random transcoder to a folder, and give it as plain numbers; its encoder subtracts nothing.

    The output is `encode(x) @ decoder + shift`. A negative `bias` lets fewer features be active at once.
    """
    draw = torch.Generator().manual_seed(6)
    tensors = {
        "W_enc": torch.randn(d_in, features, generator=draw) * 0.3,
        "W_dec": torch.randn(features, d_out, generator=draw),
        "b_enc": torch.randn(features, generator=draw) * 0.1 + bias,
        "b_dec": torch.randn(d_out, generator=draw) * 0.1,
    }
    hooks = {"hook_name": read, "hook_name_out": written}
    config = sae_files.config("transcoder", d_in, features, apply_b_dec_to_input=False, metadata=hooks)
    sae_files.save(folder, config | {"d_out": d_out}, {name: value.numpy() for name, value in tensors.items()})
    encoder, encoder_bias, decoder = (tensors[name].double() for name in ("W_enc", "b_enc", "W_dec"))
    return FloatSAE(
        read, encoder, encoder_bias, decoder, torch.zeros(d_in, dtype=torch.float64), written, tensors["b_dec"].double()
    )
