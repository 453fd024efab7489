"""What arrays of other people are called here."""

from __future__ import annotations

import pytest

from interpviz.core.jobs import Holding
from interpviz.data.foreign.names import hook_of_module, listed, proposed


@pytest.mark.parametrize(
    ("module", "hook"),
    [
        ("layers.5", "blocks.5.hook_resid_post"),
        ("model.layers.5.mlp", "blocks.5.hook_mlp_out"),
        ("transformer.h.11.attn", "blocks.11.hook_attn_out"),
        ("gpt_neox.layers.3.attention", "blocks.3.hook_attn_out"),
        ("model.embed_tokens", "hook_embed"),
        ("layers.5.mlp.act", ""),
        ("layers.5.router", ""),
        ("vision.tower", ""),
    ],
)
def test_what_a_module_puts_out_has_a_hook(module: str, hook: str) -> None:
    assert hook_of_module(module) == hook


@pytest.mark.parametrize(
    ("name", "shape", "whole", "becomes"),
    [
        ("a/blocks.1.hook_mlp_out", (4, 2), False, "blocks.1.hook_mlp_out"),
        ("blocks.1.hook_mlp_out", (4,), False, ""),
        ("blocks.1.hook_mlp_out", (4, 2), True, ""),
        ("input_ids", (4, 2), True, "tokens"),
        ("batch/tokens", (4,), True, "tokens"),
        ("tokens", (4, 2), False, ""),
        ("generated_token_ids", (4, 2), True, ""),
        ("hidden", (4, 2), False, ""),
    ],
)
def test_a_telling_name_proposes_what_an_array_is(name: str, shape: tuple[int, ...], whole: bool, becomes: str) -> None:
    assert proposed(name, shape, whole) == becomes


def test_a_long_list_names_ten() -> None:
    said = listed([Holding(f"a{i}", (2, 3), "float32", "") for i in range(12)])
    assert said.startswith("a0 (2 x 3 float32), a1 ")
    assert said.endswith("a9 (2 x 3 float32) and 2 more")
