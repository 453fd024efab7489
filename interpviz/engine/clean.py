"""The clean run of a prompt, kept for what follows from it: attribution, norms, the baseline of every edit."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor

from interpviz.core.document import Prompt
from interpviz.core.report import Report, silent
from interpviz.core.results import Tokens
from interpviz.engine.lens import Hook, Model

_REMEMBERED = 4


@dataclass(frozen=True, eq=False)
class CleanRun:
    """What a run without edits left behind.

    At the last position: `logits` (vocab,), `z` (layer, head, d_head), `mlp` (layer, d_model) or None without MLPs,
    `embedding` (d_model,) entering the first layer, `residual` (d_model,) entering the final norm. At all positions:
    `norms` (2 layer, pos), of attention and MLP output in turn; (layer, pos) without MLPs.
    """

    tokens: Tokens
    logits: Tensor
    z: Tensor
    mlp: Tensor | None
    embedding: Tensor
    residual: Tensor
    norms: Tensor


class CleanRuns:
    """The clean runs of the last few prompts of a model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._runs: OrderedDict[Prompt, CleanRun] = OrderedDict()

    def of(self, prompt: Prompt, report: Report = silent) -> CleanRun:
        """The clean run of the prompt: one forward pass, or none if it is remembered."""
        if prompt not in self._runs:
            self._runs[prompt] = clean_run(self._model, prompt, report)
        self._runs.move_to_end(prompt)
        while len(self._runs) > _REMEMBERED:
            self._runs.popitem(last=False)
        return self._runs[prompt]


def clean_run(model: Model, prompt: Prompt, report: Report = silent) -> CleanRun:
    """Run the prompt without edits and keep what later questions need of it."""
    tokens = model.tokens(prompt)
    layers = range(model.facts.layers)
    attention = [f"blocks.{layer}.hook_attn_out" for layer in layers]
    mlp = [f"blocks.{layer}.hook_mlp_out" for layer in layers] if model.facts.d_mlp else []
    heads = [f"blocks.{layer}.attn.hook_z" for layer in layers]
    first, last = "blocks.0.hook_resid_pre", f"blocks.{layers[-1]}.hook_resid_post"
    ends: dict[str, Tensor] = {}
    norms: dict[str, Tensor] = {}

    def keeping(name: str) -> Hook:
        def see(activation: Tensor) -> None:
            ends[name] = activation[0, -1].clone()
            norms[name] = activation[0].norm(dim=-1)

        return see

    hooks = {name: keeping(name) for name in (*attention, *mlp, *heads, first, last)}
    logits = model.forward(model.ids(tokens), hooks, report=report)
    written = [name for pair in zip(attention, mlp, strict=True) for name in pair] if mlp else attention
    return CleanRun(
        tokens=tokens,
        logits=logits[0, -1],
        z=torch.stack([ends[name].reshape(model.facts.heads, -1) for name in heads]),
        mlp=torch.stack([ends[name] for name in mlp]) if mlp else None,
        embedding=ends[first],
        residual=ends[last],
        norms=torch.stack([norms[name] for name in written]),
    )
