"""Edited logits, beside plain transformers with plain torch hooks: the largest difference over many drawn cases."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from interpviz.core.document import Prompt
from interpviz.core.interventions import Intervention, Mode
from interpviz.core.paths import resource
from interpviz.core.requests import RunRequest
from interpviz.core.sites import EMBED, Kind, Site
from tests.engine import oracle
from tests.engine.pairs import Pair
from tests.engine.places import smollm2

CASES, CLOSE = 20, 1e-4
KINDS: tuple[Kind, ...] = ("head", "head", "heads", "attn_out", "mlp_out", "resid_pre", "resid_post", "embed")
LETTERS = ("a b c d e f g h", "q u i c k", "z y x w v u t s r q p o n m", "e e e f")
WORDS = (
    "When Mary and John went to the store, John gave a drink to",
    "The beagle wagged its tail. The beagle is a kind of",
    "def main():\n    return",
    "one two three one two",
)


@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_edits_of_random_models_are_exact(random_pair: Pair, mode: Mode, letters: Path) -> None:
    assert_exact(random_pair, LETTERS, mode, letters)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_edits_of_the_demo_are_exact(mode: Mode) -> None:
    assert_exact(Pair.open(resource("demo/model")), WORDS, mode, resource("demo/reference.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["zero", "mean"])
def test_edits_of_smollm2_are_exact(mode: Mode) -> None:
    folder = smollm2()
    if folder is None:
        pytest.skip("SmolLM2 is not fetched: interpviz models get smollm2-135m-instruct")
    assert_exact(Pair.open(folder), WORDS, mode, resource("demo/reference.txt"))


def test_edits_of_several_parts_of_one_run_are_exact(random_pair: Pair) -> None:
    edits = [Intervention.parse(text) for text in ("L0H1", "L0H3@2-4", "L1M@-1", "L2A@0")]
    ids = random_pair.ids(LETTERS[0])
    expected = oracle.edited_logits(random_pair.plain, ids, [(edit, None) for edit in edits])[-1].numpy()
    ours = random_pair.engine.compute(RunRequest(random_pair.facts, Prompt(LETTERS[0]), frozenset(edits))).logits
    assert np.abs(ours - expected).max() < CLOSE * np.abs(expected).max()


def test_the_loss_of_an_edited_run_is_the_cross_entropy_of_each_token(random_pair: Pair) -> None:
    edit = Intervention.parse("L1H2")
    ids = random_pair.ids(LETTERS[2])
    logits = oracle.edited_logits(random_pair.plain, ids, [(edit, None)]).double()
    expected = [-float(logits[place].log_softmax(-1)[token]) for place, token in enumerate(ids[1:])]
    request = RunRequest(random_pair.facts, Prompt(LETTERS[2]), frozenset([edit]), loss=True)
    assert random_pair.engine.compute(request).loss == pytest.approx(expected, abs=1e-4)


def cases(pair: Pair, prompts: Sequence[str], mode: Mode) -> list[tuple[str, Intervention]]:
    """Prompts and edits drawn by seed over all layers, kinds of site, heads and positions."""
    draw = random.Random(0)
    drawn = []
    for number in range(CASES):
        text = prompts[number % len(prompts)]
        length = len(pair.ids(text))
        layer, head = draw.randrange(pair.facts.layers), draw.randrange(pair.facts.heads)
        kind = draw.choice(KINDS)
        site = EMBED if kind == "embed" else Site(layer, kind, head if kind == "head" else -1)
        few = tuple(sorted(draw.sample(range(length), 2)))
        positions = draw.choice((None, None, (length - 1,), (-1,), (0,), few))
        if mode == "mean" and positions == (0,):
            positions = None  # a BOS is its own mean, and an edit that changes nothing is refused
        drawn.append((text, Intervention(site, mode, positions=positions)))
    return drawn


def assert_exact(pair: Pair, prompts: Sequence[str], mode: Mode, reference: Path) -> None:
    drawn = cases(pair, prompts, mode)
    contexts = pair.contexts(reference.read_text("utf-8")) if mode == "mean" else []
    means = oracle.mean_activations(pair.plain, [edit.site for _, edit in drawn], contexts) if contexts else {}
    ours, felt = [], []
    for text, edit in drawn:
        clean = pair.logits(text).numpy()
        expected = pair.logits(text, edit, means.get(edit.site.hook)).numpy()
        edited = pair.engine.compute(RunRequest(pair.facts, Prompt(text), frozenset([edit]))).logits
        ours.append(np.abs(edited - expected).max() / np.abs(clean).max())
        felt.append(np.abs(expected - clean).max() / np.abs(clean).max())
    print(f"{pair.facts.name}, {mode}: largest difference {max(ours):.1e} of the logit scale")  # noqa: T201
    assert max(ours) < CLOSE
    assert sum(change > 100 * CLOSE for change in felt) > CASES // 2, "most edits should move the logits"
