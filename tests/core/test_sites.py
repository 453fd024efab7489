from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.core.errors import InterpvizError, UnknownSite
from interpviz.core.sites import EMBED, Kind, Site, short_name, whole_hook

INDEXED: list[Kind] = ["head", "query", "key", "value", "neuron"]
WHOLE: list[Kind] = ["heads", "attn_out", "mlp_out", "resid_pre", "resid_post"]
LAYERS = st.integers(0, 10_000)
WHOLE_SITES = st.just(EMBED) | st.builds(lambda layer, kind: Site(layer, kind), LAYERS, st.sampled_from(WHOLE))
SITES = (
    WHOLE_SITES
    | st.builds(lambda layer, kind, index: Site(layer, kind, index), LAYERS, st.sampled_from(INDEXED), LAYERS)
    | st.builds(lambda layer, head, q, k: Site(layer, "edge", head, q, k), LAYERS, LAYERS, LAYERS, LAYERS)
    | st.builds(
        lambda name, index: Site(-1, "feature", index, dictionary=name), st.sampled_from(["s", "a b.c"]), LAYERS
    )
)


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("L1H4", Site(1, "head", 4)),
        ("L12H0", Site(12, "head", 0)),
        ("L1H", Site(1, "heads")),
        ("L1A", Site(1, "attn_out")),
        ("L1M", Site(1, "mlp_out")),
        ("L1R", Site(1, "resid_post")),
        ("L0R-", Site(0, "resid_pre")),
        ("L2M-", Site(2, "mlp_in")),
        ("E", EMBED),
        ("L1Q4", Site(1, "query", 4)),
        ("L1K0", Site(1, "key", 0)),
        ("L1V0", Site(1, "value", 0)),
        ("L1N37", Site(1, "neuron", 37)),
        ("L1H4[7<3]", Site(1, "edge", 4, 7, 3)),
        ("res-16k/123", Site(-1, "feature", 123, dictionary="res-16k")),
    ],
)
def test_a_short_name_means_its_site(text: str, site: Site) -> None:
    assert Site.parse(text) == site
    assert str(site) == text


@pytest.mark.parametrize(
    ("hook", "short"),
    [
        ("blocks.1.attn.hook_z", "L1H"),
        ("blocks.1.hook_attn_out", "L1A"),
        ("blocks.1.hook_mlp_out", "L1M"),
        ("blocks.1.hook_resid_post", "L1R"),
        ("blocks.0.hook_resid_pre", "L0R-"),
        ("blocks.2.mlp.hook_in", "L2M-"),
        ("hook_embed", "E"),
    ],
)
def test_a_hook_name_means_the_whole_activation(hook: str, short: str) -> None:
    assert str(Site.parse(hook)) == short
    assert Site.parse(short).hook == hook


def test_an_activation_of_a_kind_to_come_keeps_its_name() -> None:
    assert [short_name(hook) for hook in ("blocks.1.attn.hook_q", "hook_embed")] == ["blocks.1.attn.hook_q", "E"]


@pytest.mark.parametrize(
    ("part", "hook"),
    [
        ("L3H7", "blocks.3.attn.hook_z"),
        ("L3Q7", "blocks.3.attn.hook_q"),
        ("L3K1", "blocks.3.attn.hook_k"),
        ("L3V1", "blocks.3.attn.hook_v"),
        ("L3H7[2<1]", "blocks.3.attn.hook_pattern"),
        ("L3N70", "blocks.3.mlp.hook_post"),
    ],
)
def test_a_part_lies_in_an_activation_of_its_layer(part: str, hook: str) -> None:
    assert Site.parse(part).hook == hook


def test_where_a_feature_is_read_its_dictionary_says() -> None:
    with pytest.raises(ValueError, match="read where its dictionary says"):
        _ = Site.parse("sae/3").hook


@given(SITES)
def test_every_site_is_printed_and_read_back(site: Site) -> None:
    assert Site.parse(str(site)) == site


@given(WHOLE_SITES)
def test_every_whole_activation_is_read_back_from_its_hook_name(site: Site) -> None:
    assert Site.parse(site.hook) == site


@pytest.mark.parametrize(
    "text",
    [
        "",
        "L",
        "L1",
        "H4",
        "l1h4",
        "L1H-1",
        "L-1M",
        "L1X",
        "L1H4 ",
        "L1RR",
        "L1.5M",
        "L1H4[7>3]",
        "L1H4[-1<3]",
        "L1N",
        "/3",
        "a/b/3",
        "sae/x",
        "blocks.1.hook_z",
        "blocks.x.hook_mlp_out",
    ],
)
def test_what_names_no_part_is_refused_with_the_names_there_are(text: str) -> None:
    with pytest.raises(UnknownSite, match="names no part of a model. Write L1H4"):
        Site.parse(text)


@given(st.text(max_size=40))
def test_any_text_is_a_site_or_a_sentence(text: str) -> None:
    try:
        site = Site.parse(text)
    except InterpvizError as sentence:
        assert str(sentence).endswith(".")
    else:
        assert Site.parse(str(site)) == site


def test_sites_are_ordered_by_layer_first() -> None:
    assert sorted([Site(2, "attn_out"), Site(0, "resid_post"), Site(1, "head", 3), Site(1, "head", 1)]) == [
        Site(0, "resid_post"),
        Site(1, "head", 1),
        Site(1, "head", 3),
        Site(2, "attn_out"),
    ]


@pytest.mark.parametrize(
    ("text", "hook"),
    [
        ("L1R", "blocks.1.hook_resid_post"),
        ("L0R-", "blocks.0.hook_resid_pre"),
        ("L2H", "blocks.2.attn.hook_z"),
        ("E", "hook_embed"),
        ("blocks.3.mlp.hook_in", "blocks.3.mlp.hook_in"),
        ("blocks.3.ln2.hook_normalized", "blocks.3.ln2.hook_normalized"),
    ],
)
def test_a_short_name_or_a_hook_name_means_a_hook(text: str, hook: str) -> None:
    assert whole_hook(text) == hook


@pytest.mark.parametrize(
    "text", ["", "L1H4", "L1N3", "L1H4[7<3]", "book/3", "../hook_x", "hook_", "blocks..hook_x", "é"]
)
def test_what_is_no_whole_activation_is_a_sentence(text: str) -> None:
    with pytest.raises(InterpvizError, match=r"names no activation|is a part of an activation"):
        whole_hook(text)
