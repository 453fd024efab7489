from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.core.document import CacheFacts, CloudView, Document, Intervention, ModelFacts, Prompt
from interpviz.core.errors import InterpvizError, SiteMissing
from interpviz.core.sites import Site
from tests.core.test_sites import SITES

TINY = ModelFacts("tiny", "tiny", "ab", layers=2, heads=3, kv_heads=1, d_model=12, d_mlp=48, vocab=50, context=16)
CACHE = CacheFacts("c", "c.acts", "cd", "tiny", "ab", "huggingface", ("blocks.0.hook_resid_post", "hook_embed"), 100)

START = st.integers(0, 5_000)
POSITIONS = (
    st.none()
    | st.integers(-5_000, 5_000).map(lambda at: (at,))
    | st.builds(lambda first, count: tuple(range(first, first + count)), START, st.integers(2, 20))
    | st.sets(st.integers(-9, 9), min_size=1).map(lambda places: tuple(sorted(places)))
)
INTERVENTIONS = st.builds(Intervention, SITES, st.sampled_from(["zero", "mean"]), POSITIONS)


@pytest.mark.parametrize(
    ("text", "mode", "positions"),
    [
        ("L1H4", "zero", None),
        ("L1H4:zero", "zero", None),
        ("L1H4:mean", "mean", None),
        ("L1H4@3", "zero", (3,)),
        ("L1H4@-1", "zero", (-1,)),
        ("L1H4:mean@2-5", "mean", (2, 3, 4, 5)),
        ("L1H4@7-7", "zero", (7,)),
        ("L1H4@7,2-3,-1", "zero", (-1, 2, 3, 7)),
    ],
)
def test_an_ablation_says_site_mode_and_positions(text: str, mode: str, positions: tuple[int, ...] | None) -> None:
    edit = Intervention.parse(text)
    assert (edit.site, edit.mode, edit.positions) == (Site(1, "head", 4), mode, positions)


def test_a_residual_entering_a_layer_can_be_cut_at_positions() -> None:
    assert Intervention.parse("L0R-@2-3") == Intervention(Site(0, "resid_pre"), "zero", (2, 3))


@given(INTERVENTIONS)
def test_every_intervention_is_printed_and_read_back(edit: Intervention) -> None:
    assert Intervention.parse(str(edit)) == edit


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is no ablation"),
        ("L1H4:", "'' in 'L1H4:' is no mode"),
        ("L1H4:half", "'half' in 'L1H4:half' is no mode"),
        ("L1H4@", "is no ablation"),
        ("L1H4@x", "is no ablation"),
        ("L1H4@5-2", "run backwards"),
        ("L1H4@-3-5", "run backwards"),
        ("L1H4@0-99999999999", "over a million positions"),
        ("Q9:zero", "names no part of a model"),
        ("L1H4:zero@3@4", "is no ablation"),
    ],
)
def test_an_ablation_that_means_nothing_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InterpvizError, match=complaint):
        Intervention.parse(text)


@given(st.text(alphabet="L0123456789HAMRE-,:@zeromean ", max_size=24))
def test_any_text_is_an_intervention_or_a_sentence(text: str) -> None:
    try:
        edit = Intervention.parse(text)
    except InterpvizError as sentence:
        assert str(sentence).endswith(".")
    else:
        assert Intervention.parse(str(edit)) == edit


def test_a_model_has_its_heads_and_mlps_layer_by_layer() -> None:
    assert [str(site) for site in TINY.components()] == ["L0H0", "L0H1", "L0H2", "L0M", "L1H0", "L1H1", "L1H2", "L1M"]
    assert [str(site) for site in replace(TINY, d_mlp=0, heads=1).components()] == ["L0H0", "L1H0"]


@pytest.mark.parametrize("site", ["L0H0", "L1H2", "L1M", "L1A", "L1R", "L0R-", "E", "L1H"])
def test_a_model_admits_what_it_has(site: str) -> None:
    TINY.check(Site.parse(site))


@pytest.mark.parametrize("site", ["L2H0", "L0H3", "L2M", "L9R"])
def test_a_model_names_what_it_has_to_who_asks_for_more(site: str) -> None:
    with pytest.raises(SiteMissing, match=f"tiny has no {site}: it has layers 0 to 1, heads 0 to 2. Choose"):
        TINY.check(Site.parse(site))


def test_a_model_without_mlps_has_none_to_cut() -> None:
    with pytest.raises(SiteMissing, match="and no MLPs"):
        replace(TINY, d_mlp=0).check(Site(0, "mlp_out"))


def test_a_cache_fits_the_model_with_its_hash() -> None:
    assert Document(TINY, CACHE).cache_fits
    assert not Document(replace(TINY, sha256="other"), CACHE).cache_fits
    assert not Document(TINY).cache_fits
    assert not Document(None, CACHE).cache_fits


def test_the_cloud_shows_the_chosen_site_where_the_cache_has_it_else_its_first() -> None:
    document = Document(TINY, CACHE)
    assert document.cloud_site == "blocks.0.hook_resid_post"
    assert replace(document, cloud=CloudView("hook_embed")).cloud_site == "hook_embed"
    assert replace(document, cloud=CloudView("blocks.7.hook_resid_post")).cloud_site == "blocks.0.hook_resid_post"
    assert Document(TINY).cloud_site == ""
    assert Document(TINY, replace(CACHE, sites=())).cloud_site == ""


def test_equal_documents_are_one_key() -> None:
    one = Document(TINY, prompt=Prompt("a"), interventions=frozenset({Intervention(Site(0, "mlp_out"))}))
    other = Document(TINY, prompt=Prompt("a"), interventions=frozenset({Intervention.parse("L0M:zero")}))
    assert one == other
    assert hash(one) == hash(other)
