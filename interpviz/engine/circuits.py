"""Circuits: which component's output matters through which other's input, by edge attribution patching.

Every edge u at position p -> v at position q has the score (a_clean[u, p] - a_corrupt[u, p]) · dm/d input_p(v at q):
a[u, p] is what u writes into the residual stream at p (a head z W_O without the shared bias, an MLP its output, the
embedding the token's), and input_p(v at q) the copy of the stream at p, before the block's norm, that only v's output
at q reads. For MLPs p = q; for the logits p = q = the last position; a head at q reads its query at q, its keys and
values at every p <= q. The gradient is taken in the clean run and goes through the norms. Positive: what u writes
raises the metric in the clean run. Source: METRICS.md, EAP; Syed et al. 2023 (2310.10348).
"""

from __future__ import annotations

from itertools import chain

import numpy as np
import torch
from torch import Tensor

from interpviz.core.document import ModelFacts, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.report import Report, silent
from interpviz.core.requests import GraphRequest
from interpviz.core.results import CircuitGraph, Tokens
from interpviz.engine.edges import Edges, Nodes
from interpviz.engine.largest import LargestEdges
from interpviz.engine.lens import Model
from interpviz.engine.memory import available
from interpviz.engine.metrics import metric
from interpviz.engine.traces import Trace, trace


def graph(model: Model, request: GraphRequest, report: Report = silent) -> CircuitGraph:
    """The circuit behind the metric: the target's logit less the distractor's, or the target's log-probability.

    `report` is given the circuit before each layer, last layer first, and again after each block of its edges, so that
    a click never waits for a whole layer. The corruption is the contrast prompt where there is one, else zero. Raises
    InterpvizError for prompts of unequal length, for a target of several tokens, for a prompt whose circuit would not
    fit into memory, and for architectures whose residual stream or attention is not understood.
    """
    tokens = model.tokens(request.prompt)
    target = model.target(request.target, request.distractor)
    check_room(model.facts, len(tokens.ids), available())
    report(0.0, "clean run")
    run = trace(model.bridge, model.ids(tokens), report)
    change = _writes(run)
    if request.contrast is not None:
        report(0.0, "contrast run")
        contrast = _contrast(model, request.contrast, len(tokens.ids))
        change = change - _writes(trace(model.bridge, model.ids(contrast), report))
    edges = Edges(run, change, metric(run.logits, target))
    largest = LargestEdges(request.edges)
    largest.offer(*next(edges.into_logits()))
    corruption = "zero" if request.contrast is None else request.contrast.text
    for layer in reversed(range(len(run.layers))):
        done = 1 - (layer + 1) / len(run.layers)
        so_far = _drawn(largest, edges.nodes, corruption, tokens)
        report(done, f"circuit, layer {layer}", so_far)
        for block in chain(edges.into_mlp(layer), edges.into_heads(layer)):
            largest.offer(*block)
            # Once more, for what is more wanted: a layer takes SmolLM2 0.9 s over 60 tokens, 2.3 s over 150.
            report(done, f"circuit, layer {layer}", so_far)
    return _drawn(largest, edges.nodes, corruption, tokens)


def check_room(facts: ModelFacts, length: int, free: int | None) -> None:
    """Raise InterpvizError where the circuit of `length` tokens would take more than half of the `free` bytes.

    Measured on SmolLM2: 0.8 GB at 100 tokens, 2.2 at 400, 4.9 at 800: four patterns a head, and what each component
    writes, twice.
    """
    attention = 16 * facts.layers * facts.heads * length**2
    writes = 8 * facts.layers * (facts.heads + 1) * length * facts.d_model
    if free is not None and attention + writes > free // 2:
        raise InterpvizError(
            f"The circuit of {length:,} tokens would take some {(attention + writes) / 1e9:.0f} GB of memory, and "
            f"{free / 1e9:.0f} GB are free. Shorten the prompt, or close the circuit."
        )


def _contrast(model: Model, prompt: Prompt, length: int) -> Tokens:
    tokens = model.tokens(prompt)
    if len(tokens.ids) != length:
        raise InterpvizError(
            f"The prompt has {length} tokens and the contrast {len(tokens.ids)}: a circuit compares them position by "
            "position. Make them equally long, or leave the contrast empty."
        )
    return tokens


def _writes(run: Trace) -> Tensor:
    """What every component adds to the stream: (component, pos, d_model): embedding, then layer by layer."""
    with torch.no_grad():
        return torch.cat([run.embedding.detach(), *(layer.writes() for layer in run.layers)])


def _drawn(largest: LargestEdges, nodes: Nodes, corruption: str, tokens: Tokens) -> CircuitGraph:
    """The graph of the edges kept so far; only nodes that one of them touches."""
    ends, weight = largest.edges()
    codes, places = np.unique(ends, return_inverse=True)
    kind, layer, position, index = nodes.described(codes)
    return CircuitGraph(
        kind=kind,
        layer=layer,
        pos=position,
        index=index,
        edges=places.reshape(-1, 2).astype(np.int32),
        weight=weight,
        total=largest.total,
        considered=largest.considered,
        corruption=corruption,
        columns=tokens.texts,
    )
