"""A random dictionary, as a SAELens folder and as a few lines in float64."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from tests.data import sae_files


@dataclass(frozen=True, eq=False, repr=False)
class FloatSAE:
    """relu((x - b_dec) W_enc + b_enc), in float64; `decoder` is W_dec (feature, width).

    A transcoder writes to `written` and adds a `shift` of its own there.
    """

    hook: str
    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    decoder_bias: Tensor
    written: str = ""
    shift: Tensor | None = None

    @property
    def writes(self) -> str:
        """The hook that it writes to."""
        return self.written or self.hook

    def rebuild(self, x: Tensor) -> Tensor:
        """What it makes of an activation (width,)."""
        return self.encode(x) @ self.decoder + (self.decoder_bias if self.shift is None else self.shift)

    def encode(self, x: Tensor) -> Tensor:
        """The features (feature,) of an activation (width,)."""
        return torch.relu((x.double() - self.decoder_bias) @ self.encoder + self.encoder_bias)


def random_sae(folder: Path, hook: str, width: int, features: int = 16, bias: float = 0.0) -> FloatSAE:
    """Write a random standard dictionary of this width to a folder, and give it as plain numbers.

    A negative `bias` lets fewer features be active at once.
    """
    draw = torch.Generator().manual_seed(5)
    tensors = {
        "W_enc": torch.randn(width, features, generator=draw) * 0.3,
        "W_dec": torch.randn(features, width, generator=draw),
        "b_enc": torch.randn(features, generator=draw) * 0.1 + bias,
        "b_dec": torch.randn(width, generator=draw) * 0.1,
    }
    config = sae_files.config("standard", width, features, metadata={"hook_name": hook})
    sae_files.save(folder, config, {name: value.numpy() for name, value in tensors.items()})
    encoder, encoder_bias, decoder, shift = (tensors[name].double() for name in ("W_enc", "b_enc", "W_dec", "b_dec"))
    return FloatSAE(hook, encoder, encoder_bias, decoder, shift)
