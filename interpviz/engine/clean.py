"""The clean run of a prompt, kept for what follows from it: attribution, norms, and the layers below an edit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from interpviz.core.document import Prompt
from interpviz.core.report import Report, silent
from interpviz.core.results import Tokens
from interpviz.engine.blocks import Hook, Start
from interpviz.engine.lens import Model

_REMEMBERED = 4
_WRITTEN = ("hook_attn_out", "hook_mlp_out")
# Bytes of residual streams that one run may keep: of more than this, every second layer's, or every third ...
STREAM_BYTES = 64 << 20


@dataclass(frozen=True, eq=False)
class CleanRun:
    """What a run without edits, or with some, left behind.

    At the last position: `logits` (vocab,), `z` (layer, head, d_head), `mlp` (layer, d_model) or None without MLPs,
    `embedding` (d_model,) entering the first layer, `residual` (d_model,) entering the final norm. At all positions:
    `norms` (2 layer, pos), of attention and MLP output in turn; (layer, pos) without MLPs. `stream` is the residual
    stream (1, pos, d_model) that entered some of the layers, by their number. `patterns` are those of all layers, by
    hook name, where a frozen run has asked for them and they are few enough to keep.
    """

    tokens: Tokens
    logits: Tensor
    z: Tensor
    mlp: Tensor | None
    embedding: Tensor
    residual: Tensor
    norms: Tensor
    stream: Mapping[int, Tensor]
    patterns: dict[str, Tensor] = field(default_factory=dict)

    def start(self, layer: int) -> Start | None:
        """Where a run begins whose first edit is in this layer; None at the tokens."""
        kept = max((number for number in self.stream if number <= layer), default=None)
        return None if kept is None else Start(kept, self.stream[kept])


class CleanRuns:
    """The clean runs of the last few prompts of a model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._runs: OrderedDict[Prompt, CleanRun] = OrderedDict()

    def of(self, prompt: Prompt, report: Report = silent) -> CleanRun:
        """The clean run of the prompt: one forward pass, or none if it is remembered."""
        if prompt not in self._runs:
            self._runs[prompt] = clean_run(self._model, self._model.tokens(prompt), report)
        self._runs.move_to_end(prompt)
        while len(self._runs) > _REMEMBERED:
            self._runs.popitem(last=False)
        return self._runs[prompt]


def clean_run(
    model: Model,
    tokens: Tokens,
    report: Report = silent,
    edits: Mapping[str, Hook] | None = None,
) -> CleanRun:
    """Run the tokens and keep what later questions need of it, as the hooks of `edits` leave it."""
    layers = range(model.facts.layers)
    attention = [f"blocks.{layer}.hook_attn_out" for layer in layers]
    mlp = [f"blocks.{layer}.hook_mlp_out" for layer in layers] if model.facts.d_mlp else []
    heads = [f"blocks.{layer}.attn.hook_z" for layer in layers]
    entering = [f"blocks.{layer}.hook_resid_pre" for layer in layers]
    last = f"blocks.{layers[-1]}.hook_resid_post"
    seen = _Seen(edits or {}, model, len(tokens.ids))
    ids = model.ids(tokens)
    logits = model.forward(ids, seen.hooks((*attention, *mlp, *heads, *entering, last)), report=report)
    written = [name for pair in zip(attention, mlp, strict=True) for name in pair] if mlp else attention
    return CleanRun(
        tokens=tokens,
        logits=logits[0, -1],
        z=torch.stack([seen.ends[name].reshape(model.facts.heads, -1) for name in heads]),
        mlp=torch.stack([seen.ends[name] for name in mlp]) if mlp else None,
        embedding=seen.ends[entering[0]],
        residual=seen.ends[last],
        norms=torch.stack([seen.norms[name] for name in written]),
        stream=seen.stream,
    )


class _Seen:
    """Keeps what comes by, after the edits."""

    def __init__(self, edits: Mapping[str, Hook], model: Model, length: int) -> None:
        self.ends: dict[str, Tensor] = {}
        self.norms: dict[str, Tensor] = {}
        self.stream: dict[int, Tensor] = {}
        self._edits = edits
        layers, width = model.facts.layers, model.facts.d_model
        kept = range(0, layers, -(-layers * length * width * 4 // STREAM_BYTES)) if not edits else range(0)
        self._kept = {f"blocks.{layer}.hook_resid_pre": layer for layer in kept if model.blocks is not None}

    def hooks(self, names: tuple[str, ...]) -> dict[str, Hook]:
        """Hooks of these names, and of the edits."""
        return dict(self._edits) | {name: self._keeping(name) for name in names}

    def _keeping(self, name: str) -> Hook:
        edit = self._edits.get(name)

        def see(activation: Tensor) -> Tensor | None:
            changed = edit(activation) if edit else None
            value = activation if changed is None else changed
            self.ends[name] = value[0, -1].clone()
            if name.endswith(_WRITTEN):
                self.norms[name] = value[0].norm(dim=-1)
            if name in self._kept:
                self.stream[self._kept[name]] = value
            return changed

        return see
