"""Matrices to look at: where heads look, and how large the parts of a run are."""

from __future__ import annotations

from torch import Tensor

from interpviz.core.document import Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.results import FeatureMap, Patterns
from interpviz.core.sites import Site
from interpviz.engine.clean import CleanRun
from interpviz.engine.lens import Model
from interpviz.engine.rows import feature_map


def patterns(model: Model, prompt: Prompt, layer: int, report: Report = silent) -> Patterns:
    """Attention of every head of a layer in the clean run, (head, query, key): recomputed, and no further than that."""
    if not 0 <= layer < model.facts.layers:
        raise InterpvizError(f"{model.facts.name} has layers 0 to {model.facts.layers - 1}. Choose one of them.")
    tokens = model.tokens(prompt)
    seen: list[Tensor] = []
    hooks = {f"blocks.{layer}.attn.hook_pattern": lambda pattern: seen.append(pattern[0])}
    model.forward(model.ids(tokens), hooks, stop=layer + 1, report=report)
    return Patterns(layer, seen[0].float().cpu().numpy(), tokens)


def output_norms(model: Model, run: CleanRun) -> FeatureMap:
    """Euclidean norm of attention and MLP output of each layer at each token of the clean run."""
    parts = ("attn_out", "mlp_out") if model.facts.d_mlp else ("attn_out",)
    rows = tuple(str(Site(layer, part)) for layer in range(model.facts.layers) for part in parts)  # type: ignore[arg-type]
    return feature_map(run.norms.float().cpu().numpy(), rows, run.tokens.texts)
