"""One clean run kept as an autograd graph: what each component read, what it wrote, and where its heads looked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer of a run. The two inputs are copies of the residual stream that only this layer's parts read.

    `attention_input` and `mlp_input` (1, pos, d_model), before the norms; `query` (1, pos, head, d_head) and `key`,
    `value` (1, pos, kv_head, d_head) as projected; `scores` before and `pattern` after the softmax (1, head, query,
    key); `z` (1, pos, head, d_head); `out` (head, d_head, d_model) takes z to the residual stream. `mlp_input` and
    `mlp_output` are None in a model without MLPs. `parallel`: the MLP reads what attention reads.
    """

    attention_input: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    scores: Tensor
    pattern: Tensor
    z: Tensor
    out: Tensor
    mlp_input: Tensor | None
    mlp_output: Tensor | None
    parallel: bool

    def writes(self) -> Tensor:
        """What each head, then the MLP, adds to the residual stream: (component, pos, d_model), no shared bias."""
        heads = torch.einsum("phd,hdm->hpm", self.z[0], self.out)
        return heads if self.mlp_output is None else torch.cat([heads, self.mlp_output])


@dataclass(frozen=True, eq=False)
class Trace:
    """A whole run: token `embedding` (1, pos, d_model), `layers`, the copy that the final norm reads, and `logits`."""

    embedding: Tensor
    layers: tuple[LayerTrace, ...]
    logits_input: Tensor
    logits: Tensor


def trace(bridge: Any, ids: Tensor, report: Report = silent, embedding: Tensor | None = None) -> Trace:
    """Run the bridge on `ids` (1, pos) and keep what a circuit is made of; `logits` (vocab,) at the last position.

    An `embedding` (1, pos, d_model) takes the place of the tokens'; positions are embedded as ever. `report` is called
    at every layer, also when a gradient is later taken through it, so that both can be cancelled.
    Raises InterpvizError where the model's residual stream is not the plain sum of what its parts write, or where
    its parts cannot be told apart.
    """
    layers = int(bridge.cfg.n_layers)
    with torch.enable_grad(), _kept(bridge, layers, report, embedding) as seen:
        logits = bridge(ids, use_cache=False)
    try:
        found = tuple(_layer(bridge.blocks[layer], f"blocks.{layer}.", seen) for layer in range(layers))
        run = Trace(seen["embed.hook_out"], found, seen["ln_final.hook_in"], logits[0, -1])
    except (KeyError, AttributeError) as missing:
        raise _unsupported(bridge, f"its parts do not show ({missing})") from missing
    if not _adds_up(run, seen):
        raise _unsupported(bridge, "its residual stream is not the plain sum of what heads and MLPs write")
    return run


_ATTENTION = ("q.hook_out", "k.hook_out", "v.hook_out", "hook_attn_scores", "hook_pattern", "o.hook_in", "hook_out")
_LAYER = ("ln1.hook_in", *(f"attn.{part}" for part in _ATTENTION), "ln2.hook_in", "mlp.hook_out")
_ENDS = ("embed.hook_out", "pos_embed.hook_out", "ln_final.hook_in")


@contextmanager
def _kept(bridge: Any, layers: int, report: Report, embedding: Tensor | None) -> Iterator[dict[str, Tensor]]:
    """Hooks that keep each wanted activation by name, in the order in which they fire."""
    wanted = {*_ENDS, *(f"blocks.{layer}.{part}" for layer in range(layers) for part in _LAYER)}
    seen: dict[str, Tensor] = {}

    def keep(activation: Tensor, hook: Any) -> Tensor:
        name = str(hook.name)
        if name == "embed.hook_out":
            activation = (activation if embedding is None else embedding).detach().requires_grad_()
        elif name.endswith(("ln1.hook_in", "ln2.hook_in", "ln_final.hook_in")):
            report(0.0)
            activation = activation.clone()
            activation.register_hook(lambda _: report(0.0))  # type: ignore[no-untyped-call]
        seen[name] = activation
        return activation

    with bridge.hooks(fwd_hooks=[(lambda name: name in wanted, keep)]):
        yield seen


def _layer(block: Any, prefix: str, seen: dict[str, Tensor]) -> LayerTrace:
    attention_input = seen[prefix + "ln1.hook_in"]
    mlp_output = seen.get(prefix + "mlp.hook_out")
    mlp_input = seen[prefix + "ln2.hook_in"] if mlp_output is not None else None
    return LayerTrace(
        attention_input=attention_input,
        query=seen[prefix + "attn.q.hook_out"],
        key=seen[prefix + "attn.k.hook_out"],
        value=seen[prefix + "attn.v.hook_out"],
        scores=seen[prefix + "attn.hook_attn_scores"],
        pattern=seen[prefix + "attn.hook_pattern"],
        z=seen[prefix + "attn.o.hook_in"],
        out=block.attn.W_O.detach(),
        mlp_input=mlp_input,
        mlp_output=mlp_output,
        parallel=mlp_input is not None and torch.equal(mlp_input, attention_input),
    )


def _adds_up(run: Trace, seen: dict[str, Tensor]) -> bool:
    """Whether embeddings, head writes and MLP writes sum to the residual stream at every layer."""
    with torch.no_grad():
        start = run.embedding + seen.get("pos_embed.hook_out", 0.0)
        sums = [_close(run.layers[0].attention_input, start)]
        following = [*(layer.attention_input for layer in run.layers[1:]), run.logits_input]
        for number, (layer, after) in enumerate(zip(run.layers, following, strict=True)):
            attention = seen[f"blocks.{number}.attn.hook_out"]
            heads = layer.writes()[: layer.out.shape[0]].sum(0)
            shared = (attention[0] - heads).mean(0)
            mlp = 0.0 if layer.mlp_output is None else layer.mlp_output
            sums.append(_close(attention[0], heads + shared) and _close(after, layer.attention_input + attention + mlp))
    return all(sums)


def _close(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= 1e-4 * one.abs().max())


def _unsupported(bridge: Any, why: str) -> InterpvizError:
    architecture = getattr(bridge.cfg, "architecture", None) or type(bridge).__name__
    return InterpvizError(
        f"No circuit can be drawn for {architecture} models: {why}. Use the grid's ablation effects instead."
    )
