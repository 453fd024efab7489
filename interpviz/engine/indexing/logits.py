"""What features do to the logits directly: what each writes, read off through the final norm and the unembedding."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from interpviz.core.report import Report
from interpviz.data.feature_index_file import NONE, PROMOTED
from interpviz.engine.dictionaries import SAE
from interpviz.engine.lens import Model
from interpviz.engine.stream import is_added, output

BLOCK_BYTES = 2**26


def promoted(model: Model, sae: SAE, report: Report) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The tokens whose logits one unit of each feature raises most, and lowers most: ids, values, ids, values.

    Each is (feature, 10), the largest change first; ids are -1 and values 0 where what the feature writes does not go
    straight into the residual stream. Raw logits, not centred over the vocabulary: decoder row, less its mean where the
    final norm is a LayerNorm, times that norm's weight with its scale at 1, times W_U. Of a cross-layer transcoder the
    sum of what it writes to all layers. Source: METRICS.md, DLA.
    """
    count = min(PROMOTED, model.facts.vocab)
    ids = torch.full((2, sae.facts.features, PROMOTED), NONE, dtype=torch.int32)
    values = torch.zeros(2, sae.facts.features, PROMOTED)
    with torch.inference_mode():
        written = _in_the_stream(model, sae)
        if written is None:
            return ids[0], values[0], ids[1], values[1]
        for low, logits in _logits(model, written, report):
            here = slice(low, low + len(logits))
            for way, sign in enumerate((1, -1)):
                most = torch.topk(sign * logits, count)
                ids[way, here, :count], values[way, here, :count] = (
                    most.indices.to("cpu", torch.int32),
                    sign * most.values.cpu(),
                )
    return ids[0], values[0], ids[1], values[1]


def _logits(model: Model, written: Tensor, report: Report) -> Iterator[tuple[int, Tensor]]:
    """The logits (n, vocab) of some features after the other, with the first one's number."""
    norm, unembed = model.bridge.ln_final, model.bridge.unembed.original_component
    weight = getattr(norm, "weight", None)
    factor = 1.0 if weight is None else 1 + weight if norm.uses_weight_offset else weight
    step = max(1, BLOCK_BYTES // (4 * model.facts.vocab))
    for low in range(0, len(written), step):
        report(low / len(written), f"Logit effects of {low:,} features")
        rows = written[low : low + step]
        centred = rows if norm.uses_rms_norm else rows - rows.mean(-1, keepdim=True)
        yield low, (centred * factor) @ unembed.weight.T


def _in_the_stream(model: Model, sae: SAE) -> Tensor | None:
    """What one unit of each feature adds to the residual stream, (feature, d_model); None where that cannot be said."""
    rows = sae.decoder.sum(1) if sae.decoder.dim() == 3 else sae.decoder
    hook, _ = sae.facts.written
    if is_added(hook):
        return rows
    matrix = output(model, hook)
    return None if matrix is None else rows @ matrix.T
