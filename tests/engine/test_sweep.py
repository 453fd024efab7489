"""A sweep of a layer, beside the same ablations done one at a time by plain transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interpviz.core.document import Prompt
from interpviz.core.errors import Cancelled
from interpviz.core.interventions import Intervention, Mode
from interpviz.core.requests import RunRequest, SweepRequest
from interpviz.engine import sweep
from tests.engine import oracle
from tests.engine.pairs import Pair

TEXT = "c e g c i"


@pytest.mark.parametrize("mode", ["zero", "mean"])
@pytest.mark.parametrize("tokens", [2048, 12])
def test_effects_are_those_of_one_ablation_at_a_time(
    random_pair: Pair, mode: Mode, tokens: int, letters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "_TOKENS", tokens)
    effects = random_pair.engine.compute(SweepRequest(random_pair.facts, Prompt(TEXT), "d", "f", 1, mode))
    contexts = random_pair.contexts(letters.read_text("utf-8")) if mode == "mean" else []
    means = oracle.mean_activations(random_pair.plain, effects.sites, contexts) if contexts else {}
    expected = []
    for site in effects.sites:
        logits = random_pair.logits(TEXT, Intervention(site, mode), means.get(site.hook))
        expected.append(effects.baseline - float(logits[4] - logits[6]))
    assert [str(site) for site in effects.sites] == [f"L1H{head}" for head in range(random_pair.facts.heads)] + ["L1M"]
    assert effects.values.tolist() == pytest.approx(expected, abs=2e-4)


def test_without_a_distractor_effects_are_changes_of_the_log_probability(llama: Pair) -> None:
    effects = llama.engine.compute(SweepRequest(llama.facts, Prompt(TEXT), "d", "", 0))
    clean, cut = (llama.logits(TEXT, edit).log_softmax(-1)[4] for edit in (None, Intervention.parse("L0H2")))
    assert effects.values[2] == pytest.approx(float(clean - cut), abs=1e-4)


def test_a_cancelled_sweep_leaves_no_hook_behind(llama: Pair) -> None:
    def cancel(fraction: float, text: str = "", partial: Any = None) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        llama.engine.compute(SweepRequest(llama.facts, Prompt("a b c"), "d", "f", 0), cancel)
    after = llama.engine.compute(RunRequest(llama.facts, Prompt("a b c"))).logits
    assert after.tolist() == pytest.approx(llama.logits("a b c").tolist(), abs=1e-4)


def test_a_sweep_tells_its_road(llama: Pair) -> None:
    request = SweepRequest(llama.facts, Prompt(TEXT), "d", "f", 1)
    fast = llama.engine.compute(request)
    blocks, llama.model.blocks = llama.model.blocks, None
    try:
        slow = llama.engine.compute(request)
    finally:
        llama.model.blocks = blocks
    assert (fast.road, slow.road) == ("fast", "slow")
    assert slow.values.tolist() == pytest.approx(fast.values.tolist(), abs=1e-4)
