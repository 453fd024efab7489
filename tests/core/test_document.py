from __future__ import annotations

from dataclasses import replace

import pytest

from interpviz.core.document import NO_MODEL, CacheFacts, CloudView, Document, ModelFacts, Prompt
from interpviz.core.errors import SiteMissing
from interpviz.core.features import DictionaryFacts
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site

TINY = ModelFacts("tiny", "tiny", "ab", layers=2, heads=3, kv_heads=1, d_model=12, d_mlp=48, vocab=50, context=16)
SAE = DictionaryFacts("sae", "/sae", "ef", "standard", "blocks.0.hook_resid_post", 12, 16)
CACHE = CacheFacts("c", "c.acts", "cd", "tiny", "ab", "huggingface", ("blocks.0.hook_resid_post", "hook_embed"), 100)


def test_a_model_has_its_heads_and_mlps_layer_by_layer() -> None:
    assert [str(site) for site in TINY.components()] == ["L0H0", "L0H1", "L0H2", "L0M", "L1H0", "L1H1", "L1H2", "L1M"]
    assert [str(site) for site in replace(TINY, d_mlp=0, heads=1).components()] == ["L0H0", "L1H0"]


@pytest.mark.parametrize(
    "site",
    ["L0H0", "L1H2", "L1M", "L1A", "L1R", "L0R-", "E", "L1H", "L1Q2", "L1K0", "L1V0", "L1N47", "L0H2[9<9]", "sae/9"],
)
def test_a_model_admits_what_it_has(site: str) -> None:
    TINY.check(Site.parse(site))


@pytest.mark.parametrize(
    ("site", "more"),
    [
        ("L2H0", ""),
        ("L0H3", ""),
        ("L9R", ""),
        ("L0Q3", ""),
        ("L2M", ", neurons 0 to 47"),
        ("L0N48", ", neurons 0 to 47"),
        ("L0K1", ", key-value heads 0 to 0"),
        ("L0V1", ", key-value heads 0 to 0"),
    ],
)
def test_a_model_names_what_it_has_to_who_asks_for_more(site: str, more: str) -> None:
    with pytest.raises(SiteMissing, match=f"tiny has no {site}: it has layers 0 to 1, heads 0 to 2{more}. Choose"):
        TINY.check(Site.parse(site))


def test_a_dictionary_names_the_features_it_has() -> None:
    SAE.check(Site.parse("sae/15"))
    with pytest.raises(SiteMissing, match="sae has no sae/16: it has features 0 to 15"):
        SAE.check(Site.parse("sae/16"))


def test_a_model_without_mlps_has_none_to_cut() -> None:
    with pytest.raises(SiteMissing, match="and no MLPs"):
        replace(TINY, d_mlp=0).check(Site(0, "mlp_out"))


def test_a_cache_fits_the_model_with_its_hash() -> None:
    assert Document(TINY, CACHE).cache_fits
    assert not Document(replace(TINY, sha256="other"), CACHE).cache_fits
    assert not Document(TINY).cache_fits
    assert not Document(None, CACHE).cache_fits


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model_sha256": "cc", "model": "big"}, "Recorded from big: shown apart from the open model."),
        ({"model_sha256": "cc"}, "Recorded from tiny of other weights: shown apart from the open model."),
        ({"numerics": "folded"}, "Recorded with the weights of tiny folded: shown apart from the open model, which"),
        ({"model_sha256": NO_MODEL}, "It is not known which model made c: shown as it is, apart from any model."),
    ],
)
def test_a_cache_of_anything_but_the_open_model_is_shown_apart_and_it_is_said_why(
    change: dict[str, str], why: str
) -> None:
    document = Document(TINY, replace(CACHE, **change))  # type: ignore[arg-type]
    assert not document.cache_fits
    assert document.cache_apart.startswith(why)


def test_there_is_nothing_to_be_apart_from_without_model_or_cache_or_where_it_fits() -> None:
    assert [one.cache_apart for one in (Document(TINY, CACHE), Document(None, CACHE), Document(TINY))] == ["", "", ""]
    assert Document(None, replace(CACHE, model_sha256=NO_MODEL)).cache_apart.startswith("It is not known")


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
