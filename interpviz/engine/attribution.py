"""Direct logit attribution: what each head and MLP writes at the last position, read off through the unembedding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from interpviz.core.errors import InterpvizError
from interpviz.core.results import Effects, Target
from interpviz.engine.clean import CleanRun
from interpviz.engine.lens import Model
from interpviz.engine.metrics import metric, slope

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
    values = parts.flatten().float().cpu().numpy()
    return Effects(model.facts.components(), values, float(metric(run.logits, target)))


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
    if norm.uses_rms_norm:
        scale = (run.residual.pow(2).mean() + _epsilon(norm)).sqrt()
        return along / scale, constant
    scale = (run.residual.var(unbiased=False) + _epsilon(norm)).sqrt()
    return (along - along.mean()) / scale, constant


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


def _epsilon(norm: Any) -> float:
    inner = norm.original_component
    found = getattr(inner, "variance_epsilon", None) or getattr(inner, "eps", None)
    return float(found if found is not None else norm.config.eps)


def _check(model: Model, total: Tensor, logits: Tensor) -> None:
    if not torch.isclose(total, logits, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise InterpvizError(
            f"What the parts of {model.facts.name} write does not add up to its logits ({float(total):.3f} against "
            f"{float(logits):.3f}), so direct attribution means nothing here. Use the ablation effect instead."
        )
