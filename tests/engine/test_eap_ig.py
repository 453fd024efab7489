"""Edges by gradients averaged over interpolated inputs, beside plain autograd over models written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from interpviz.core.document import ModelFacts, Prompt
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.report import ASIDE, Report, silent
from interpviz.core.requests import GraphRequest
from interpviz.core.results import NODE_KINDS, CircuitGraph
from interpviz.engine import circuits, lens
from interpviz.engine.edges import averaged
from interpviz.engine.lens import Model
from tests.engine import plain, tiny
from tests.engine.plain import Edge, Plain, PlainRun

CLEAN = (0, 3, 5, 7, 3, 9, 2)
CORRUPT = (0, 3, 6, 7, 1, 9, 2)
CONTRAST = Prompt("c f g a i b", CORRUPT)
PLAIN: dict[str, type[Plain]] = {"llama": plain.PlainLlama, "gpt2": plain.PlainGPT2, "neox": plain.PlainNeoX}


@pytest.fixture(scope="module", params=PLAIN)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Plain]:
    model = getattr(tiny, request.param)()
    folder = tiny.save(model, tmp_path_factory.mktemp(request.param))
    return lens.load(str(folder)), PLAIN[request.param](model)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return lens.load(str(tiny.save(tiny.llama(), tmp_path_factory.mktemp("llama"))))


@pytest.mark.slow
@pytest.mark.parametrize("contrast", [None, CONTRAST])
def test_each_edge_is_the_mean_over_runs_from_the_corrupted_towards_the_clean_embedding(
    pair: tuple[Model, Plain], contrast: Prompt | None
) -> None:
    graph = _graph(pair[0], 3, contrast)
    expected = _by_hand(pair[1], 3, contrast)
    scale = max(map(abs, expected.values()))
    scores = _scores(graph)
    assert set(scores) <= set(expected)
    assert max(abs(scores.get(edge, 0.0) - weight) for edge, weight in expected.items()) < 1e-4 * scale
    assert graph.considered == len(expected)
    assert graph.total == pytest.approx(sum(map(abs, expected.values())), rel=1e-3)


def test_one_step_is_attribution_patching_in_the_clean_run(pair: tuple[Model, Plain]) -> None:
    scores, expected = _scores(_graph(pair[0], 1, CONTRAST)), _by_hand(pair[1], 1, CONTRAST)
    scale = max(map(abs, expected.values()))
    assert max(abs(scores.get(edge, 0.0) - weight) for edge, weight in expected.items()) < 1e-4 * scale


@pytest.mark.slow
def test_with_more_steps_the_edges_out_of_the_embedding_come_to_what_the_whole_corruption_does(
    pair: tuple[Model, Plain],
) -> None:
    clean, corrupt = (plain.run(pair[1], torch.tensor(ids)).logits[-1].detach() for ids in (CLEAN, CORRUPT))
    whole = float(clean[4] - clean[6] - (corrupt[4] - corrupt[6]))
    off = [abs(_from_embedding(_graph(pair[0], steps, CONTRAST)) - whole) for steps in (1, 32)]
    assert off[1] < 0.1 * off[0]


def test_blocks_are_averaged_one_by_one_with_a_pause_between_two_runs() -> None:
    ends = np.array([0, 1]), np.array([2, 2])
    runs = [[1.0, -2.0], [3.0, 0.0]], [[2.0, 2.0], [5.0, 1.0]], [[3.0, 3.0], [1.0, 2.0]]
    pauses: list[None] = []
    blocks = [iter([(np.array(weight, np.float32), *ends) for weight in run]) for run in runs]
    means = [
        (weight.tolist(), source, target) for weight, source, target in averaged(blocks, lambda: pauses.append(None))
    ]
    assert means == [([2.0, 1.0], *ends), ([3.0, 1.0], *ends)]
    assert len(pauses) == 2 * 2


def test_the_largest_are_picked_after_averaging(model: Model) -> None:
    every, few = (_graph(model, 4, CONTRAST, edges=edges) for edges in (10_000_000, 20))
    assert (few.weight == every.weight[:20]).all()
    assert (few.total, few.considered) == (every.total, every.considered)


def test_the_graph_grows_layer_by_layer_and_stands_aside_between_runs_and_steps(model: Model) -> None:
    seen: list[Any] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if partial is not None:
            seen.append(partial)

    _graph(model, 3, report=report)
    grown = list(dict.fromkeys(graph for graph in seen if graph is not ASIDE))
    assert [set(graph.layer[graph.edges[:, 1]].tolist()) for graph in grown] == [{3}, {2, 3}, {1, 2, 3}]
    assert seen.count(ASIDE) == 2
    # A layer begins, and has a block for its MLP and one for its heads, each with a pause between three steps.
    assert len(seen) - 2 == 3 * (1 + 2 * (2 + 1))


def test_a_cancelled_circuit_stops_in_any_of_its_runs_and_leaves_the_model_as_it_was(model: Model) -> None:
    before, calls = _graph(model, 3, CONTRAST), _Counting()
    _graph(model, 3, CONTRAST, report=calls)
    for stop in (2, calls.made // 3, calls.made // 2, calls.made - 1):
        with pytest.raises(Cancelled):
            _graph(model, 3, CONTRAST, report=_Counting(stop))
    assert (_graph(model, 3, CONTRAST).weight == before.weight).all()


def test_less_than_one_step_is_a_sentence(model: Model) -> None:
    with pytest.raises(InterpvizError, match="cannot be averaged over 0 steps. Take 1 for EAP, or more"):
        _graph(model, 0)


def test_steps_that_would_fill_the_memory_are_refused_before_they_are_begun() -> None:
    facts = ModelFacts("m", "m", "a" * 64, 30, 9, 3, 576, 1536, 49152, 8192)
    circuits.check_room(facts, 100, 8 << 30, steps=10)
    with pytest.raises(InterpvizError, match=r"100 tokens .* 23 GB of memory.* take fewer steps, or close"):
        circuits.check_room(facts, 100, 8 << 30, steps=100)


class _Counting:
    """Counts its calls, and stops at one of them."""

    def __init__(self, stop: int = 0) -> None:
        self.made, self._stop = 0, stop

    def __call__(self, fraction: float, text: str = "", partial: Any = None) -> None:
        self.made += 1
        if self.made == self._stop:
            raise Cancelled


def _graph(
    model: Model, steps: int, contrast: Prompt | None = None, edges: int = 10_000_000, report: Report = silent
) -> CircuitGraph:
    prompt = Prompt("c e g c i b", CLEAN)
    return circuits.graph(model, GraphRequest(model.facts, prompt, contrast, "d", "f", edges, steps), report)


def _by_hand(by_hand: Plain, steps: int, contrast: Prompt | None) -> dict[Edge, float]:
    """Every edge, by a loop over runs of the model written out, readers and writers."""
    ids = torch.tensor(CLEAN)
    clean = plain.run(by_hand, ids)
    corrupt = plain.run(by_hand, torch.tensor(CORRUPT)) if contrast else None
    summed: dict[Edge, float] = {}
    for step in range(1, steps + 1):
        run = _between(by_hand, ids, corrupt, step / steps)
        (run.logits[-1, 4] - run.logits[-1, 6]).backward()
        scores = plain.edge_scores(
            PlainRun(clean.writes, run.copies), corrupt, parallel=isinstance(by_hand, plain.PlainNeoX)
        )
        for edge, weight in scores.items():
            summed[edge] = summed.get(edge, 0.0) + weight / steps
    return summed


def _between(by_hand: Plain, ids: Tensor, corrupt: PlainRun | None, share: float) -> PlainRun:
    """The run whose token embedding is that share of the way from the corrupted one to the clean one."""
    tokens, stream = by_hand.embed(ids)
    away = tokens if corrupt is None else tokens - corrupt.writes["embed", -1, -1]
    moved = -(1 - share) * away.detach()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_hand, "embed", lambda _: (tokens + moved, stream + moved))
        return plain.run(by_hand, ids)


def _from_embedding(graph: CircuitGraph) -> float:
    embedding = graph.kind[graph.edges[:, 0]] == NODE_KINDS.index("embed")
    return float(graph.weight[embedding].sum(dtype=np.float64))


def _scores(graph: CircuitGraph) -> dict[Edge, float]:
    columns = (graph.kind, graph.layer, graph.index, graph.pos)
    nodes = [(NODE_KINDS[kind], *map(int, rest)) for kind, *rest in zip(*columns, strict=True)]
    return {
        (*nodes[source], *nodes[target]): float(weight)
        for (source, target), weight in zip(graph.edges, graph.weight, strict=True)
    }
