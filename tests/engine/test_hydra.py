"""What layers write beside what is lost without them: of models wired by hand, and beside plain transformers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interpviz.core.document import Prompt, Sources
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.interventions import Mode
from interpviz.core.repairs import Hydra, HydraRequest, Impact
from interpviz.core.report import Report, silent
from interpviz.core.results import nbytes
from interpviz.core.sites import Kind, Site
from tests.engine import tiny, wired
from tests.engine.cuts import Cuts, metric
from tests.engine.natives import attention_only
from tests.engine.pairs import Pair

TEXT, CONTRAST = "c e g c i", "c e b c d"


def test_a_layer_that_a_later_one_backs_up_writes_more_than_is_lost_without_it(tmp_path: Path) -> None:
    found = _hydra(Pair.open(tiny.save(wired.backup(), tmp_path)), text="")
    assert found.attention.unembedded.tolist() == pytest.approx([4.0, 0.0], abs=1e-4)
    assert found.attention.ablated.tolist() == pytest.approx([1.0, 0.0], abs=1e-4)
    assert found.mlp is not None
    assert found.mlp.unembedded.tolist() == found.mlp.ablated.tolist() == [0.0, 0.0]
    assert found.baseline == pytest.approx(4.0, abs=1e-4)


def test_attention_and_mlp_are_each_told_in_nats(tmp_path: Path) -> None:
    found = _hydra(Pair.open(tiny.save(wired.pythagorean(), tmp_path)), text="")
    # As worked out for self-repair: the stream is (3, 4, 12), its norm 13/2; without the head the MLP writes 100/3.
    without_attention = (3 + 100 / 3) / (math.sqrt(9 + (100 / 3) ** 2) / 2)
    assert found.mlp is not None
    assert found.attention.unembedded.tolist() == pytest.approx([8 / 13], abs=1e-5)
    assert found.attention.ablated.tolist() == pytest.approx([38 / 13 - without_attention], abs=1e-4)
    assert found.mlp.unembedded.tolist() == pytest.approx([24 / 13], abs=1e-5)
    assert found.mlp.ablated.tolist() == pytest.approx([38 / 13 - 14 / 5], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("distractor", ["f", ""])
@pytest.mark.parametrize("mode", ["zero", "mean", "patch"])
def test_both_impacts_are_those_of_plain_transformers(
    random_pair: Pair, mode: Mode, distractor: str, letters: Path
) -> None:
    found = _hydra(random_pair, mode, distractor)
    cuts = Cuts(random_pair, TEXT, CONTRAST, letters)
    clean, said = cuts.run()
    kinds: tuple[tuple[Kind, Impact | None], ...] = (("attn_out", found.attention), ("mlp_out", found.mlp))
    for kind, impact in kinds:
        assert impact is not None
        for layer in range(random_pair.facts.layers):
            site = Site(layer, kind)
            was, now = cuts.replaced(site, mode)
            written = metric(said, distractor) - metric(cuts.held(clean - (was - now)), distractor)
            lost = metric(said, distractor) - metric(cuts.run(site, mode)[1], distractor)
            assert impact.unembedded[layer] == pytest.approx(written, abs=2e-4)
            assert impact.ablated[layer] == pytest.approx(lost, abs=2e-4)
    assert found.baseline == pytest.approx(metric(said, distractor), abs=1e-4)
    assert found.mode == mode


def test_a_model_without_mlps_has_those_of_attention_alone(tmp_path: Path) -> None:
    pair = attention_only(tmp_path)
    found = _hydra(pair)
    assert found.mlp is None
    ids = pair.model.ids(pair.model.tokens(Prompt(TEXT)))

    def cut(out: Any, hook: Any) -> Any:
        out[:, -1] = 0.0
        return out

    clean = pair.model.bridge(ids)[0, -1]
    for layer in range(2):
        left = pair.model.bridge.run_with_hooks(ids, fwd_hooks=[(f"blocks.{layer}.hook_attn_out", cut)])[0, -1]
        lost = metric(clean, "f") - metric(left, "f")
        assert found.attention.ablated[layer] == pytest.approx(lost, abs=1e-4)


def test_layers_are_told_one_by_one_and_what_is_to_come_is_no_number(llama: Pair) -> None:
    seen: list[Hydra] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if isinstance(partial, Hydra):
            seen.append(partial)

    final = _hydra(llama, report=report)
    known = [np.isfinite(partial.attention.ablated).tolist() for partial in seen]
    assert known == [[True, False, False], [True, True, False], [True, True, True]]
    assert seen[0].attention.unembedded[0] == final.attention.unembedded[0]
    assert nbytes(final) >= 4 * 3 * 4


def test_it_can_be_cancelled_between_layers_and_leaves_the_model_as_it_was(llama: Pair) -> None:
    before = _hydra(llama)

    def cancel(fraction: float, text: str = "", partial: Any = None) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        _hydra(llama, report=cancel)
    assert _hydra(llama).attention.ablated.tolist() == before.attention.ablated.tolist()


@pytest.mark.parametrize(
    ("mode", "sentence"), [("resample", "Use zero, mean or patch"), ("patch", "no contrast prompt to patch from")]
)
def test_a_mode_that_replaces_nothing_known_is_a_sentence(llama: Pair, mode: Mode, sentence: str) -> None:
    with pytest.raises(InterpvizError, match=sentence):
        llama.engine.compute(HydraRequest(llama.facts, Prompt(TEXT), "d", "f", mode))


def _hydra(pair: Pair, mode: Mode = "zero", distractor: str = "f", text: str = TEXT, report: Report = silent) -> Hydra:
    prompt = Prompt(text) if text else wired.PROMPT
    sources = Sources(contrast=Prompt(CONTRAST))
    found: Hydra = pair.engine.compute(HydraRequest(pair.facts, prompt, "d", distractor, mode, sources), report)
    return found
