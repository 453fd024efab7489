"""What carries an activation into the residual stream, where it is added up and the logits are read."""

from __future__ import annotations

from torch import Tensor, nn

from interpviz.engine.lens import Model
from interpviz.engine.run import lowest_layer

_ADDED = ("hook_embed", "hook_resid_pre", "hook_attn_out", "hook_resid_mid", "hook_mlp_out", "hook_resid_post")
_OUTPUTS = {"attn.hook_z": ("attn", "o", "ln1_post"), "mlp.hook_post": ("mlp", "out", "ln2_post")}


def is_added(hook: str) -> bool:
    """Whether an activation is the residual stream, or a term of it as it is."""
    return hook.rpartition(".")[2] in _ADDED


def output(model: Model, hook: str) -> Tensor | None:
    """The matrix (d_model, width) that carries an activation inside a layer into the residual stream.

    None where that is no matrix alone, as where its result is normed first, or where it is not carried there at all.
    """
    for ending, (part, name, norm) in _OUTPUTS.items():
        if hook.endswith(ending):
            block = model.bridge.blocks[lowest_layer([hook])]
            if norm in block.submodules:
                return None
            inside = getattr(getattr(block, part), name).original_component
            weight: Tensor = inside.weight if isinstance(inside, nn.Linear) else inside.weight.T
            return weight
    return None
