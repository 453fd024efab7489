"""Self-repair: of models wired by hand, and beside the same cuts in plain transformers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from interpviz.core.document import Prompt, Sources
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.interventions import Mode
from interpviz.core.repairs import SelfRepair, SelfRepairRequest
from interpviz.core.results import nbytes
from interpviz.core.sites import Site
from tests.engine import plain, tiny, wired
from tests.engine.cuts import Cuts, metric
from tests.engine.natives import attention_only
from tests.engine.pairs import Pair
from tests.engine.plain import Plain

TEXT, CONTRAST = "c e g c i", "c e b c d"
PLAIN: dict[str, type[Plain]] = {"llama": plain.PlainLlama, "gpt2": plain.PlainGPT2, "gpt_neox": plain.PlainNeoX}


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair.open(tiny.save(wired.backup(), tmp_path_factory.mktemp("backup")))


@pytest.fixture(scope="module")
def pythagorean(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair.open(tiny.save(wired.pythagorean(), tmp_path_factory.mktemp("pythagorean")))


def test_a_backup_head_that_copies_three_quarters_makes_up_for_three_quarters(backup: Pair) -> None:
    found = _repair(backup, "L0H0")
    assert (found.baseline, found.direct, found.actual) == pytest.approx((4.0, 4.0, 1.0), abs=1e-4)
    assert (found.value, found.fraction) == pytest.approx((3.0, 0.75), abs=1e-4)
    assert (found.norm, found.components) == pytest.approx((0.0, 3.0), abs=1e-4)


def test_a_head_that_writes_nothing_cannot_be_cut(backup: Pair) -> None:
    with pytest.raises(InterpvizError, match="L0H1:zero@-1 changes nothing"):
        _repair(backup, "L0H1")


def test_what_the_last_part_wrote_is_made_up_for_by_the_norm_alone(pythagorean: Pair) -> None:
    found = _repair(pythagorean, "L0M")
    # (3, 4, 12) / (13/2) counts 38/13; without the MLP (3, 4) / (5/2) counts 14/5, at the old scale 14/13.
    assert found.baseline == pytest.approx(38 / 13, abs=1e-5)
    assert found.actual == pytest.approx(38 / 13 - 14 / 5, abs=1e-5)
    assert found.direct == pytest.approx(24 / 13, abs=1e-5)
    assert found.norm == pytest.approx(14 / 5 - 14 / 13, abs=1e-5)
    assert found.components == pytest.approx(0.0, abs=1e-5)


def test_both_shares_are_told_apart_where_an_mlp_makes_up_for_a_head(pythagorean: Pair) -> None:
    found = _repair(pythagorean, "L0H0")
    # Without the head the MLP reads (2, 0), and writes 3/10 * 200/3 * 5/3 = 100/3 in place of 12.
    left, held = (3 + 100 / 3) / (math.sqrt(9 + (100 / 3) ** 2) / 2), (3 + 100 / 3) / (13 / 2)
    assert found.direct == pytest.approx(8 / 13, abs=1e-5)
    assert found.components == pytest.approx((100 / 3 - 12) / (13 / 2), abs=1e-4)
    assert found.norm == pytest.approx(left - held, abs=1e-4)
    assert found.value == pytest.approx(8 / 13 - (38 / 13 - left), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("distractor", ["f", ""])
@pytest.mark.parametrize("mode", ["zero", "mean", "patch"])
@pytest.mark.parametrize("site", ["L0H1", "L1M", "L2H3"])
def test_each_share_is_that_of_the_same_cut_in_plain_transformers(
    random_pair: Pair, site: str, mode: Mode, distractor: str, letters: Path
) -> None:
    cuts = Cuts(random_pair, TEXT, CONTRAST, letters)
    found = _repair(random_pair, site, mode, distractor, TEXT)
    (clean, said), (left, cut) = cuts.run(), cuts.run(Site.parse(site), mode)
    change = _change(cuts, Site.parse(site), mode)
    assert found.baseline == pytest.approx(metric(said, distractor), abs=1e-4)
    assert found.actual == pytest.approx(metric(said, distractor) - metric(cut, distractor), abs=2e-4)
    direct = metric(said, distractor) - metric(cuts.held(clean - change), distractor)
    assert found.direct == pytest.approx(direct, abs=2e-4)
    assert found.norm == pytest.approx(metric(cut, distractor) - metric(cuts.held(left), distractor), abs=2e-4)
    assert found.value == found.direct - found.actual
    assert found.components == found.value - found.norm


@pytest.mark.parametrize("mode", ["zero", "mean", "patch"])
def test_nothing_comes_after_the_last_mlp_but_the_norm(random_pair: Pair, mode: Mode, letters: Path) -> None:
    found = _repair(random_pair, "L2M", mode, text=TEXT)
    assert found.components == pytest.approx(0.0, abs=1e-4)
    assert abs(found.norm) > 1e-3


def test_a_log_probability_counts_exactly_what_nobody_makes_up_for(llama: Pair) -> None:
    found = _repair(llama, "L2M", distractor="", text=TEXT)
    assert found.components == pytest.approx(0.0, abs=1e-4)


def test_where_there_is_no_fast_road_the_hooks_say_the_same(tmp_path: Path) -> None:
    pair = attention_only(tmp_path)
    site, ids = Site.parse("L0H2"), pair.model.ids(pair.model.tokens(Prompt(TEXT)))

    def cut(z: Tensor, hook: Any) -> Tensor:
        z[:, -1, site.index] = 0.0
        return z

    found = _repair(pair, "L0H2", text=TEXT)
    left = pair.model.bridge.run_with_hooks(ids, fwd_hooks=[(site.hook, cut)])[0, -1]
    clean = pair.model.bridge(ids)[0, -1]
    assert found.road == "slow"
    assert found.actual == pytest.approx(metric(clean, "f") - metric(left, "f"), abs=1e-4)


def test_a_part_without_a_direct_effect_has_no_fraction() -> None:
    found = SelfRepair(Site.parse("L0H0"), 1.0, 0.5, 0.0, 0.0, "fast", 0.0)
    assert math.isnan(found.fraction)
    assert nbytes(found) < 1000


def test_gpt2_s_name_mover_shows_the_sign() -> None:
    found = SelfRepair(Site.parse("L9H9"), 3.55, 3.55 - 2.99, 3.55 - 0.57, 0.0, "fast", 0.0)
    assert (found.value, found.fraction) == pytest.approx((2.42, 0.812), abs=1e-3)


@pytest.mark.parametrize(
    ("site", "mode", "sentence"),
    [
        ("L0A", "zero", "Self-repair is of one head or one MLP, and L0A is neither"),
        ("L0H0", "resample", "cannot be told from resample. Use zero, mean or patch"),
        ("L9H0", "zero", "has no L9H0"),
        ("L0H1", "patch", "no contrast prompt to patch from"),
    ],
)
def test_what_has_no_self_repair_is_a_sentence(llama: Pair, site: str, mode: Mode, sentence: str) -> None:
    request = SelfRepairRequest(llama.facts, Prompt(TEXT), "d", "f", Site.parse(site), mode)
    with pytest.raises(InterpvizError, match=sentence):
        llama.engine.compute(request)


def test_a_model_whose_parts_do_not_add_up_is_refused(tmp_path: Path) -> None:
    gemma = tiny.save(tiny.gemma2(), tmp_path)
    engine = Pair.open(gemma)
    with pytest.raises(InterpvizError, match="does not add up"):
        _repair(engine, "L0M", text=TEXT)


def test_it_can_be_cancelled_and_leaves_the_model_as_it_was(llama: Pair) -> None:
    before = _repair(llama, "L1H2", text=TEXT)

    def cancel(fraction: float, text: str = "", partial: Any = None) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        llama.engine.compute(SelfRepairRequest(llama.facts, Prompt(TEXT), "d", "f", Site.parse("L1H2")), cancel)
    assert _repair(llama, "L1H2", text=TEXT).value == before.value


def _repair(pair: Pair, site: str, mode: Mode = "zero", distractor: str = "f", text: str = "") -> SelfRepair:
    prompt = Prompt(text) if text else wired.PROMPT
    sources = Sources(contrast=Prompt(CONTRAST))
    request = SelfRepairRequest(pair.facts, prompt, "d", distractor, Site.parse(site), mode, sources)
    found: SelfRepair = pair.engine.compute(request)
    return found


def _change(cuts: Cuts, site: Site, mode: Mode) -> Tensor:
    """What the mode changes in what the site writes at the last position, (d_model,)."""
    was, now = cuts.replaced(site, mode)
    if site.kind == "mlp_out":
        return was - now
    model = PLAIN[cuts.pair.plain.config.model_type](cuts.pair.plain)
    width = model.d_head
    place = slice(site.index * width, (site.index + 1) * width)
    return ((was - now)[place] @ model.out(site.layer, site.index)).detach()
