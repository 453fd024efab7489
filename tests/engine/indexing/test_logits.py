"""Logit effects are the model's own: what its logits do when a feature's write is added, the norm's scale held."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from interpviz.core.report import silent
from interpviz.data import dictionaries
from interpviz.engine import lens
from interpviz.engine.dictionaries import SAE
from interpviz.engine.final_norm import logits_at, scale
from interpviz.engine.indexing.logits import promoted
from tests.data import sae_files
from tests.engine import tiny
from tests.engine.pairs import Pair

FEATURES = 9


@pytest.mark.parametrize(("site", "part"), [("hook_resid_post", None), ("attn.hook_z", "o"), ("mlp.hook_post", "out")])
def test_logit_effects_are_what_adding_the_write_does(random_pair: Pair, tmp_path: Path, site: str, part: str | None):
    sae = _sae(random_pair, tmp_path, f"blocks.1.{site}")
    written = sae.decoder
    block = random_pair.model.bridge.blocks[1]
    if part is not None:
        owner = block.attn if part == "o" else block.mlp
        linear = getattr(owner, part)
        with torch.inference_mode():  # a projection is a function here: its weight's layout is not looked at
            written = linear.original_component(written) - linear.original_component(torch.zeros_like(written))
    _check(random_pair, sae, _effects(random_pair, written))


def test_a_cross_layer_transcoder_writes_the_sum_of_its_layers(llama: Pair, tmp_path: Path):
    sae = _sae(llama, tmp_path, "blocks.0.hook_resid_post")
    sae.decoder = torch.stack([sae.decoder, 2 * sae.decoder.flip(0)], dim=1)
    _check(llama, sae, _effects(llama, sae.decoder[:, 0] + sae.decoder[:, 1]))


def test_a_transcoder_counts_by_what_it_writes(llama: Pair, tmp_path: Path):
    sae = _sae(llama, tmp_path, "blocks.0.hook_resid_post")
    sae.facts = replace(sae.facts, hook="blocks.0.attn.hook_z", hook_out="blocks.0.hook_mlp_out", d_out=24)
    _check(llama, sae, _effects(llama, sae.decoder))


@pytest.mark.parametrize(("site", "width"), [("attn.hook_k", 8), ("mlp.hook_in", 24)])
def test_what_is_not_added_to_the_residual_stream_has_none_however_wide(
    llama: Pair, tmp_path: Path, site: str, width: int
):
    sae = _sae(llama, tmp_path, f"blocks.0.{site}", width)
    ids, values, _, _ = promoted(llama.model, sae, silent)
    assert (ids == -1).all()
    assert (values == 0).all()


def test_what_is_normed_on_its_way_into_the_stream_has_none(tmp_path: Path):
    model = lens.load(str(tiny.save(tiny.gemma2(), tmp_path / "gemma")))
    width = model.width("blocks.0.attn.hook_z") or 0
    metadata = {"hook_name": "blocks.0.attn.hook_z", "model_name": "toy"}
    sae = sae_files.random_sae(tmp_path / "sae", d_in=width, features=FEATURES, metadata=metadata)
    assert (promoted(model, SAE(dictionaries.load(sae)), silent)[0] == -1).all()


def _sae(pair: Pair, folder: Path, hook: str, width: int = 0) -> SAE:
    width = width or pair.model.width(hook) or 0
    metadata = {"hook_name": hook, "model_name": "toy"}
    path = sae_files.random_sae(folder / "sae", d_in=width, features=FEATURES, metadata=metadata)
    return SAE(dictionaries.load(path))


def _effects(pair: Pair, written: torch.Tensor) -> NDArray[np.float32]:
    """The change of the logits (feature, vocab) of some residual stream that each write is added to, the scale at 1."""
    model, one = pair.model, torch.ones(())
    residual = torch.randn(written.shape[-1], generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = logits_at(model, residual, one)
        found = [logits_at(model, residual + write, one) - before for write in written]
        assert scale(model, residual) != 1
    effects: NDArray[np.float32] = torch.stack(found).numpy()
    return effects


def _check(pair: Pair, sae: SAE, effects: NDArray[np.float32]) -> None:
    ids, values, low_ids, low_values = (part.numpy() for part in promoted(pair.model, sae, silent))
    np.testing.assert_allclose(values, -np.sort(-effects, axis=1)[:, :10], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(np.take_along_axis(effects, ids.astype(int), 1), values, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(low_values, np.sort(effects, axis=1)[:, :10], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(np.take_along_axis(effects, low_ids.astype(int), 1), low_values, rtol=1e-3, atol=1e-4)
