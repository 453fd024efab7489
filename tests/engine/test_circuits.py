"""The score of every edge, beside plain autograd over models written out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from interpviz.core.document import ModelFacts, Prompt
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.paths import resource
from interpviz.core.report import Report, silent
from interpviz.core.requests import GraphRequest
from interpviz.core.results import NODE_KINDS, CircuitGraph
from interpviz.engine import circuits, lens
from interpviz.engine.edges import Edges
from interpviz.engine.lens import Model
from interpviz.engine.traces import trace
from tests.engine import plain, tiny
from tests.engine.plain import Edge, Plain

CLEAN = (0, 3, 5, 7, 3, 9, 2)
CORRUPT = (0, 3, 6, 7, 1, 9, 2)
PLAIN: dict[str, type[Plain]] = {"llama": plain.PlainLlama, "gpt2": plain.PlainGPT2, "neox": plain.PlainNeoX}


@pytest.fixture(scope="module", params=PLAIN)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Plain]:
    model = getattr(tiny, request.param)()
    folder = tiny.save(model, tmp_path_factory.mktemp(request.param))
    return lens.load(str(folder)), PLAIN[request.param](model)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return lens.load(str(tiny.save(tiny.llama(), tmp_path_factory.mktemp("llama"))))


def test_the_models_written_out_by_hand_say_what_hugging_face_says(pair: tuple[Model, Plain]) -> None:
    ids = torch.tensor(CLEAN)
    by_hand = plain.run(pair[1], ids).logits
    with torch.no_grad():
        expected = pair[1].model(ids[None]).logits[0]
    assert torch.allclose(by_hand, expected, atol=1e-5 * float(expected.abs().max()))


def test_each_edge_is_the_change_of_the_write_times_the_gradient_where_it_is_read(pair: tuple[Model, Plain]) -> None:
    clean = _run(pair[1], CLEAN, "d", "f")
    graph = _graph(pair[0], target="d", distractor="f")
    _assert_same(graph, plain.edge_scores(clean, None, parallel=_parallel(pair[1])))


def test_with_a_contrast_the_change_is_from_its_run_and_without_a_distractor_the_metric_is_a_log_probability(
    pair: tuple[Model, Plain],
) -> None:
    clean = _run(pair[1], CLEAN, "d")
    corrupt = plain.run(pair[1], torch.tensor(CORRUPT))
    graph = _graph(pair[0], target="d", contrast=Prompt("c f g a i b", CORRUPT))
    _assert_same(graph, plain.edge_scores(clean, corrupt, parallel=_parallel(pair[1])))
    assert graph.corruption == "c f g a i b"


def test_over_its_queries_a_heads_edges_sum_to_its_input_gradient(pair: tuple[Model, Plain]) -> None:
    ids = torch.tensor(CLEAN)
    whole = plain.run(pair[1], ids, each="head")
    (whole.logits[-1, 4] - whole.logits[-1, 6]).backward()
    summed: dict[Edge, float] = {}
    for edge, weight in _scores(_graph(pair[0], target="d", distractor="f")).items():
        key: Edge = (*edge[:7], -1) if edge[4] == "head" else edge
        summed[key] = summed.get(key, 0.0) + weight
    expected = plain.edge_scores(whole, None, parallel=_parallel(pair[1]))
    scale = max(map(abs, expected.values()))
    assert max(abs(summed.get(edge, 0.0) - weight) for edge, weight in expected.items()) < 1e-4 * scale


@pytest.mark.slow
@pytest.mark.parametrize("shipped", [False, True])
def test_the_demo_s_edges_equal_a_loop_of_plain_autograd(shipped: bool, tmp_path: Any) -> None:
    folder = resource("demo/model") if shipped else tiny.save(tiny.llama(4, 192, 6, 6, 512), tmp_path)
    loaded = lens.load(str(folder))
    by_hand = plain.PlainLlama(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval())
    target, distractor = (" Mary", " John") if shipped else ("d", "f")
    ids = loaded.target(target, distractor)
    clean = plain.run(by_hand, torch.tensor(CLEAN))
    (clean.logits[-1, ids.target] - clean.logits[-1, ids.distractor]).backward()
    _assert_same(_graph(loaded, target=target, distractor=distractor), plain.edge_scores(clean, None))


def test_only_the_largest_edges_are_kept_but_all_are_counted(model: Model) -> None:
    every, few = (_graph(model, target="d", edges=edges) for edges in (10_000_000, 20))
    assert (few.weight == every.weight[:20]).all()
    assert (np.diff(np.abs(every.weight)) <= 0).all()
    assert (few.total, few.considered) == (every.total, every.considered)
    assert sorted(set(few.edges.ravel().tolist())) == list(range(len(few.kind)))
    assert few.kept(0.0) == 0
    assert every.kept(1.0) >= len(every.weight) - 1


def test_the_graph_grows_layer_by_layer_from_the_last(model: Model) -> None:
    seen: list[tuple[float, CircuitGraph]] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if partial is not None:
            seen.append((fraction, partial))

    final = _graph(model, target="d", report=report)
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    grown = list(dict.fromkeys(graph for _, graph in seen))
    assert [set(graph.layer[graph.edges[:, 1]].tolist()) for graph in grown] == [{3}, {2, 3}, {1, 2, 3}]
    assert seen[-1][1].considered < final.considered


def test_after_every_block_of_edges_more_wanted_work_may_go_first(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interpviz.engine.edges._BLOCK", 1)  # one source component at a time
    turns = 0

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        nonlocal turns
        turns += partial is not None

    _graph(model, target="d", report=report)
    sources = (1 + layer * (model.facts.heads + 1) for layer in range(model.facts.layers))
    assert turns == sum(1 + 1 + count for count in sources)  # the layer begins, its MLP, and block after block


def test_a_cancelled_circuit_stops_within_its_runs_and_leaves_the_model_as_it_was(model: Model) -> None:
    before = _graph(model, target="d")
    for calls in (2, 7, 12):
        with pytest.raises(Cancelled):
            _graph(model, target="d", report=_Impatient(calls))
    assert (_graph(model, target="d").weight == before.weight).all()


def test_prompts_of_unequal_length_are_refused_by_naming_both(model: Model) -> None:
    with pytest.raises(InterpvizError, match="The prompt has 7 tokens and the contrast 3"):
        _graph(model, target="d", contrast=Prompt("a b"))


def test_a_stream_that_is_no_plain_sum_is_refused(tmp_path: Any) -> None:
    gemma = lens.load(str(tiny.save(tiny.gemma2(), tmp_path)))
    with pytest.raises(InterpvizError, match="not the plain sum"):
        _graph(gemma, target="d")


def test_attention_that_is_not_plain_softmax_is_refused(model: Model) -> None:
    run = trace(model.bridge, torch.tensor([CLEAN]))
    strange = replace(run, layers=tuple(replace(layer, pattern=layer.pattern**2) for layer in run.layers))
    change = torch.randn(1 + 3 * 7, len(CLEAN), 24)
    with pytest.raises(InterpvizError, match="not the plain softmax kind"):
        list(Edges(strange, change, run.logits[4]).into_heads(1))


class _Impatient:
    def __init__(self, calls: int) -> None:
        self.calls = calls

    def __call__(self, fraction: float, text: str = "", partial: Any = None) -> None:
        self.calls -= 1
        if not self.calls:
            raise Cancelled


def _graph(
    model: Model,
    target: str,
    distractor: str = "",
    contrast: Prompt | None = None,
    edges: int = 10_000_000,
    report: Report = silent,
) -> CircuitGraph:
    prompt = Prompt("c e g c i b", CLEAN)
    return circuits.graph(model, GraphRequest(model.facts, prompt, contrast, target, distractor, edges), report)


def _run(by_hand: Plain, ids: tuple[int, ...], target: str, distractor: str = "") -> plain.PlainRun:
    done = plain.run(by_hand, torch.tensor(ids))
    last = done.logits[-1] if distractor else done.logits[-1].log_softmax(0)
    (last[_letter(target)] - (last[_letter(distractor)] if distractor else 0.0)).backward()
    return done


def _letter(letter: str) -> int:
    return ord(letter) - ord("a") + 1


def _parallel(by_hand: Plain) -> bool:
    return isinstance(by_hand, plain.PlainNeoX)


def _scores(graph: CircuitGraph) -> dict[Edge, float]:
    columns = (graph.kind, graph.layer, graph.index, graph.pos)
    nodes = [(NODE_KINDS[kind], *map(int, rest)) for kind, *rest in zip(*columns, strict=True)]
    return {
        (*nodes[source], *nodes[target]): float(weight)
        for (source, target), weight in zip(graph.edges, graph.weight, strict=True)
    }


def _assert_same(graph: CircuitGraph, expected: dict[Edge, float]) -> None:
    scores = _scores(graph)
    scale = max(map(abs, expected.values()))
    assert set(scores) <= set(expected)
    assert max(abs(scores.get(edge, 0.0) - weight) for edge, weight in expected.items()) < 1e-4 * scale
    assert graph.considered == len(expected)
    assert graph.total == pytest.approx(sum(map(abs, expected.values())), rel=1e-3)


def test_a_circuit_that_would_fill_the_memory_is_refused_before_it_is_begun() -> None:
    facts = ModelFacts("m", "m", "a" * 64, 30, 9, 3, 576, 1536, 49152, 8192)
    circuits.check_room(facts, 100, 8 << 30)
    circuits.check_room(facts, 5000, None)
    with pytest.raises(InterpvizError, match=r"5,000 tokens .* Shorten the prompt"):
        circuits.check_room(facts, 5000, 8 << 30)
