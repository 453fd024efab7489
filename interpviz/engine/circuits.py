"""Circuits: which component's output matters through which other's input, by edge attribution patching.

Every edge u at position p -> v at position q has the score (a_clean[u, p] - a_corrupt[u, p]) · dm/d input_p(v at q):
a[u, p] is what u writes into the residual stream at p (a head z W_O without the shared bias, an MLP its output, the
embedding the token's), and input_p(v at q) the copy of the stream at p, before the block's norm, that only v's output
at q reads. For MLPs p = q; for the logits p = q = the last position; a head at q reads its query at q, its keys and
values at every p <= q. The gradient is taken in the clean run and goes through the norms. Positive: what u writes
raises the metric in the clean run. Source: METRICS.md, EAP; Syed et al. 2023 (2310.10348).

With m > 1 steps the gradient is the mean over m runs whose token embedding is e_corrupt + k/m (e_clean - e_corrupt),
k = 1 to m: the last of them is the clean run, so that one step is EAP. Positions are embedded as ever; corrupted by
zero, e_corrupt is 0. Source: METRICS.md, EAP-IG; Hanna et al. 2024 (2403.17806).
"""

from __future__ import annotations

from functools import partial
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from interpviz.core.document import ModelFacts, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.report import ASIDE, Report, silent
from interpviz.core.requests import GraphRequest
from interpviz.core.results import CircuitGraph, Target, Tokens
from interpviz.engine.edges import Edges, Nodes, averaged
from interpviz.engine.largest import LargestEdges
from interpviz.engine.lens import Model
from interpviz.engine.memory import available
from interpviz.engine.metrics import metric
from interpviz.engine.traces import Trace, trace


def graph(model: Model, request: GraphRequest, report: Report = silent) -> CircuitGraph:
    """The circuit behind the metric: the target's logit less the distractor's, or the target's log-probability.

    `report` is given the circuit before each layer, last layer first, and again after each block of its edges and each
    step of a block, so that a click never waits for a whole layer. The corruption is the contrast prompt where there
    is one, else zero. Raises InterpvizError for prompts of unequal length, for a target of several tokens, for a
    prompt whose circuit would not fit into memory, for less than one step, and for architectures whose residual stream
    or attention is not understood.
    """
    tokens = model.tokens(request.prompt)
    target = model.target(request.target, request.distractor)
    steps = _steps(model, request, tokens, target, report)
    nodes, layers = steps[0].nodes, model.facts.layers
    largest = LargestEdges(request.edges)
    largest.offer(*next(averaged([edges.into_logits() for edges in steps], lambda: report(0.0))))
    corruption = "zero" if request.contrast is None else request.contrast.text
    for layer in reversed(range(layers)):
        done = 1 - (layer + 1) / layers
        so_far = _drawn(largest, nodes, corruption, tokens)
        # Handed over again for what is more wanted: a layer takes SmolLM2 0.9 s over 60 tokens, 2.3 s over 150.
        hand_over = partial(report, done, f"circuit, layer {layer}", so_far)
        hand_over()
        blocks = [chain(edges.into_mlp(layer), edges.into_heads(layer)) for edges in steps]
        for block in averaged(blocks, hand_over):
            largest.offer(*block)
            hand_over()
    return _drawn(largest, nodes, corruption, tokens)


def check_room(facts: ModelFacts, length: int, free: int | None, steps: int = 1) -> None:
    """Raise InterpvizError where the circuit of `length` tokens would take more than half of the `free` bytes.

    Every step's run is kept until the end: the edges of a block must be averaged before the largest are picked, and
    to make each run again for every layer would take SmolLM2 four times as long. A run keeps four patterns a head and
    some twenty activations a layer; what each component writes is kept twice. Measured on SmolLM2: 0.27 GB a run at 100
    tokens, 0.98 at 300; with the model 0.8 GB at 100 tokens and one step, 2.2 at 400, 4.9 at 800.
    """
    patterns = 16 * facts.layers * facts.heads * length**2
    activations = 4 * facts.layers * length * (14 * facts.d_model + 5 * facts.d_mlp)
    needed = steps * (patterns + activations) + 8 * facts.layers * (facts.heads + 1) * length * facts.d_model
    if free is not None and needed > free // 2:
        fewer = "take fewer steps, " if steps > 1 else ""
        raise InterpvizError(
            f"The circuit of {length:,} tokens would take some {needed / 1e9:.0f} GB of memory, and "
            f"{free / 1e9:.0f} GB are free. Shorten the prompt, {fewer}or close the circuit."
        )


def _steps(model: Model, request: GraphRequest, tokens: Tokens, target: Target, report: Report) -> list[Edges]:
    """The scores of every edge by the gradient of each run that is averaged over, the clean run last."""
    if request.steps < 1:
        raise InterpvizError(f"A gradient cannot be averaged over {request.steps} steps. Take 1 for EAP, or more.")
    check_room(model.facts, len(tokens.ids), available(), request.steps)
    report(0.0, "clean run")
    clean = trace(model.bridge, model.ids(tokens), report)
    change, start = _change(model, request, clean, report)
    found = []
    for step in range(1, request.steps):
        report(0.0, f"run {step} of {request.steps}", ASIDE)
        mixed = start + step / request.steps * (clean.embedding.detach() - start)
        run = trace(model.bridge, model.ids(tokens), report, mixed)
        found.append(Edges(run, change, metric(run.logits, target)))
    return [*found, Edges(clean, change, metric(clean.logits, target))]


def _change(model: Model, request: GraphRequest, clean: Trace, report: Report) -> tuple[Tensor, Tensor]:
    """How what each component writes differs from the corrupted run, and the token embedding of that run."""
    if request.contrast is None:
        return _writes(clean), torch.zeros_like(clean.embedding)
    report(0.0, "contrast run")
    contrast = _contrast(model, request.contrast, clean.embedding.shape[1])
    corrupted = trace(model.bridge, model.ids(contrast), report)
    return _writes(clean) - _writes(corrupted), corrupted.embedding.detach()


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
