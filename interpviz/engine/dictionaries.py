"""Sparse autoencoders at work: activations to features, and an edit of some features back into the activation.

Source: sae-lens 6.54, `saes/standard_sae.py`, `saes/jumprelu_sae.py` and `saes/sae.py` (normalisation).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from interpviz.core.sites import Site
from interpviz.data.dictionaries import Dictionary
from interpviz.data.directions import read_direction

EPSILON = 1e-5
# An activation that is zero has no norm to be scaled by; it stays zero, where SAELens gives NaN.
SMALLEST_NORM = 1e-20


class SAE:
    """A dictionary's weights on a device. Activations are (..., d_in), of heads flattened; features (..., feature).

    What it computes is float32, and nothing keeps a gradient but what is handed in.
    """

    def __init__(self, dictionary: Dictionary, device: torch.device | str = "cpu") -> None:
        self.facts = dictionary.facts
        self.notes = dictionary.notes
        self.encoder = torch.from_numpy(dictionary.W_enc).to(device)
        self.decoder = torch.from_numpy(dictionary.W_dec).to(device)
        self.encoder_bias = torch.from_numpy(dictionary.b_enc).to(device)
        self.decoder_bias = torch.from_numpy(dictionary.b_dec).to(device)
        threshold = dictionary.threshold
        self.threshold = None if threshold is None else torch.from_numpy(threshold).to(device)
        self._normalization = dictionary.normalize_activations
        self._centred = dictionary.apply_b_dec_to_input

    def encode(self, x: Tensor) -> Tensor:
        """Every feature's activation (..., feature)."""
        return self._active(self._read(x) @ self.encoder + self.encoder_bias, self.threshold)

    def encode_features(self, x: Tensor, features: Tensor) -> Tensor:
        """The activations (..., k) of these features (k,) alone, at their cost alone."""
        threshold = None if self.threshold is None else self.threshold[features]
        return self._active(self._read(x) @ self.encoder[:, features] + self.encoder_bias[features], threshold)

    def decode(self, activations: Tensor, x: Tensor) -> Tensor:
        """The reconstruction (..., d_in) by these features (..., feature) of `x`, whose normalisation is undone."""
        frame = self._frame(x.float())
        return (activations @ self.decoder + self.decoder_bias) * frame.spread + frame.centre

    def change(self, x: Tensor, features: Tensor, delta: Tensor) -> Tensor:
        """What to add to `x` (..., d_in) for these features (k,) to be written `delta` (..., k) more strongly.

        It is decode(a + delta) - decode(a): other features, and what is not reconstructed, stay as they are in x.
        """
        return delta.float() @ self.decoder[features] * self._frame(x.float()).spread

    def direction(self, feature: int) -> Tensor:
        """What the feature writes, (d_in,): its decoder row."""
        return self.decoder[feature]

    def _read(self, x: Tensor) -> Tensor:
        """What the encoder reads of an activation: normalised, and without the decoder's bias where so trained."""
        x = x.float()
        frame = self._frame(x)
        normal = (x - frame.centre) / frame.divisor
        return normal - self.decoder_bias if self._centred else normal

    def _frame(self, x: Tensor) -> _Frame:
        if self._normalization == "constant_norm_rescale":
            norm = x.norm(dim=-1, keepdim=True).clamp_min(SMALLEST_NORM) / x.shape[-1] ** 0.5
            return _Frame(x.new_zeros(()), norm, norm)
        if self._normalization == "layer_norm":
            spread = x.std(dim=-1, keepdim=True)
            return _Frame(x.mean(dim=-1, keepdim=True), spread + EPSILON, spread)
        one = x.new_ones(())
        return _Frame(x.new_zeros(()), one, one)

    @staticmethod
    def _active(hidden: Tensor, threshold: Tensor | None) -> Tensor:
        active = hidden.relu()
        return active if threshold is None else active * (hidden > threshold)


class _Frame(NamedTuple):
    """How an activation is normalised, (x - centre) / divisor, and brought back, y * spread + centre.

    SAELens adds its epsilon on the way in and leaves it out on the way back, so the two factors can differ.
    """

    centre: Tensor
    divisor: Tensor
    spread: Tensor


def direction(text: str, dictionary: Callable[[str], SAE]) -> Tensor:
    """The vector (d,) that `NAME/123`, a feature's decoder row, or a `.npy` or `.safetensors` file means.

    `dictionary(name)` finds one that is open, or raises. Raises InterpvizError for a feature that it has not, and for
    a file that holds no vector.
    """
    if not text.rpartition("/")[2].isdigit():
        return torch.from_numpy(read_direction(text))
    site = Site.parse(text)
    found = dictionary(site.dictionary)
    found.facts.check(site)
    return found.direction(site.index)
