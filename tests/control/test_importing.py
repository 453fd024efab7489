"""What the form of an import decides, without a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from interpviz.control import importing
from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Foreign, Holding, Import
from tests.control.desks import MODEL

LAYER0 = Holding("layer_0", (10, 8), "float32", "blocks.0.hook_resid_post")
LAYER1 = Holding("layer_1", (10, 8), "float32", "blocks.1.hook_resid_post")
IDS = Holding("token_ids", (10,), "int64", "tokens")
ODD = Holding("mystery", (10, 4), "float16", "")
KNOWN = Foreign("/data/chunk.h5", "a group a layer", 10, (LAYER0, LAYER1, IDS))
PROPOSED = tuple(holding.proposed for holding in KNOWN.holdings)


@pytest.fixture
def out(tmp_path: Path) -> str:
    return str(tmp_path / "chunk.acts")


def test_a_known_layout_that_is_taken_as_it_was_proposed_needs_no_mapping(out: str) -> None:
    assert importing.problem(KNOWN, PROPOSED, out) == ""
    assert importing.job(KNOWN, PROPOSED, out) == Import("/data/chunk.h5", out)
    short = ("L0R", "L1R", "tokens")
    assert importing.job(KNOWN, short, out) == Import("/data/chunk.h5", out)


def test_what_was_changed_or_was_not_wholly_proposed_is_mapped_by_hook_name(out: str) -> None:
    changed = importing.job(KNOWN, ("L0A", "", "tokens"), out)
    assert changed.mapping == (("layer_0", "blocks.0.hook_attn_out"), ("token_ids", "tokens"))
    partly = replace(KNOWN, holdings=(LAYER0, ODD))
    assert importing.job(partly, (LAYER0.proposed, ""), out).mapping == (("layer_0", LAYER0.proposed),)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("", "", ""), "Say of one array at least which activation it holds"),
        (("", "", "tokens"), "Say of one array at least"),
        (("L0R", "blocks.0.hook_resid_post", ""), "layer_0 and layer_1 would both become blocks.0.hook_resid_post."),
        (("L0R", "tokens", "tokens"), "layer_1 and token_ids would both become tokens."),
        (("resid", "", ""), "'resid' names no activation. Write L1R"),
        (("L0H2", "", ""), "L0H2 is a part of an activation or none."),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_in_a_sentence(names: tuple[str, ...], says: str, out: str) -> None:
    assert importing.problem(KNOWN, names, out).startswith(says)


def test_an_import_needs_a_place_and_something_to_import(out: str) -> None:
    assert importing.problem(KNOWN, PROPOSED, "") == "Choose where to write the cache."
    assert "There is no array in chunk.h5" in importing.problem(replace(KNOWN, holdings=()), (), out)


@pytest.mark.parametrize("name", ["blocks.3.attn.hook_q", "blocks.0.mlp.hook_post", "ln_final.hook_normalized"])
def test_the_names_of_transformer_lens_stay_as_they_are(name: str) -> None:
    assert importing.hook_of(f" {name} ") == name


def test_a_name_that_is_none_says_what_would_be() -> None:
    with pytest.raises(InterpvizError, match="names no activation"):
        importing.hook_of("blocks/1/hook_resid_post")


def test_the_size_is_two_bytes_a_number_of_what_becomes_an_activation() -> None:
    assert importing.taken(KNOWN, ("L0R", "", "tokens")) == 2 * 10 * 8


def test_an_array_may_become_what_the_open_model_has() -> None:
    offered = importing.choices(MODEL)
    assert {"", "tokens", "hook_embed", "blocks.1.hook_mlp_out"} <= set(offered)
    assert importing.choices(None) == ("", "tokens")
    assert all(importing.hook_of(name) == name for name in offered)
    assert "blocks.1.hook_mlp_out" not in importing.choices(replace(MODEL, d_mlp=0))


def test_a_cache_is_named_after_its_source() -> None:
    assert importing.proposed_name(KNOWN) == "chunk"
