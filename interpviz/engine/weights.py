"""The weights of a model, laid out for a forward pass of our own; None where an architecture is of another kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Map = Callable[[Tensor], Tensor]

# Rotary embeddings that turn the two halves of a head against each other, or none: those written out in `blocks`.
_ATTENTION = (
    "JointQKVAttentionBridge",
    "JointQKVPositionEmbeddingsAttentionBridge",
    "PositionEmbeddingsAttentionBridge",
)
_MLPS = ("MLPBridge", "GatedMLPBridge")
_BLOCKS = ("BlockBridge", "ParallelBlockBridge")
# What may hang on an attention module beside q, k, v and o: all else, such as norms of queries, is not written out.
_KNOWN_PARTS = {"q", "k", "v", "o", "qkv"}


class Unknown(Exception):
    """The model has a part that is not written out here."""


@dataclass(frozen=True, eq=False)
class Affine:
    """x W^T + b. `weight` (out, in) shares memory with the model's own, whichever way that lies."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """One layer. Norms and activation are functions of a tensor; those that a model has not are None.

    `scale` multiplies the attention scores, `cap` bounds them by a tanh where it is not None, `window` is how many
    tokens back, itself included, a token looks. `parallel`: the MLP reads what attention reads.
    """

    norm: Map
    q: Affine
    k: Affine
    v: Affine
    o: Affine
    norm_after_attention: Map | None
    mlp_norm: Map
    gate: Affine | None
    into: Affine
    act: Map
    out: Affine
    norm_after_mlp: Map | None
    scale: float
    cap: float | None
    window: int | None
    parallel: bool


@dataclass(frozen=True, eq=False)
class Weights:
    """A whole model. `embed` and `positions` take ids and places (batch, pos); `positions` and `rotary` may be None.

    `rotary(x, places)` gives cosines and sines (1, pos, rotated). `cap` bounds the logits by a tanh where it is not
    None.
    """

    embed: Map
    positions: Map | None
    rotary: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None
    layers: tuple[LayerWeights, ...]
    norm: Map
    unembed: Affine
    cap: float | None
    heads: int
    kv_heads: int
    d_head: int


def weights(bridge: Any) -> Weights | None:
    """The weights of a bridge; None where it has parts that are not written out in `blocks`.

    That they mean what is written there is for the caller to try: names alone prove nothing.
    """
    try:
        return _weights(bridge)
    except (Unknown, AttributeError, KeyError, TypeError):
        return None


def _weights(bridge: Any) -> Weights:
    shape, model = bridge.cfg, bridge.original_model
    rotaries = [module for name, module in model.named_modules() if name.endswith("rotary_emb")]
    turns = {getattr(module.original_component, "rope_type", "default") for module in rotaries}
    if len(rotaries) > 1 or turns & {"dynamic", "longrope"}:  # whose angles hang on how long the text is
        raise Unknown("rotary")
    places = getattr(bridge, "pos_embed", None)
    return Weights(
        embed=bridge.embed.original_component,
        positions=places.original_component if places is not None else None,
        rotary=rotaries[0].original_component if rotaries else None,
        layers=tuple(_layer(block) for block in bridge.blocks),
        norm=_norm(bridge.ln_final),
        unembed=_affine(bridge.unembed),
        cap=_cap(getattr(model.config, "final_logit_softcapping", None)),
        heads=shape.n_heads,
        kv_heads=getattr(shape, "n_key_value_heads", None) or shape.n_heads,
        d_head=shape.d_head,
    )


def _layer(block: Any) -> LayerWeights:
    attention, mlp = block.attn, block.mlp
    kinds = ((block, _BLOCKS), (attention, _ATTENTION), (mlp, _MLPS))
    if any(type(part).__name__ not in known for part, known in kinds) or not set(attention.submodules) <= _KNOWN_PARTS:
        raise Unknown(type(attention).__name__)
    inside = attention.original_component
    return LayerWeights(
        norm=_norm(block.ln1),
        q=_affine(attention.q),
        k=_affine(attention.k),
        v=_affine(attention.v),
        o=_affine(attention.o),
        norm_after_attention=_optional_norm(block, "ln1_post"),
        mlp_norm=_norm(block.ln2),
        gate=_affine(mlp.gate) if "gate" in mlp.submodules else None,
        into=_affine(getattr(mlp, "in")),
        act=_act(mlp.original_component),
        out=_affine(mlp.out),
        norm_after_mlp=_optional_norm(block, "ln2_post"),
        scale=float(inside.scaling),
        cap=_cap(getattr(inside, "attn_logit_softcapping", None)),
        window=getattr(inside, "sliding_window", None),
        parallel=type(block).__name__ == "ParallelBlockBridge",
    )


def _affine(part: Any) -> Affine:
    inside = part.original_component
    weight = inside.weight if isinstance(inside, torch.nn.Linear) else inside.weight.T
    return Affine(weight, getattr(inside, "bias", None))


def _norm(part: Any) -> Map:
    inside: Any = part.original_component
    if isinstance(inside, torch.nn.LayerNorm):
        return inside
    offset = 1.0 if part.uses_weight_offset else 0.0
    weight, epsilon = inside.weight + offset, getattr(inside, "variance_epsilon", None) or inside.eps
    return lambda x: functional.rms_norm(x, weight.shape, weight, epsilon)


def _optional_norm(block: Any, name: str) -> Map | None:
    return _norm(getattr(block, name)) if name in block.submodules else None


def _act(mlp: Any) -> Map:
    found: Map = next(getattr(mlp, name) for name in ("act_fn", "act", "activation_fn") if hasattr(mlp, name))
    return found


def _cap(value: float | None) -> float | None:
    return float(value) if value else None
