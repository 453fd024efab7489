"""Random sets of edits of every mode and site on random models, beside plain hooks on TransformerLens's bridge."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interpviz.core.document import Prompt, Sources
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention, Mode
from interpviz.core.jobs import OpenDictionary
from interpviz.core.requests import RunRequest
from interpviz.core.sites import Kind, Site
from tests.engine.natives import attention_only
from tests.engine.pairs import Pair
from tests.engine.plain_hooks import Plain
from tests.engine.plain_sae import random_sae
from tests.engine.tiny import gemma2, gpt2, llama, neox, save

CASES, CLOSE = 20, 1e-4
PROMPT, CONTRAST = "c e g c i k", "c e b c i d"
WHOLE: tuple[Kind, ...] = ("heads", "attn_out", "mlp_out", "resid_pre", "resid_post")
PARTS: tuple[Kind, ...] = ("head", "query", "key", "value", "neuron", "edge", "feature")
MODES: tuple[Mode, ...] = ("zero", "mean", "resample", "scale", "add", "clamp", "patch")


class Bench:
    """A model in our engine and the same one as plain hooks, with a direction and a dictionary."""

    def __init__(self, name: str, pair: Pair, folder: Path, text: str) -> None:
        self.name, self.pair, self.facts = name, pair, pair.facts
        directions = {
            str(folder / f"{width}.npy"): torch.randn(width, generator=torch.Generator().manual_seed(width))
            for width in {self.facts.d_model, self.facts.d_model // self.facts.heads, self.d_head}
        }
        for name, direction in directions.items():
            np.save(name, direction.numpy())
        self.hook = f"blocks.{self.facts.layers - 1}.hook_resid_pre"
        sae = random_sae(folder / "sae", self.hook, self.facts.d_model)
        (facts,) = pair.engine.compute(OpenDictionary(str(folder / "sae")))
        self.directions = {len(direction): name for name, direction in directions.items()}
        self.plain = Plain(pair.model.bridge, pair.contexts(text), pair.ids(CONTRAST), directions, sae)
        self.sources = Sources(contrast=Prompt(CONTRAST), dictionaries=(facts,))

    @property
    def d_head(self) -> int:
        return int(self.pair.model.bridge.cfg.d_head)

    def edits(self, draw: random.Random, length: int) -> frozenset[Intervention]:
        """One to four edits that do not touch each other's sites."""
        drawn = [self._edit(draw, length) for _ in range(draw.randint(1, 4))]
        by_hook = {edit.site.hook: edit for edit in drawn if edit.site.kind != "feature"}
        features = {edit.site: edit for edit in drawn if edit.site.kind == "feature" and self.hook not in by_hook}
        return frozenset((*by_hook.values(), *features.values()))

    def _edit(self, draw: random.Random, length: int) -> Intervention:
        mode = draw.choice(MODES)
        while True:
            few = tuple(sorted(draw.sample(range(1, length), 2)))
            try:
                return self._one(draw, mode, draw.choice((None, None, (-1,), few)), length)
            except InterpvizError:
                continue  # the mode has no meaning there

    def _one(self, draw: random.Random, mode: Mode, positions: tuple[int, ...] | None, length: int) -> Intervention:
        kind = draw.choice(WHOLE + PARTS)
        kind = "heads" if not self.facts.d_mlp and kind in ("mlp_out", "neuron") else kind
        heads = self.facts.kv_heads if kind in ("key", "value") else self.facts.heads
        index = {"neuron": self.facts.d_mlp, "feature": 16}.get(kind, heads)
        key = draw.randrange(1, length - 1)
        site = self._site(draw, kind, index, key, length)
        width = self.facts.d_model if kind in WHOLE and kind != "heads" else self.d_head
        direction = self.directions[width] if mode == "add" and kind not in ("neuron", "feature") else ""
        value = round(draw.uniform(-2, 2), 2) if mode in ("scale", "add", "clamp") else None
        return Intervention(site, mode, value, direction, None if kind == "edge" else positions)

    def _site(self, draw: random.Random, kind: Kind, index: int, key: int, length: int) -> Site:
        layer, part = draw.randrange(self.facts.layers), draw.randrange(index)
        if kind == "edge":
            return Site(layer, "edge", part, length - 1, key)
        return (
            Site(-1, "feature", part, dictionary="sae")
            if kind == "feature"
            else Site(layer, kind, -1 if kind in WHOLE else part)
        )


@pytest.fixture(scope="module", params=["llama", "gpt2", "neox", "gemma2", "attention-only", "llama-slow"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp(request.param)
    draw = random.Random(1)
    text = folder / "letters.txt"
    text.write_text(" ".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(200)), "utf-8")
    models: dict[str, Any] = {"llama": llama, "llama-slow": llama, "gpt2": gpt2, "neox": neox, "gemma2": gemma2}
    if request.param == "attention-only":
        pair = attention_only(folder / "model")
    else:
        pair = Pair.open(save(models[request.param](), folder / "model"))
    if request.param == "llama-slow":
        pair.model.blocks = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("interpviz.engine.loaded.resource", lambda name: text)
        yield Bench(request.param, pair, folder, text.read_text("utf-8"))


@pytest.mark.slow
def test_random_edits_are_those_of_plain_hooks(bench: Bench) -> None:
    draw, ids = random.Random(3), bench.pair.ids(PROMPT)
    clean = bench.plain.logits(ids, [])[-1]
    ours, felt, modes, kinds = [], [], set(), set()
    for _ in range(CASES):
        edits, freeze = bench.edits(draw, len(ids)), draw.random() < 0.2
        asked = RunRequest(bench.facts, Prompt(PROMPT), edits, sources=bench.sources, freeze=freeze)
        try:
            answer = bench.pair.engine.compute(asked)
        except InterpvizError as refused:
            assert "changes nothing" in str(refused)  # an inactive feature set to zero, for instance
            continue
        found = answer.logits[None] if answer.draws is None else answer.draws
        for number, row in enumerate(found):
            expected = bench.plain.logits(ids, edits, number, freeze)[-1]
            ours.append(float((torch.from_numpy(row) - expected).abs().max() / expected.abs().max()))
            felt.append(float((expected - clean).abs().max() / clean.abs().max()))
        modes |= {edit.mode for edit in edits}
        kinds |= {edit.site.kind for edit in edits}
    print(f"{bench.name}: largest difference {max(ours):.1e} of the logit scale, {len(ours)} runs")  # noqa: T201
    assert max(ours) < CLOSE
    assert np.mean([change > 100 * CLOSE for change in felt]) > 0.5, "most edits should move the logits"
    assert modes == set(MODES)
    assert len(kinds) >= len(WHOLE + PARTS) - 3


def test_an_edit_that_leaves_its_site_as_it_is_is_refused(bench: Bench) -> None:
    for text in ("L1H1:scale:1", "L0R:patch@0"):
        edits = frozenset({Intervention.parse(text)})
        sources = replace(bench.sources, contrast=Prompt(PROMPT))
        with pytest.raises(InterpvizError, match="changes nothing: its site already is what it would be"):
            bench.pair.engine.compute(RunRequest(bench.facts, Prompt(PROMPT), edits, sources=sources))


def test_the_road_is_told(bench: Bench) -> None:
    edits = frozenset({Intervention.parse("L1H1")})
    answer = bench.pair.engine.compute(RunRequest(bench.facts, Prompt(PROMPT), edits))
    fast = bench.name not in ("attention-only", "llama-slow")
    assert answer.road == ("fast" if fast else "slow")
