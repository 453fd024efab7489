"""An edit of a transcoder's feature reads one activation and writes another, as plain hooks on the bridge do it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interpviz.core.document import Prompt, Sources
from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.interventions import Intervention
from interpviz.core.requests import GenerateRequest, RunRequest, SweepRequest
from interpviz.core.results import Effects, RunResult
from interpviz.data import dictionaries
from interpviz.data.dictionaries import Dictionary
from interpviz.engine.dictionaries import SAE
from interpviz.engine.interventions import Edits, RowEdit
from tests.engine.pairs import Pair
from tests.engine.plain_hooks import Plain
from tests.engine.plain_transcoder import random_transcoder
from tests.engine.supplying import NoSupply
from tests.engine.tiny import gpt2, llama, save

PROMPT, CONTRAST = "c e g c i k", "c e b c i d"
D, F = 4, 6  # the ids of target and distractor
CLOSE = 1e-4
EDITS = (
    "tc/3:scale:-2", "tc/3:add:1.5@2-4", "tc/3:clamp:2@-1", "tc/3", "tc/3:mean", "tc/3:patch", "tc/3:resample@1,5",
)  # fmt: skip


class Bench:
    """A model on both roads of ours and in plain hooks, with a transcoder of the middle MLP."""

    def __init__(self, folder: Path, name: str, text: str) -> None:
        self.pair = Pair.open(save({"llama": llama, "gpt2": gpt2}[name](), folder / "model"))
        self.slow = Pair.open(folder / "model")
        self.slow.model.blocks = None
        width = self.pair.facts.d_model
        hooks = "blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out"
        self.transcoder = random_transcoder(folder / "tc", *hooks, width, width)
        facts = dictionaries.facts(folder / "tc")
        self.sources = Sources(contrast=Prompt(CONTRAST), dictionaries=(facts,))
        contexts, contrast = self.pair.contexts(text), self.pair.ids(CONTRAST)
        self.plain = Plain(self.pair.model.bridge, contexts, contrast, {}, self.transcoder)

    def run(self, road: str, *edits: str) -> RunResult:
        pair = self.pair if road == "fast" else self.slow
        made = frozenset(map(Intervention.parse, edits))
        found: RunResult = pair.engine.compute(RunRequest(pair.facts, Prompt(PROMPT), made, sources=self.sources))
        return found

    def expected(self, *edits: str, draw: int = 0) -> torch.Tensor:
        """Logits (vocab,) at the last position, by plain hooks."""
        return self.plain.logits(self.pair.ids(PROMPT), map(Intervention.parse, edits), draw)[-1]


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder, draw = tmp_path_factory.mktemp("transcoder"), random.Random(1)
    text = folder / "letters.txt"
    text.write_text(" ".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(330)), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("interpviz.engine.loaded.resource", lambda name: text)
        yield Bench(folder, request.param, text.read_text("utf-8"))


@pytest.mark.parametrize("road", ["fast", "slow"])
@pytest.mark.parametrize("edit", EDITS)
def test_every_mode_is_that_of_plain_hooks_on_both_roads(bench: Bench, edit: str, road: str) -> None:
    found = bench.run(road, edit)
    clean = bench.expected()
    rows = found.logits[None] if found.draws is None else found.draws
    for draw, row in enumerate(rows):
        expected = bench.expected(edit, draw=draw)
        assert np.abs(row - expected.numpy()).max() < CLOSE * float(expected.abs().max())
    assert float((bench.expected(edit, draw=1) - clean).abs().max()) > 100 * CLOSE
    assert found.road == road


@pytest.mark.parametrize("road", ["fast", "slow"])
def test_what_it_reads_and_what_it_writes_may_be_edited_too(bench: Bench, road: str) -> None:
    edits = ("L0H1", "tc/3:scale:-2", "tc/5:add:1@2-4", "L1M:scale:0.5", "L1M-:scale:2")
    found, expected = bench.run(road, *edits).logits, bench.expected(*edits)
    assert np.abs(found - expected.numpy()).max() < CLOSE * float(expected.abs().max())


@pytest.mark.parametrize("road", ["fast", "slow"])
def test_a_sweep_cuts_every_active_feature_alone(bench: Bench, road: str) -> None:
    pair = bench.pair if road == "fast" else bench.slow
    asked = SweepRequest(pair.facts, Prompt(PROMPT), "d", "f", -1, "zero", "feature", bench.sources)
    found: Effects = pair.engine.compute(asked)
    clean = bench.expected()
    cut = [bench.expected(str(Intervention(site))) for site in found.sites]
    expected = [float(clean[D] - clean[F] - (logits[D] - logits[F])) for logits in cut]
    assert found.values == pytest.approx(expected, abs=2e-4)
    assert np.abs(found.values).max() > 0.01
    assert found.road == road


def test_an_edit_goes_on_in_what_is_generated(bench: Bench) -> None:
    made = frozenset({Intervention.parse("tc/3:add:3")})
    asked = GenerateRequest(bench.pair.facts, Prompt(PROMPT), made, 4, sources=bench.sources)
    said, again = (pair.engine.compute(replace(asked, model=pair.facts)) for pair in (bench.pair, bench.slow))
    ids = bench.pair.ids(PROMPT)
    for token, logits in zip(said.ids.tolist(), said.top_logits[:, 0].tolist(), strict=True):
        row = bench.plain.logits(ids, made)[-1]
        assert logits == pytest.approx(float(row.max()), abs=1e-3)
        ids.append(int(row.argmax()))
        assert token == ids[-1]
    assert said.ids.tolist() == again.ids.tolist()


def test_an_edit_that_changes_nothing_is_refused(bench: Bench) -> None:
    with pytest.raises(InterpvizError, match="changes nothing"):
        bench.run("fast", "tc/3:scale:1")


class Given(NoSupply):
    """Hands over one dictionary."""

    def __init__(self, sae: SAE) -> None:
        self._sae = sae

    def dictionary(self, name: str) -> SAE:  # type: ignore[override]
        return self._sae


def test_a_feature_that_writes_ahead_writes_to_each_of_its_layers(bench: Bench) -> None:
    sae = _cross_layer(bench, "blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out")
    ids, model = bench.pair.ids(PROMPT), bench.pair.model
    edits = Edits(model, [RowEdit(Intervention.parse("clt/2:add:1.5@1-3"))], len(ids), Given(sae), strict=True)
    found = model.forward(torch.tensor([ids]), edits.hooks)[0, -1]
    edits.prove()

    def write(value: torch.Tensor, hook: Any, layer: int) -> torch.Tensor:
        new = value.clone()
        new[0, 1:4] += 1.5 * sae.decoder[2, layer - 1]
        return new

    hooks = [(f"blocks.{layer}.hook_mlp_out", partial(write, layer=layer)) for layer in (1, 2)]
    with torch.no_grad():
        expected = model.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)[0, -1]
    assert (found - expected).abs().max() < CLOSE * expected.abs().max()


def test_a_transcoder_that_writes_before_it_reads_is_a_sentence(bench: Bench) -> None:
    sae = _cross_layer(bench, "blocks.2.mlp.hook_in", "blocks.1.hook_mlp_out")
    ids, model = bench.pair.ids(PROMPT), bench.pair.model
    edits = Edits(model, [RowEdit(Intervention.parse("clt/2:add:1"))], len(ids), Given(sae))
    with pytest.raises(InterpvizError, match=r"would write blocks.1.hook_mlp_out before it has read blocks.2"):
        model.forward(torch.tensor([ids]), edits.hooks)


def _cross_layer(bench: Bench, read: str, written: str) -> SAE:
    width, draw = bench.pair.facts.d_model, np.random.default_rng(3)
    facts = DictionaryFacts("clt", "", "", "clt", read, width, 5, written, width, True)
    shapes = (width, 5), (5, 2, width), (5,), (width,)
    encoder, decoder, *biases = (draw.standard_normal(shape).astype(np.float32) for shape in shapes)
    return SAE(Dictionary(facts, encoder, decoder, biases[0], biases[1]))
