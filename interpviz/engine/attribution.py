"""Direct logit attribution: what each head and MLP writes at the last position, read off through the unembedding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.report import Report, silent
from interpviz.core.results import Effects, Target, Writes
from interpviz.engine.clean import CleanRun, clean_run
from interpviz.engine.final_norm import scale
from interpviz.engine.interventions import Edits, RowEdit
from interpviz.engine.lens import Model
from interpviz.engine.metrics import metric, slope
from interpviz.engine.run import frozen_patterns
from interpviz.engine.supplies import Supply

_TOLERANCE = 1e-3


def direct_attribution(model: Model, run: CleanRun, target: Target) -> Effects:
    """Direct logit attribution of every head and MLP, in nats, with the scale of the final norm frozen.

    Each component's write c at the last position counts c · d, where d = J (W_U s): W_U s is the unembedding along s,
    the slope of the metric at the clean logits, and J the final norm with its scale held at that of the clean run
    (weight folded in, centring kept where it is a LayerNorm). With a distractor s picks W_U[target] -
    W_U[distractor], and embedding, biases and all components sum to the logit difference. Without one, s picks
    W_U[target] less the mean of W_U under the predicted probabilities: what the component does, to first order and
    directly, to the log-probability of the target. Biases belong to no component.

    Raises InterpvizError where the parts of the model do not add up to what it says.
    Source: METRICS.md, DLA.
    """
    with torch.inference_mode():
        direction, constant = read_off(model, run, slope(run.logits, target))
        parts = torch.cat([attention(model, run, direction), mlp(run, direction)], dim=1)
        rest = run.embedding @ direction + constant + biases(model, direction)
        _check(model, parts.sum() + rest, slope(run.logits, target) @ run.logits)
    return _effects(model, run, parts, target)


def edited_attribution(
    model: Model,
    clean: CleanRun,
    target: Target,
    interventions: Iterable[Intervention],
    supply: Supply,
    freeze: bool = False,
    report: Report = silent,
) -> Effects:
    """Direct logit attribution in a run with edits: what each component then writes, read off as in that run.

    An edit of the residual stream itself belongs to no component, so the parts need not sum to the logits. A head
    that resamples draws one document. Set beside that of the clean run it shows who takes over.

    Raises InterpvizError as `direct_attribution` does, of the clean run.
    Source: METRICS.md, DLA and Self-repair.
    """
    direct_attribution(model, clean, target)
    made = Edits(model, map(RowEdit, interventions), len(clean.tokens.ids), supply, strict=True)
    hooks = dict(made.hooks)
    run = clean_run(model, clean.tokens, report, hooks | (frozen_patterns(model, clean, hooks) if freeze else {}))
    made.prove()
    with torch.inference_mode():
        direction, _ = read_off(model, run, slope(run.logits, target))
        parts = torch.cat([attention(model, run, direction), mlp(run, direction)], dim=1)
    return _effects(model, run, parts, target)


def component_writes(model: Model, run: CleanRun) -> Writes:
    """Euclidean norm of what each head and MLP adds to the residual stream at the last position."""
    with torch.inference_mode():
        norms = torch.stack([written(model, layer, z).norm(dim=-1) for layer, z in enumerate(run.z)])
        if run.mlp is not None:
            norms = torch.cat([norms, run.mlp.norm(dim=-1, keepdim=True)], dim=1)
    return Writes(model.facts.components(), norms.flatten().float().cpu().numpy())


def _effects(model: Model, run: CleanRun, parts: Tensor, target: Target) -> Effects:
    values = parts.flatten().float().cpu().numpy()
    return Effects(model.facts.components(), values, float(metric(run.logits, target)))


def written(model: Model, layer: int, z: Tensor) -> Tensor:
    """What each head's z (head, d_head) of a layer writes: (head, d_model), without the shared bias."""
    output = _output(model, layer)
    weight = output.weight if isinstance(output, torch.nn.Linear) else output.weight.T
    return torch.einsum("hd,mhd->hm", z, weight.reshape(-1, *z.shape))


def read_off(model: Model, run: CleanRun, step: Tensor) -> tuple[Tensor, Tensor]:
    """What the residual stream at the last position counts: direction (d_model,), and a constant.

    residual · direction + constant is the logits along `step` (vocab,): the final norm's bias and the unembedding's
    are the constant.
    """
    unembed, norm = model.bridge.unembed.original_component, model.bridge.ln_final
    along = step @ unembed.weight
    constant = step @ unembed.bias if unembed.bias is not None else along.new_zeros(())
    weight, bias = getattr(norm, "weight", None), getattr(norm.original_component, "bias", None)
    if bias is not None:
        constant = constant + along @ bias
    if weight is not None:
        along = along * (1 + weight if norm.uses_weight_offset else weight)
    centred = along if norm.uses_rms_norm else along - along.mean()
    return centred / scale(model, run.residual), constant


def attention(model: Model, run: CleanRun, direction: Tensor) -> Tensor:
    """What each head writes along `direction`, without the shared bias: (layer, head)."""
    return torch.stack([_heads(_output(model, layer), z, direction) for layer, z in enumerate(run.z)])


def mlp(run: CleanRun, direction: Tensor) -> Tensor:
    """What each MLP writes along `direction`, its bias included: (layer, 1), or (layer, 0) without MLPs."""
    return run.z.new_zeros(len(run.z), 0) if run.mlp is None else (run.mlp @ direction)[:, None]


def biases(model: Model, direction: Tensor) -> Tensor:
    """What the attention output biases of all layers write along `direction`."""
    outputs = (_output(model, layer) for layer in range(model.facts.layers))
    found = [output.bias @ direction for output in outputs if getattr(output, "bias", None) is not None]
    return torch.stack(found).sum() if found else direction.new_zeros(())


def _heads(output: Any, z: Tensor, direction: Tensor) -> Tensor:
    """Contributions (head,) of z (head, d_head) through the output projection, whichever way its weight lies."""
    weight = output.weight if isinstance(output, torch.nn.Linear) else output.weight.T
    return (z * (direction @ weight).view_as(z)).sum(-1)


def _output(model: Model, layer: int) -> Any:
    return model.bridge.blocks[layer].attn.o.original_component


def _check(model: Model, total: Tensor, logits: Tensor) -> None:
    if not torch.isclose(total, logits, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise InterpvizError(
            f"What the parts of {model.facts.name} write does not add up to its logits ({float(total):.3f} against "
            f"{float(logits):.3f}), so direct attribution means nothing here. Use the ablation effect instead."
        )
