"""What a dictionary is once it is read, whatever layout its files were in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.results import F4

Activation = Literal["relu", "jumprelu", "topk", "abstopk", "gated", "groupmax"]
Normalization = Literal["none", "constant_norm_rescale", "layer_norm"]
Reshaping = Literal["none", "hook_z"]


class BadDictionary(InterpvizError):
    """The folder or file is laid out as one of the layouts that are read, but cannot be."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        name = path.resolve().name if path.name in ("", "..") else path.name
        super().__init__(f"{name} cannot be read as a dictionary: {what}. {remedy}")


@dataclass(frozen=True, eq=False)
class Gate:
    """The gate of a gated dictionary, each (feature,): active where x W_enc + b_gate > 0.

    Then as much as relu(x W_enc exp(r_mag) + b_mag).
    """

    b_gate: F4
    b_mag: F4
    r_mag: F4


@dataclass(frozen=True, eq=False)
class Dictionary:
    """A dictionary and its weights, all float32 and finite. `notes` are sentences on what its files leave open.

    W_enc is (d_in, feature) and b_enc (feature,), zeros for gated; W_dec (feature, d_out) and b_dec (d_out,). Of a
    cross-layer transcoder W_dec is (feature, layer, d_out), the layers from its own on. threshold (feature,) is
    there for jumprelu alone, `k` for topk, abstopk and groupmax alone (of groupmax, how many groups), `gate` for gated
    alone. b_in (d_in,) is subtracted before encoding. W_skip (d_out, d_in) writes out += x @ W_skip.T.

    `rescale_by_decoder_norm`: features are times the norm of their decoder rows, which then count as unit vectors.
    `metadata` is JSON text of one object: what else a configuration of SAELens said, so that it can be written again.
    """

    facts: DictionaryFacts
    W_enc: F4
    W_dec: F4
    b_enc: F4
    b_dec: F4
    activation: Activation = "relu"
    threshold: F4 | None = None
    k: int | None = None
    gate: Gate | None = None
    b_in: F4 | None = None
    W_skip: F4 | None = None
    rescale_by_decoder_norm: bool = False
    normalize_activations: Normalization = "none"
    reshape_activations: Reshaping = "none"
    notes: tuple[str, ...] = ()
    metadata: str = "{}"
