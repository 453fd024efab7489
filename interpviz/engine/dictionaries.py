"""Sparse autoencoders and transcoders at work: activations to features, and features to what they write.

Source: sae-lens 6.54, `saes/sae.py` (normalisation), `saes/topk_sae.py` and `saes/transcoder.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interpviz.core.results import F4
from interpviz.core.sites import Site
from interpviz.data.dictionaries import Dictionary
from interpviz.data.directions import read_direction
from interpviz.engine.dictionary_rules import Rule

EPSILON = 1e-5
# An activation that is zero has no norm to be scaled by; it stays zero, where SAELens gives NaN.
SMALLEST_NORM = 1e-20


class SAE:
    """A dictionary's weights on a device. Activations are (..., d_in), of heads flattened; features (..., feature).

    `decoder` is (feature, d_out), of a cross-layer transcoder (feature, layer, d_out): what one unit of a feature
    writes. `signed` says that features can be below zero. What it computes is float32, and nothing keeps a gradient but
    what is handed in.
    """

    def __init__(self, dictionary: Dictionary, device: torch.device | str = "cpu") -> None:
        def placed(values: F4) -> Tensor:
            return torch.from_numpy(values).to(device)

        def maybe(values: F4 | None) -> Tensor | None:
            return None if values is None else placed(values)

        self.facts = dictionary.facts
        self.notes = dictionary.notes
        self.encoder, self.encoder_bias = placed(dictionary.W_enc), placed(dictionary.b_enc)
        self.decoder, self.decoder_bias = placed(dictionary.W_dec), placed(dictionary.b_dec)
        if dictionary.rescale_by_decoder_norm:  # told here once, so that no step of a run has to
            norm = self.decoder.norm(dim=-1).clamp_min(SMALLEST_NORM)
            self.encoder, self.encoder_bias = self.encoder * norm, self.encoder_bias * norm
            self.decoder = self.decoder / norm[:, None]
        self.signed = dictionary.activation == "abstopk"
        self.threshold, self._skip = maybe(dictionary.threshold), maybe(dictionary.W_skip)
        self._input_bias = maybe(dictionary.b_in)
        gate = dictionary.gate
        gates = None if gate is None else tuple(map(placed, (gate.b_gate, np.exp(gate.r_mag), gate.b_mag)))
        self._rule = Rule(dictionary.activation, dictionary.k or 0, self.threshold, gates)
        self._normalization = dictionary.normalize_activations

    def encode(self, x: Tensor) -> Tensor:
        """Every feature's activation (..., feature)."""
        return self._rule.active(self._read(x) @ self.encoder + self.encoder_bias)

    def encode_features(self, x: Tensor, features: Tensor) -> Tensor:
        """The activations (..., k) of these features (k,) alone: at their cost alone, where none depends on others."""
        if self._rule.compares:
            return self.encode(x)[..., features]
        hidden = self._read(x) @ self.encoder[:, features] + self.encoder_bias[features]
        return self._rule.of(features).active(hidden)

    def decode(self, activations: Tensor, x: Tensor) -> Tensor:
        """What these features (..., feature) of `x` write: (..., d_out), in the scale of `x` if written where it is.

        Of a cross-layer transcoder (..., layer, d_out); its bias and its linear path are those of its own layer.
        """
        written = _times(activations, self.decoder)
        own = written[..., 0, :] if self.facts.writes_ahead else written
        own += self.decoder_bias
        if not self.facts.transcoder:
            frame = self._frame(x.float())
            own.mul_(frame.spread).add_(frame.centre)
        if self._skip is not None:
            own += x.float() @ self._skip.T
        return written

    def change(self, x: Tensor, features: Tensor, delta: Tensor) -> Tensor:
        """What to add where it writes, (..., d_out), for these features (k,) to be `delta` (..., k) stronger.

        `x` (..., d_in) is what it reads. It is decode(a + delta) - decode(a): other features, and what is not
        reconstructed, stay as they are. Of a cross-layer transcoder it is (..., layer, d_out).
        """
        written = _times(delta.float(), self.decoder[features])
        return written if self.facts.transcoder else written * self._frame(x.float()).spread

    def direction(self, feature: int) -> Tensor:
        """What one unit of the feature writes, (d_out,); of a cross-layer transcoder, in its own layer."""
        return self.decoder[feature, 0] if self.facts.writes_ahead else self.decoder[feature]

    def _read(self, x: Tensor) -> Tensor:
        """What the encoder reads of an activation: normalised, and without the decoder's bias where so trained."""
        x = x.float()
        frame = self._frame(x)
        normal = (x - frame.centre) / frame.divisor
        return normal if self._input_bias is None else normal - self._input_bias

    def _frame(self, x: Tensor) -> _Frame:
        if self._normalization == "constant_norm_rescale":
            norm = x.norm(dim=-1, keepdim=True).clamp_min(SMALLEST_NORM) / x.shape[-1] ** 0.5
            return _Frame(x.new_zeros(()), norm, norm)
        if self._normalization == "layer_norm":
            spread = x.std(dim=-1, keepdim=True)
            return _Frame(x.mean(dim=-1, keepdim=True), spread + EPSILON, spread)
        one = x.new_ones(())
        return _Frame(x.new_zeros(()), one, one)


def _times(activations: Tensor, decoder: Tensor) -> Tensor:
    """What activations (..., feature) write by a decoder (feature, ...): (..., ...)."""
    return (activations @ decoder.flatten(1)).view(*activations.shape[:-1], *decoder.shape[1:])


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
