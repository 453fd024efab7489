"""A forward pass of our own: starts at any layer, keeps keys and values, and calls hooks by TransformerLens's names.

It gives what the model itself gives, without the seconds that wrapping every module costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from interpviz.core.report import Report, silent
from interpviz.engine.weights import LayerWeights, Weights

Hook = Callable[[Tensor], Tensor | None]
"""Sees an activation (batch, pos, ...); what it returns, if anything, takes the activation's place.

It may be given one row and return several: what comes before is then computed once for all of them.
"""

_PARTS = (
    "hook_resid_pre",
    "attn.hook_q",
    "attn.hook_k",
    "attn.hook_v",
    "attn.hook_pattern",
    "attn.hook_z",
    "hook_attn_out",
    "hook_resid_mid",
    "mlp.hook_in",
    "mlp.hook_post",
    "hook_mlp_out",
    "hook_resid_post",
)
_AFTER_Z = _PARTS[6:]


@dataclass(frozen=True, eq=False)
class Start:
    """Where a run begins that need not begin at the tokens: `stream` (1, pos, d_model) entering a layer."""

    layer: int
    stream: Tensor


@dataclass(eq=False)
class KeysAndValues:
    """What attention has read so far, layer by layer: (batch, kv_head, pos, d_head), keys as they are compared."""

    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    @property
    def length(self) -> int:
        """How many tokens were read."""
        return self.keys[0].shape[2] if self.keys else 0

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add what a layer reads now; all that it has read so far."""
        if layer == len(self.keys):
            self.keys.append(key)
            self.values.append(value)
        else:
            self.keys[layer] = torch.cat([self.keys[layer], key], dim=2)
            self.values[layer] = torch.cat([self.values[layer], value], dim=2)
        return self.keys[layer], self.values[layer]


class Blocks:
    """The layers of a model, run one after the other."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._names = [[f"blocks.{layer}.{part}" for part in _PARTS] for layer in range(len(weights.layers))]
        no_middle = any(layer.parallel for layer in weights.layers)
        known = (name for names in self._names for name in names if not (no_middle and name.endswith("resid_mid")))
        self._known = frozenset(("hook_embed", *known))
        self._windows = [layer.window for layer in weights.layers if layer.window is not None]
        self._turns: tuple[Tensor, Tensor] | None = None

    @property
    def longest(self) -> float:
        """The most tokens that every layer sees at once; more than that is not written out here."""
        return min(self._windows, default=math.inf)

    def knows(self, hooks: Collection[str], length: int) -> bool:
        """Whether a run of this many tokens with these hooks can be made here."""
        return self._known.issuperset(hooks) and length <= self.longest

    def forward(
        self,
        ids: Tensor,
        hooks: Mapping[str, Hook],
        *,
        every: bool = False,
        stop: int | None = None,
        start: Start | None = None,
        cache: KeysAndValues | None = None,
        report: Report = silent,
        share: tuple[float, float] = (0.0, 1.0),
    ) -> Tensor:
        """Logits (batch, 1, vocab) at the last position, or (batch, pos, vocab) if `every`.

        `start` takes the place of the layers below it, `cache` that of the tokens before `ids`. `stop` ends the run
        before that layer; the residual stream is then returned. `report` is told of every layer.
        """
        passed = cache.length if cache else 0
        stream = start.stream if start else self._embed(ids, hooks, passed)
        turns = self._rotary(stream, passed, passed + ids.shape[1])
        layers = self._weights.layers
        first, end = start.layer if start else 0, len(layers) if stop is None else stop
        for layer in range(first, end):
            report(share[0] + (share[1] - share[0]) * (layer - first) / max(end - first, 1))
            last = layer == len(layers) - 1 and not every
            stream = self._layer(layer, stream, hooks, turns, cache, last)
        return stream if stop is not None else self._logits(stream if every else stream[:, -1:])

    def _embed(self, ids: Tensor, hooks: Mapping[str, Hook], passed: int) -> Tensor:
        stream = _seen(hooks, "hook_embed", self._weights.embed(ids))
        if self._weights.positions is None:
            return stream
        places = torch.arange(passed, passed + ids.shape[1], device=ids.device)
        return stream + self._weights.positions(places)

    def _rotary(self, stream: Tensor, passed: int, length: int) -> tuple[Tensor, Tensor] | None:
        """Cosines and sines (pos, rotated) of the positions from `passed` to `length`."""
        if self._weights.rotary is None:
            return None
        if self._turns is None or len(self._turns[0]) < length:
            places = torch.arange(max(2 * length, 128), device=stream.device)[None]
            with torch.inference_mode(False):
                cos, sin = self._weights.rotary(stream.detach().clone(), places)
            self._turns = cos[0], sin[0]
        cos, sin = self._turns
        return cos[passed:length], sin[passed:length]

    def _layer(
        self,
        number: int,
        stream: Tensor,
        hooks: Mapping[str, Hook],
        turns: tuple[Tensor, Tensor] | None,
        cache: KeysAndValues | None,
        last: bool,
    ) -> Tensor:
        """The stream after a layer; of the last position alone if `last` and nobody looks at the others."""
        layer, names = self._weights.layers[number], self._names[number]
        pre, *attention, attn_out, middle, mlp_in, _, mlp_out, post = names
        stream = _seen(hooks, pre, stream)
        asking = 1 if last and not any(name in hooks for name in names[1:]) else stream.shape[1]
        z = self._attention(layer, layer.norm(stream), hooks, attention, turns, cache, number, asking)
        if last and not any(name in hooks for name in names[-len(_AFTER_Z) :]):
            z, stream = z[:, -1:], stream[:, -1:]
        written = layer.o(z.flatten(2))
        written = written if layer.norm_after_attention is None else layer.norm_after_attention(written)
        between = stream + _seen(hooks, attn_out, written)
        between = between if layer.parallel else _seen(hooks, middle, between)
        read = _seen(hooks, mlp_in, layer.mlp_norm(stream if layer.parallel else between))
        written = self._mlp(layer, read, hooks, names)
        return _seen(hooks, post, between + _seen(hooks, mlp_out, written))

    def _attention(
        self,
        layer: LayerWeights,
        x: Tensor,
        hooks: Mapping[str, Hook],
        names: list[str],
        turns: tuple[Tensor, Tensor] | None,
        cache: KeysAndValues | None,
        number: int,
        asking: int,
    ) -> Tensor:
        """The output z (batch, pos, head, d_head) of every head, at the last `asking` positions."""
        w, (on_q, on_k, on_v, on_pattern, on_z) = self._weights, names
        query = _seen(hooks, on_q, layer.q(x[:, -asking:]).view(-1, asking, w.heads, w.d_head))
        key = _seen(hooks, on_k, layer.k(x).view(*x.shape[:2], w.kv_heads, w.d_head))
        value = _seen(hooks, on_v, layer.v(x).view(*x.shape[:2], w.kv_heads, w.d_head))
        q, k, v = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
        if turns is not None:
            cos, sin = turns
            q, k = _turned(q, cos[-asking:], sin[-asking:]), _turned(k, cos, sin)
        if cache is not None:
            k, v = cache.extend(number, k, v)
        rows = max(len(q), len(k), len(v))
        q, k, v = (part if len(part) == rows else part.expand(rows, -1, -1, -1) for part in (q, k, v))
        if layer.cap is None and on_pattern not in hooks:
            mask = _visible(q, k) if q.shape[2] > 1 and cache is not None else None
            causal = mask is None and q.shape[2] > 1
            z = functional.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=causal, scale=layer.scale, enable_gqa=w.heads != w.kv_heads
            )
        else:
            pattern = _seen(hooks, on_pattern, self._pattern(layer, q, k))
            z = pattern @ v.repeat_interleave(w.heads // w.kv_heads, dim=1)
        return _seen(hooks, on_z, z.transpose(1, 2))

    def _pattern(self, layer: LayerWeights, q: Tensor, k: Tensor) -> Tensor:
        """Softmaxed attention (batch, head, query, key)."""
        w = self._weights
        scores = q @ k.repeat_interleave(w.heads // w.kv_heads, dim=1).transpose(2, 3) * layer.scale
        if layer.cap is not None:
            scores = layer.cap * torch.tanh(scores / layer.cap)
        return scores.masked_fill(~_visible(q, k), -torch.inf).softmax(-1)

    def _mlp(self, layer: LayerWeights, x: Tensor, hooks: Mapping[str, Hook], names: list[str]) -> Tensor:
        inner = layer.act(layer.into(x)) if layer.gate is None else layer.act(layer.gate(x)) * layer.into(x)
        written = layer.out(_seen(hooks, names[9], inner))
        return written if layer.norm_after_mlp is None else layer.norm_after_mlp(written)

    def _logits(self, stream: Tensor) -> Tensor:
        logits: Tensor = self._weights.unembed(self._weights.norm(stream))
        cap = self._weights.cap
        return logits if cap is None else cap * torch.tanh(logits / cap)


def _seen(hooks: Mapping[str, Hook], name: str, value: Tensor) -> Tensor:
    hook = hooks.get(name)
    if hook is None:
        return value
    changed = hook(value)
    return value if changed is None else changed


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (batch, head, pos, d_head), its first dimensions turned by position, half against half."""
    rotated = cos.shape[-1]
    turning, rest = (x, None) if rotated == x.shape[-1] else (x[..., :rotated], x[..., rotated:])
    one, other = turning.chunk(2, dim=-1)
    turned = torch.cat([-other, one], dim=-1).mul_(sin).addcmul_(turning, cos)
    return turned if rest is None else torch.cat([turned, rest], dim=-1)


def _visible(q: Tensor, k: Tensor) -> Tensor:
    """Which keys each query sees, (query, key): those up to its own position; the queries are the last ones."""
    queries, keys = q.shape[2], k.shape[2]
    return torch.ones(queries, keys, dtype=torch.bool, device=q.device).tril(keys - queries)
