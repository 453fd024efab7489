"""Caches that SAELens and delphi wrote themselves (see the scripts named make_ beside this) are read as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, disable_progress_bars  # type: ignore[import-untyped]
from numpy.typing import NDArray
from safetensors.numpy import save_file

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Import
from interpviz.data.activations import Cache
from interpviz.data.foreign import look_into
from interpviz.data.foreign.importing import run

HERE = Path(__file__).parent
SAELENS, DELPHI = HERE / "saelens_cache", HERE / "delphi_cache"
HALF = 2.0**-11  # of a number, at most, does float16 lose


def imported(source: Path, out: Path) -> Cache:
    """The cache that an import without a mapping makes."""
    run(Import(str(source), str(out)))
    return Cache.open(out)


def said(path: Path) -> dict[str, NDArray[Any]]:
    """What the package that wrote the cache said of it."""
    with np.load(path) as file:
        return dict(file)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "hook"), [("residual", "blocks.1.hook_resid_post"), ("heads", "blocks.0.attn.hook_z_flat")]
)
def test_what_saelens_cached_is_imported_number_for_number(tmp_path: Path, name: str, hook: str) -> None:
    expected = said(SAELENS / f"{name}.npz")
    contexts, context, width = expected["activations"].shape
    cache = imported(SAELENS / name, tmp_path / "ours.acts")
    assert (cache.facts.sites, cache.facts.tokens, cache.job.context) == ((hook,), contexts * context, context)
    rows = cache.rows(hook, slice(None))
    exact = 0.0 if expected["activations"].dtype == np.float16 else HALF
    np.testing.assert_allclose(rows, expected["activations"].reshape(-1, width), rtol=exact, atol=2**-24)
    tokens = cache.tokens()
    np.testing.assert_array_equal(tokens.id, expected["tokens"].ravel())
    np.testing.assert_array_equal(tokens.position, np.tile(np.arange(context), contexts))


@pytest.mark.parametrize(("module", "hook"), [("layers.1", "hook_resid_post"), ("layers.1.mlp", "hook_mlp_out")])
def test_what_delphi_cached_is_imported_latent_for_latent(tmp_path: Path, module: str, hook: str) -> None:
    expected = said(DELPHI / "expected.npz")
    latents = expected[module].reshape(-1, expected[module].shape[-1])
    cache = imported(DELPHI, tmp_path / "ours.acts")
    stated = {codes.name: codes for codes in cache.job.dictionaries}[module]
    most = int((np.abs(latents) > 1e-5).sum(axis=1).max())
    assert (stated.features, stated.hook, stated.k) == (latents.shape[1], f"blocks.1.{hook}", min(most, 64))
    codes = cache.codes(module, range(len(latents)))
    for row, index, value in zip(latents, codes.index, codes.value, strict=True):
        active = np.flatnonzero(row)
        strongest = sorted(active, key=lambda latent: -row[latent])[: stated.k]
        assert value[: len(strongest)].tolist() == [float(row[latent]) for latent in strongest]
        assert all(row[latent] == held for latent, held in zip(index, value, strict=True) if latent < 2**32 - 1)
        assert len(set(index.tolist())) == len(index)
    np.testing.assert_array_equal(cache.tokens().id, expected["tokens"].ravel())


def test_how_many_latents_of_delphi_are_left_out_is_said() -> None:
    counts = (said(DELPHI / "expected.npz")["layers.1.mlp"] != 0).sum(axis=-1)
    cut = int(np.maximum(counts - 64, 0).sum())
    assert cut > 0
    assert look_into(DELPHI).layout.endswith(
        f"of layers.1.mlp the 64 strongest a token are kept, {cut:,} weaker ones left out"
    )


def test_positions_that_delphi_could_not_count_are_refused(tmp_path: Path) -> None:
    # 69,000 lies in the file as 3,464: its code looks only whether the other two axes fit 16 bits.
    content: dict[str, NDArray[Any]] = {
        "locations": np.array([[0, 69_000 % 2**16, 2]], np.uint16),
        "activations": np.ones(1, np.float16),
        "tokens": np.zeros((1, 70_000), np.int64),
    }
    (tmp_path / "layers.1").mkdir()
    save_file(content, tmp_path / "layers.1" / "0_3.safetensors")
    (tmp_path / "layers.1" / "config.json").write_text('{"cache_ctx_len": 70000}')
    with pytest.raises(
        InterpvizError, match=r"0_3.safetensors counts positions to 65,535, but its contexts have 70,000"
    ):
        look_into(tmp_path)


def test_what_saelens_cached_of_a_hugging_face_module_is_named(tmp_path: Path) -> None:
    content = {"model.layers.1.mlp": np.ones((2, 3, 4)), "model.layers.1": np.ones((2, 3, 4)), "lm_head": [[1.0]] * 2}
    disable_progress_bars()
    Dataset.from_dict(content).save_to_disk(tmp_path / "theirs")
    proposed = {holding.name: holding.proposed for holding in look_into(tmp_path / "theirs").holdings}
    assert proposed == {
        "model.layers.1.mlp": "blocks.1.hook_mlp_out", "model.layers.1": "blocks.1.hook_resid_post", "lm_head": ""
    }  # fmt: skip
