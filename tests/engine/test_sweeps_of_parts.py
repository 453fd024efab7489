"""Sweeps of every kind and mode, beside plain hooks on TransformerLens's bridge: one part and one draw at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from interpviz.core.document import Prompt, Sources
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention, Mode
from interpviz.core.jobs import OpenDictionary, OpenModel
from interpviz.core.report import ASIDE, Report, silent
from interpviz.core.requests import GraphRequest, PatchingEstimateRequest, RunRequest, SweepKind, SweepRequest
from interpviz.core.results import CircuitGraph, Effects
from interpviz.core.sites import Site
from interpviz.engine import sweep
from tests.engine.natives import attention_only
from tests.engine.pairs import Pair
from tests.engine.plain_hooks import Plain
from tests.engine.plain_sae import random_sae
from tests.engine.tiny import llama, save

PROMPT, CONTRAST = "c e g c i k", "c e b c i d"
D, F = 4, 6  # the ids of target and distractor
DRAWS = 8
KINDS: tuple[SweepKind, ...] = ("head", "mlp", "neuron", "feature")
MODES: tuple[Mode, ...] = ("zero", "mean", "resample", "patch")


class Bench:
    """A model on both roads of ours and in plain hooks, with a dictionary of 24 random features."""

    def __init__(self, folder: Path, text: str) -> None:
        self.pair, self.slow = Pair.open(save(llama(), folder / "model")), Pair.open(folder / "model")
        self.slow.model.blocks = None
        hook = "blocks.1.hook_resid_post"
        self.sae = random_sae(folder / "sae", hook, self.pair.facts.d_model, features=24, bias=-4.0)
        (facts,) = self.pair.engine.compute(OpenDictionary(str(folder / "sae")))
        contexts, contrast = self.pair.contexts(text), self.pair.ids(CONTRAST)
        self.plain = Plain(self.pair.model.bridge, contexts, contrast, {}, self.sae)
        self.sources = Sources(contrast=Prompt(CONTRAST), dictionaries=(facts,))

    def asked(self, kind: SweepKind, mode: Mode = "zero", layer: int = 1) -> SweepRequest:
        layer = -1 if kind == "feature" else layer
        return SweepRequest(self.pair.facts, Prompt(PROMPT), "d", "f", layer, mode, kind, self.sources)

    def sweep(self, asked: SweepRequest, report: Report = silent, road: Literal["fast", "slow"] = "fast") -> Effects:
        found: Effects = (self.pair if road == "fast" else self.slow).engine.compute(asked, report)
        return found

    def metric(self, edit: Intervention | None = None, draw: int = 0) -> float:
        """What plain hooks say of the two tokens at the last position."""
        logits = self.plain.logits(self.pair.ids(PROMPT), [edit] if edit else [], draw)[-1]
        return float(logits[D] - logits[F])

    def active(self, ids: list[int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which features are active at which position, (pos, feature)."""
        rows = [self.sae.encode(x) > 0 for x in self.plain.seen(ids, self.sae.hook)]
        return torch.stack(rows).numpy()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder, draw = tmp_path_factory.mktemp("parts"), random.Random(1)
    text = folder / "letters.txt"
    text.write_text(" ".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(330)), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("interpviz.engine.loaded.resource", lambda name: text)
        yield Bench(folder, text.read_text("utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_effect_is_the_mean_over_the_draws_of_what_plain_hooks_take_away(
    bench: Bench, kind: SweepKind, mode: Mode
) -> None:
    found, clean = bench.sweep(bench.asked(kind, mode)), bench.metric()
    some = range(0, len(found.sites), 5 if kind == "neuron" else 1)
    edits = [Intervention(found.sites[k], mode) for k in some]
    runs = [[clean - bench.metric(edit, draw) for draw in range(DRAWS if mode == "resample" else 1)] for edit in edits]
    assert found.baseline == pytest.approx(clean, abs=1e-4)
    assert found.values[list(some)] == pytest.approx(np.mean(runs, axis=1), abs=2e-4)
    if mode == "resample":
        assert found.spread is not None
        assert found.spread[list(some)] == pytest.approx(np.std(runs, axis=1), abs=2e-4)
        assert found.spread.min() > 1e-3  # other documents say other things
    else:
        assert found.spread is None
    assert (found.reference is not None) == (mode in ("mean", "resample"))
    assert np.abs(found.values).max() > 0.01


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("head", [f"L1H{head}" for head in range(6)]),
        ("mlp", ["L1M"]),
        ("neuron", [f"L1N{neuron}" for neuron in range(40)]),
        ("component", [*(f"L1H{head}" for head in range(6)), "L1M"]),
    ],
)
def test_a_sweep_cuts_every_part_of_its_kind_in_its_layer(bench: Bench, kind: SweepKind, names: list[str]) -> None:
    assert [str(site) for site in bench.sweep(bench.asked(kind)).sites] == names


@pytest.mark.parametrize(
    ("prompt", "ids", "first"),
    [
        (Prompt(PROMPT), [0, 3, 5, 7, 3, 9, 11], 1),
        (Prompt(PROMPT, bos=False), [3, 5, 7, 3, 9, 11], 0),
        (Prompt("", tokens=(5, 3, 9)), [5, 3, 9], 0),
        (Prompt("", tokens=(0, 3, 9)), [0, 3, 9], 1),
        (Prompt("d", bos=False), [4], 0),
        (Prompt("", tokens=(0,)), [0], 1),
    ],
)
def test_only_features_are_swept_that_are_active_where_there_is_no_bos(
    bench: Bench, prompt: Prompt, ids: list[int], first: int
) -> None:
    active = bench.active(ids)
    swept = bench.sweep(replace(bench.asked("feature"), prompt=prompt)).sites
    assert swept == tuple(Site(-1, "feature", int(k), dictionary="sae") for k in np.flatnonzero(active[first:].any(0)))
    assert len(swept) < 24
    assert (active[0] & ~active[1:].any(0)).any(), "some feature should be active at the first token alone"


@pytest.mark.parametrize("kind", ["head", "feature"])
def test_the_logits_of_few_sites_are_kept_and_are_those_of_single_runs(bench: Bench, kind: SweepKind) -> None:
    found = bench.sweep(bench.asked(kind))
    assert found.logits is not None
    for site, logits in zip(found.sites, found.logits, strict=True):
        edits = frozenset({Intervention(site)})
        single = bench.pair.engine.compute(RunRequest(bench.pair.facts, Prompt(PROMPT), edits, sources=bench.sources))
        assert logits == pytest.approx(single.logits, abs=1e-4)
        assert logits == pytest.approx(bench.plain.logits(bench.pair.ids(PROMPT), edits)[-1].numpy(), abs=2e-4)


def test_the_logits_of_many_sites_and_those_of_draws_are_not_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.sweep(bench.asked("head", "resample")).logits is None
    monkeypatch.setattr(sweep, "_KEPT", 5)
    assert bench.sweep(bench.asked("head")).logits is None
    assert bench.sweep(bench.asked("mlp")).logits is not None


@pytest.mark.parametrize("mode", ["zero", "resample"])
@pytest.mark.parametrize("kind", KINDS)
def test_batches_of_any_size_give_the_same_effects(
    bench: Bench, kind: SweepKind, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for tokens in (1, 7 * DRAWS, 7 * DRAWS * 5, 100_000):
        monkeypatch.setattr(sweep, "_TOKENS", tokens)
        found.append(bench.sweep(bench.asked(kind, mode)))
    for other in found[1:]:
        assert other.sites == found[0].sites
        assert other.values == pytest.approx(found[0].values, abs=1e-4)
        if found[0].spread is not None:
            assert other.spread == pytest.approx(found[0].spread, abs=1e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_slow_road_and_the_fast_one_lead_to_the_same_effects(bench: Bench, kind: SweepKind, mode: Mode) -> None:
    fast, slow = (bench.sweep(bench.asked(kind, mode), road=road) for road in ("fast", "slow"))
    assert slow.sites == fast.sites
    assert slow.values == pytest.approx(fast.values, abs=1e-4)
    if fast.spread is not None:
        assert slow.spread == pytest.approx(fast.spread, abs=1e-4)


def test_what_is_handed_over_meanwhile_grows_to_the_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_TOKENS", 7 * DRAWS * 2)  # two parts at a time
    told: list[Effects] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if partial is not None and partial is not ASIDE:
            told.append(partial)

    whole = bench.sweep(bench.asked("head", "resample"), report)
    assert [len(one.sites) for one in told] == [2, 4, 6]
    for one in told:
        done = len(one.sites)
        assert one.sites == whole.sites[:done]
        assert one.values.tolist() == whole.values[:done].tolist()
        assert one.spread is not None
        assert whole.spread is not None
        assert one.spread.tolist() == whole.spread[:done].tolist()
        assert one.baseline == whole.baseline


@pytest.mark.parametrize("kind", ["component", "head", "mlp", "neuron"])
@pytest.mark.parametrize("layer", [-1, 3])
def test_a_layer_that_is_not_there_is_a_sentence(bench: Bench, kind: SweepKind, layer: int) -> None:
    with pytest.raises(InterpvizError, match=r"has layers 0 to 2\. Choose one of them\."):
        bench.sweep(bench.asked(kind, layer=layer))


@pytest.mark.parametrize("kind", ["mlp", "neuron"])
def test_a_kind_that_the_model_has_not_is_a_sentence(kind: SweepKind, tmp_path: Path) -> None:
    pair = attention_only(tmp_path)
    with pytest.raises(InterpvizError, match=r"attention-only has no MLPs\. Sweep its heads instead\."):
        pair.engine.compute(SweepRequest(pair.facts, Prompt(PROMPT), "d", "f", 0, kind=kind))
    assert len(pair.engine.compute(SweepRequest(pair.facts, Prompt(PROMPT), "d", "f", 0)).sites) == 4


@pytest.mark.parametrize(("road", "aside"), [("fast", True), ("slow", False)])
def test_a_sweep_stands_aside_within_a_run_only_where_it_leaves_no_hooks_in_the_model(
    bench: Bench, road: Literal["fast", "slow"], aside: bool
) -> None:
    told: list[Any] = []
    bench.sweep(bench.asked("head"), lambda fraction, text="", partial=None: told.append(partial), road)
    assert (ASIDE in told) == aside


def test_whoever_the_sweep_stands_aside_for_may_ask_for_gradients_and_for_another_model(
    bench: Bench, tmp_path: Path
) -> None:
    engine, facts = bench.pair.engine, bench.pair.facts
    asked = (PatchingEstimateRequest(facts, Prompt("a b c"), "d", "f"), GraphRequest(facts, Prompt("a b"), None, "d"))
    other = save(llama(layers=2), tmp_path / "other")
    answers: list[Any] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if partial is ASIDE and not answers:
            answers.extend(engine.compute(one) for one in (*asked, OpenModel(str(other))))

    undisturbed = bench.sweep(bench.asked("head"))
    assert bench.sweep(bench.asked("head"), report).values.tolist() == undisturbed.values.tolist()
    estimate, graph, opened = answers
    assert estimate.values.tolist() == engine.compute(asked[0]).values.tolist()
    assert isinstance(graph, CircuitGraph)
    assert not any(weight.is_inference() for weight in engine.loaded(opened).model.bridge.parameters())
