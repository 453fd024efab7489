"""Plain transformers with plain torch hooks: no TransformerLens, none of our engine. What edits are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from interpviz.core.interventions import Intervention
from interpviz.core.sites import EMBED, Site

Edit = Callable[[Tensor], Tensor]
"""An activation (batch, pos, width) to what takes its place; heads lie side by side in the last axis."""

# Where an architecture keeps its layers, embedding, and the attention's output projection.
PARTS = {
    "LlamaForCausalLM": ("model.layers", "model.embed_tokens", "self_attn", "o_proj"),
    "GPT2LMHeadModel": ("transformer.h", "transformer.wte", "attn", "c_proj"),
    "GPTNeoXForCausalLM": ("gpt_neox.layers", "gpt_neox.embed_in", "attention", "dense"),
}


def edited_logits(model: Any, ids: list[int], edits: list[tuple[Intervention, Tensor | None]]) -> Tensor:
    """Logits (pos, vocab) with edits, each with the means (pos, width) of its activation or None for zero."""
    with torch.no_grad(), _changed(model, [(edit.site, _writer(model, edit, mean)) for edit, mean in edits]):
        logits: Tensor = model(torch.tensor([ids])).logits[0]
    return logits


def activations(model: Any, sites: Iterable[Site], ids: list[int]) -> dict[str, Tensor]:
    """By hook name, the activation (pos, width) that holds each site."""
    wanted = {site.hook: site for site in sites}
    seen: dict[str, Tensor] = {}

    def keeping(name: str) -> Edit:
        def keep(value: Tensor) -> Tensor:
            seen[name] = value[0].clone()
            return value

        return keep

    with torch.no_grad(), _changed(model, [(site, keeping(name)) for name, site in wanted.items()]):
        model(torch.tensor([ids]))
    return seen


def mean_activations(model: Any, sites: Iterable[Site], contexts: list[list[int]]) -> dict[str, Tensor]:
    """By hook name, means (2, width) of the activation that holds each site: at position 0, and at all others."""
    kept = list(sites)
    runs = [activations(model, kept, ids) for ids in contexts]
    return {
        site.hook: torch.stack(
            [
                torch.stack([run[site.hook][0].double() for run in runs]).mean(0),
                torch.cat([run[site.hook][1:].double() for run in runs]).mean(0),
            ]
        )
        for site in kept
    }


def _writer(model: Any, edit: Intervention, mean: Tensor | None) -> Edit:
    heads = model.config.num_attention_heads

    def write(value: Tensor) -> Tensor:
        new = value.clone()
        width = value.shape[-1] // heads
        columns = (
            slice(None) if edit.site.kind != "head" else slice(edit.site.index * width, (edit.site.index + 1) * width)
        )
        for position in range(value.shape[1]) if edit.positions is None else edit.positions:
            place = position % value.shape[1]
            new[:, place, columns] = 0.0 if mean is None else mean[min(place, 1), columns]
        return new

    return write


@contextmanager
def _changed(model: Any, edits: list[tuple[Site, Edit]]) -> Iterator[None]:
    handles = [_hook(model, site, edit) for site, edit in edits]
    yield
    for handle in handles:
        handle.remove()


def _hook(model: Any, site: Site, edit: Edit) -> Any:
    layers, embedding, attention, out = PARTS[type(model).__name__]

    def on_input(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (edit(inputs[0]), *inputs[1:])

    def on_output(module: Any, inputs: Any, output: Any) -> Any:
        return (edit(output[0]), *output[1:]) if isinstance(output, tuple) else edit(output)

    if site == EMBED:
        return model.get_submodule(embedding).register_forward_hook(on_output)
    layer = model.get_submodule(layers)[site.layer]
    if site.kind in ("head", "heads"):
        return layer.get_submodule(f"{attention}.{out}").register_forward_pre_hook(on_input)
    if site.kind == "resid_pre":
        return layer.register_forward_pre_hook(on_input)
    parts = {"attn_out": attention, "mlp_out": "mlp", "resid_post": ""}
    return layer.get_submodule(parts[site.kind]).register_forward_hook(on_output)
