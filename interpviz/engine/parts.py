"""The heads of an activation, told apart."""

from __future__ import annotations

from torch import Tensor

from interpviz.core.document import ModelFacts
from interpviz.core.errors import InterpvizError


def per_part(activation: Tensor, hook: str, facts: ModelFacts) -> Tensor:
    """An activation with an axis for its heads where it has heads, (batch, pos, head, d_head); else as it is."""
    return per_head(activation, facts) if hook.endswith("hook_z") else activation


def per_head(z: Tensor, facts: ModelFacts) -> Tensor:
    """The z of a layer as (batch, pos, head, d_head), sharing memory; some architectures hand it over flat.

    Raises InterpvizError where the shape cannot be that of the model's heads, rather than cut a wrong slice.
    """
    if z.ndim == 4 and z.shape[2] == facts.heads:
        return z
    if z.ndim == 3 and z.shape[2] % facts.heads == 0:
        return z.view(*z.shape[:2], facts.heads, -1)
    raise InterpvizError(f"The heads of {facts.name} cannot be told apart. Cut its attention output (L0A) instead.")
