"""Edited logits, beside plain transformers with plain torch hooks: the largest difference over many drawn cases."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from interpviz.core.document import Intervention, Mode, ModelFacts, Prompt
from interpviz.core.paths import resource
from interpviz.core.requests import OpenModel, RunRequest
from interpviz.core.sites import EMBED, Site
from interpviz.engine.compute import Engine
from tests.engine import oracle, tiny
from tests.engine.places import smollm2

CASES, CLOSE = 20, 1e-4

TINY_PROMPTS = ("a b c d e f g h", "q u i c k", "z y x w v u t s r q p o n m", "e e e f")
WORDS = (
    "When Mary and John went to the store, John gave a drink to",
    "The beagle wagged its tail. The beagle is a kind of",
    "def main():\n    return",
    "one two three one two",
)


@dataclass(frozen=True)
class Pair:
    """The same weights twice: in our engine, and as plain transformers loads them."""

    engine: Engine
    facts: ModelFacts
    plain: Any
    tokenizer: Any
    prompts: tuple[str, ...]

    @classmethod
    def open(cls, folder: Path, prompts: tuple[str, ...]) -> Pair:
        engine = Engine()
        facts = engine.compute(OpenModel(str(folder)))
        plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
        return cls(engine, facts, plain.eval(), AutoTokenizer.from_pretrained(folder), prompts)

    @property
    def start(self) -> list[int]:
        """The BOS, without which TransformerLens runs the families that were trained without one."""
        return [] if self.plain.config.model_type == "gpt_neox" else [self.tokenizer.bos_token_id]

    def ids(self, text: str) -> list[int]:
        return [*self.start, *self.tokenizer(text, add_special_tokens=False)["input_ids"]]

    def contexts(self, text: str) -> list[list[int]]:
        """The first 32 contexts of 64 tokens (or as many as the model reads), BOS included."""
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        length = min(64, self.facts.context) - len(self.start)
        pieces = [ids[at : at + length] for at in range(0, len(ids), length)]
        return [[*self.start, *piece] for piece in pieces if len(piece) == length][:32]

    def difference(self, text: str, edit: Intervention, mean: torch.Tensor | None) -> tuple[float, float]:
        """How far our edited logits are from the plain ones, and those from the clean; of the clean scale."""
        ids = self.ids(text)
        expected = oracle.edited_logits(self.plain, ids, [(edit, mean)])[-1].numpy()
        clean = oracle.edited_logits(self.plain, ids, [])[-1].numpy()
        ours = self.engine.compute(RunRequest(self.facts, Prompt(text), frozenset([edit]))).logits
        scale = np.abs(clean).max()
        return float(np.abs(ours - expected).max() / scale), float(np.abs(expected - clean).max() / scale)


def cases(pair: Pair, mode: Mode) -> list[tuple[str, Intervention]]:
    """Prompts and edits drawn by seed over all layers, kinds of site, heads and positions."""
    draw = random.Random(0)
    drawn = []
    for number in range(CASES):
        text = pair.prompts[number % len(pair.prompts)]
        length = len(pair.ids(text))
        layer = draw.randrange(pair.facts.layers)
        kind = draw.choice(("head", "head", "heads", "attn_out", "mlp_out", "resid_pre", "resid_post", "embed"))
        site = (
            EMBED if kind == "embed" else Site(layer, kind, draw.randrange(pair.facts.heads) if kind == "head" else -1)
        )  # type: ignore[arg-type]
        few = tuple(sorted(draw.sample(range(length), 2)))
        drawn.append((text, Intervention(site, mode, draw.choice((None, None, (length - 1,), (-1,), (0,), few)))))
    return drawn


def assert_exact(pair: Pair, mode: Mode, reference: Path) -> None:
    drawn = cases(pair, mode)
    contexts = pair.contexts(reference.read_text("utf-8")) if mode == "mean" else []
    means = oracle.mean_activations(pair.plain, [edit.site for _, edit in drawn], contexts) if contexts else {}
    found = [pair.difference(text, edit, means.get(edit.site.hook)) for text, edit in drawn]
    ours, felt = zip(*found, strict=True)
    print(f"{pair.facts.name}, {mode}: largest difference {max(ours):.1e} of the logit scale")  # noqa: T201
    assert max(ours) < CLOSE
    assert sum(change > 100 * CLOSE for change in felt) > CASES // 2, "most edits should move the logits"


@pytest.fixture(scope="module", params=["llama", "gpt2", "neox"])
def random_pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tiny.save(getattr(tiny, request.param)(), tmp_path_factory.mktemp(request.param))
    return Pair.open(folder, TINY_PROMPTS)


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reference text that the small tokenizer can read, in the place of the bundled one."""
    draw = random.Random(1)
    text = tmp_path / "letters.txt"
    text.write_text(" ".join(draw.choice(string.ascii_lowercase) for _ in range(1100)), "utf-8")
    monkeypatch.setattr("interpviz.engine.loaded.resource", lambda name: text)
    return text


@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_edits_of_random_models_are_exact(random_pair: Pair, mode: Mode, letters: Path) -> None:
    assert_exact(random_pair, mode, letters)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_edits_of_the_demo_are_exact(mode: Mode) -> None:
    assert_exact(Pair.open(resource("demo/model"), WORDS), mode, resource("demo/reference.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_edits_of_smollm2_are_exact(mode: Mode) -> None:
    folder = smollm2()
    if folder is None:
        pytest.skip("SmolLM2 is not fetched: interpviz models get smollm2-135m-instruct")
    assert_exact(Pair.open(folder, WORDS), mode, resource("demo/reference.txt"))
