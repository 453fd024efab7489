# mypy: disable-error-code="no-any-return"
"""Transformers written out from their weights in plain torch, with a copy of the stream for every reader.

Nothing here comes from TransformerLens or from our engine: it is what the circuits are compared with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

Reader = tuple[str, int, int, int]
"""Kind ("head", "mlp", "logits"), layer, head (or -1) and the position of the output that reads."""


class PlainLlama:
    """A Llama of Hugging Face: rotary embedding, RMSNorm, grouped queries, no biases."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.layers = list(model.model.layers)
        self.heads = model.config.num_attention_heads
        self.d_head = model.config.hidden_size // self.heads
        self.eps = model.config.rms_norm_eps
        self.theta = model.config.rope_parameters["rope_theta"]
        self.shared = self.heads // model.config.num_key_value_heads

    def embed(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """What the token embedding writes, and the stream that enters layer 0."""
        tokens = self.model.model.embed_tokens.weight[ids]
        return tokens, tokens

    def head(self, layer: int, head: int, query: int, stream: Tensor) -> Tensor:
        """The output z (d_head,) of one head at one query, reading `stream` (pos, d_model)."""
        attention = self.layers[layer].self_attn
        normed = self._norm(stream, self.layers[layer].input_layernorm)
        q = normed[query] @ self._rows(attention.q_proj.weight, head)
        k = normed[: query + 1] @ self._rows(attention.k_proj.weight, head // self.shared)
        v = normed[: query + 1] @ self._rows(attention.v_proj.weight, head // self.shared)
        turned = torch.stack([self._turn(key, place) for place, key in enumerate(k)])
        return (turned @ self._turn(q, query) / self.d_head**0.5).softmax(0) @ v

    def out(self, layer: int, head: int) -> Tensor:
        """The matrix (d_head, d_model) that takes a head's z to the stream."""
        weight: Tensor = self.layers[layer].self_attn.o_proj.weight
        return weight[:, head * self.d_head : (head + 1) * self.d_head].T

    def shared_bias(self, layer: int) -> Tensor:
        return torch.zeros(())

    def mlp(self, layer: int, stream: Tensor) -> Tensor:
        mlp = self.layers[layer].mlp
        normed = self._norm(stream, self.layers[layer].post_attention_layernorm)
        gate = functional.silu(normed @ mlp.gate_proj.weight.T)
        return (gate * (normed @ mlp.up_proj.weight.T)) @ mlp.down_proj.weight.T

    def logits(self, stream: Tensor) -> Tensor:
        return self._norm(stream, self.model.model.norm) @ self.model.lm_head.weight.T

    def _norm(self, stream: Tensor, norm: Any) -> Tensor:
        return stream / (stream.pow(2).mean(-1, keepdim=True) + self.eps).sqrt() * norm.weight

    def _rows(self, weight: Tensor, head: int) -> Tensor:
        return weight[head * self.d_head : (head + 1) * self.d_head].T

    def _turn(self, vector: Tensor, position: int) -> Tensor:
        half = self.d_head // 2
        angle = position * self.theta ** (-torch.arange(half, dtype=torch.float64) / half)
        cos, sin = angle.cos().float(), angle.sin().float()
        first, second = vector[:half], vector[half:]
        return torch.cat([first * cos - second * sin, second * cos + first * sin])


class PlainGPT2:
    """A GPT-2 of Hugging Face: learned positions, LayerNorm, biases everywhere."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.layers = list(model.transformer.h)
        self.heads = model.config.n_head
        self.d_model = model.config.n_embd
        self.d_head = self.d_model // self.heads

    def embed(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.model.transformer.wte.weight[ids]
        return tokens, tokens + self.model.transformer.wpe.weight[: len(ids)]

    def head(self, layer: int, head: int, query: int, stream: Tensor) -> Tensor:
        attention = self.layers[layer].attn
        normed = self._norm(stream, self.layers[layer].ln_1)
        place = slice(head * self.d_head, (head + 1) * self.d_head)
        q, k, v = (normed @ attention.c_attn.weight + attention.c_attn.bias).split(self.d_model, dim=1)
        scores = k[: query + 1, place] @ q[query, place] / self.d_head**0.5
        return scores.softmax(0) @ v[: query + 1, place]

    def out(self, layer: int, head: int) -> Tensor:
        weight: Tensor = self.layers[layer].attn.c_proj.weight
        return weight[head * self.d_head : (head + 1) * self.d_head]

    def shared_bias(self, layer: int) -> Tensor:
        bias: Tensor = self.layers[layer].attn.c_proj.bias
        return bias

    def mlp(self, layer: int, stream: Tensor) -> Tensor:
        mlp = self.layers[layer].mlp
        hidden = self._norm(stream, self.layers[layer].ln_2) @ mlp.c_fc.weight + mlp.c_fc.bias
        return functional.gelu(hidden, approximate="tanh") @ mlp.c_proj.weight + mlp.c_proj.bias

    def logits(self, stream: Tensor) -> Tensor:
        return self._norm(stream, self.model.transformer.ln_f) @ self.model.lm_head.weight.T

    def _norm(self, stream: Tensor, norm: Any) -> Tensor:
        return functional.layer_norm(stream, (self.d_model,), norm.weight, norm.bias, norm.eps)


class PlainNeoX:
    """A GPT-NeoX of Hugging Face: attention and MLP side by side, fused projections, a part of each head rotated."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.layers = list(model.gpt_neox.layers)
        self.heads = model.config.num_attention_heads
        self.d_model = model.config.hidden_size
        self.d_head = self.d_model // self.heads
        self.rotated = int(self.d_head * model.config.rope_parameters["partial_rotary_factor"])

    def embed(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.model.gpt_neox.embed_in.weight[ids]
        return tokens, tokens

    def head(self, layer: int, head: int, query: int, stream: Tensor) -> Tensor:
        fused = self.layers[layer].attention.query_key_value
        normed = self._norm(stream, self.layers[layer].input_layernorm)
        rows = slice(head * 3 * self.d_head, (head + 1) * 3 * self.d_head)
        q, k, v = (normed @ fused.weight[rows].T + fused.bias[rows]).split(self.d_head, dim=1)
        turned = torch.stack([self._turn(key, place) for place, key in enumerate(k[: query + 1])])
        return (turned @ self._turn(q[query], query) / self.d_head**0.5).softmax(0) @ v[: query + 1]

    def out(self, layer: int, head: int) -> Tensor:
        weight: Tensor = self.layers[layer].attention.dense.weight
        return weight[:, head * self.d_head : (head + 1) * self.d_head].T

    def shared_bias(self, layer: int) -> Tensor:
        bias: Tensor = self.layers[layer].attention.dense.bias
        return bias

    def mlp(self, layer: int, stream: Tensor) -> Tensor:
        mlp = self.layers[layer].mlp
        return mlp.dense_4h_to_h(functional.gelu(mlp.dense_h_to_4h(self._mlp_norm(layer, stream))))

    def logits(self, stream: Tensor) -> Tensor:
        return self._norm(stream, self.model.gpt_neox.final_layer_norm) @ self.model.lm_head.weight.T

    def _mlp_norm(self, layer: int, stream: Tensor) -> Tensor:
        return self._norm(stream, self.layers[layer].post_attention_layernorm)

    def _norm(self, stream: Tensor, norm: Any) -> Tensor:
        return functional.layer_norm(stream, (self.d_model,), norm.weight, norm.bias, norm.eps)

    def _turn(self, vector: Tensor, position: int) -> Tensor:
        half = self.rotated // 2
        angle = position * 10_000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
        cos, sin = angle.cos().float(), angle.sin().float()
        first, second, rest = vector[:half], vector[half : self.rotated], vector[self.rotated :]
        return torch.cat([first * cos - second * sin, second * cos + first * sin, rest])


Plain = PlainLlama | PlainGPT2 | PlainNeoX


@dataclass
class PlainRun:
    """`writes` by (kind, layer, head) and `copies` by reader, each (pos, d_model); `logits` (pos, vocab)."""

    writes: dict[tuple[str, int, int], Tensor] = field(default_factory=dict)
    copies: dict[Reader, Tensor] = field(default_factory=dict)
    logits: Tensor = field(default_factory=lambda: torch.zeros(0))


def run(plain: Plain, ids: Tensor, each: Literal["query", "head"] = "query") -> PlainRun:
    """A forward pass in which every reader has its own copy of the stream: a head one for each query, or one in all.

    After a backward pass `copies[reader].grad` is the gradient at what that reader alone reads.
    """
    done = PlainRun()

    def copy(reader: Reader, stream: Tensor) -> Tensor:
        if reader not in done.copies:
            done.copies[reader] = stream.clone()
            done.copies[reader].retain_grad()
        return done.copies[reader]

    done.writes["embed", -1, -1], stream = plain.embed(ids)
    positions = range(len(ids))
    for layer in range(len(plain.layers)):
        after = stream + plain.shared_bias(layer)
        for head in range(plain.heads):
            readers = [("head", layer, head, query if each == "query" else -1) for query in positions]
            z = torch.stack([plain.head(layer, head, q, copy(readers[q], stream)) for q in positions])
            done.writes["head", layer, head] = z @ plain.out(layer, head)
            after = after + done.writes["head", layer, head]
        entering = stream if isinstance(plain, PlainNeoX) else after
        outputs = [plain.mlp(layer, copy(("mlp", layer, -1, q), entering))[q] for q in positions]
        done.writes["mlp", layer, -1] = torch.stack(outputs)
        stream = after + done.writes["mlp", layer, -1]
    done.logits = plain.logits(copy(("logits", len(plain.layers), -1, len(ids) - 1), stream))
    return done


Edge = tuple[str, int, int, int, str, int, int, int]
"""Source kind, layer, head and position, then the same of the target."""


def edge_scores(clean: PlainRun, corrupt: PlainRun | None, *, parallel: bool = False) -> dict[Edge, float]:
    """Every edge with its score, by a loop over readers and writers, after the clean run's backward pass.

    Where a head has one copy in all, its edges are the sums over its queries and carry position -1.
    """
    scores = {}
    for (kind, layer, head, position), read in clean.copies.items():
        assert read.grad is not None
        for source, write in clean.writes.items():
            if not _before(source, kind, layer, parallel):
                continue
            change = write if corrupt is None else write - corrupt.writes[source]
            products = (change * read.grad).sum(1).tolist()
            places = range(position + 1 or len(products)) if kind == "head" else [position]
            for place in places:
                scores[(*source, place, kind, layer, head, position)] = products[place]
    return scores


def _before(source: tuple[str, int, int], kind: str, layer: int, parallel: bool) -> bool:
    return source[1] < layer or (source[1] == layer and source[0] == "head" and kind == "mlp" and not parallel)
