"""Codes that are recorded are the strongest features of what the model held, and a run goes no further than it must."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interpviz.core.document import CacheFacts
from interpviz.core.jobs import Record
from interpviz.data import dictionaries
from interpviz.data.activations import Cache
from interpviz.data.check import check
from interpviz.engine.dictionaries import SAE
from interpviz.engine.record import record
from interpviz.engine.shard_maker import stop_after
from tests.data import sae_files
from tests.engine.pairs import Pair


def test_codes_are_the_strongest_features_of_a_dictionary(llama: Pair, tmp_path: Path) -> None:
    folder = _dictionary(tmp_path)
    facts = _record(llama, tmp_path, sites=("L1R",), dictionaries=(folder,), k=5)
    cache = Cache.open(facts.source)
    sae = SAE(dictionaries.load(folder))
    index, value = (getattr(cache.codes("sae", range(40)), part) for part in ("index", "value"))
    states = torch.from_numpy(cache.rows("L1R", range(40)))  # float16 is nearly what the model handed over
    dense = sae.encode(states).numpy()
    wanted = np.sort(dense, axis=1)[:, ::-1][:, :5]
    np.testing.assert_allclose(value, wanted, rtol=2e-2, atol=2e-2)
    for row in range(40):
        taken = index[row] != 0xFFFFFFFF
        np.testing.assert_allclose(value[row, taken], dense[row, index[row, taken]], rtol=2e-2, atol=2e-2)
        assert (value[row, ~taken] == 0).all()


def test_codes_alone_can_be_kept(llama: Pair, tmp_path: Path) -> None:
    folder = _dictionary(tmp_path)
    facts = _record(llama, tmp_path, sites=(), dictionaries=(folder,), k=5)
    assert facts.sites == ()
    assert check(facts.source).whole


def test_a_folder_of_several_dictionaries_keeps_the_codes_of_each(llama: Pair, tmp_path: Path) -> None:
    read = dictionaries.load(_dictionary(tmp_path))
    for layer in (0, 1):
        stated = replace(
            read.facts, hook=f"blocks.{layer}.mlp.hook_in", hook_out=f"blocks.{layer}.hook_mlp_out", d_out=24
        )
        coder = replace(read, facts=stated, activation="topk", k=3, b_in=None)
        dictionaries.save(coder, tmp_path / "run" / f"layers.{layer}.mlp", "sparsify")
    facts = _record(llama, tmp_path, sites=("L1M-",), dictionaries=(str(tmp_path / "run"),), k=3)
    cache = Cache.open(facts.source)
    assert facts.codes == ("layers.0.mlp", "layers.1.mlp")
    sae = SAE(dictionaries.load(tmp_path / "run" / "layers.1.mlp"))
    wanted = np.sort(sae.encode(torch.from_numpy(cache.rows("L1M-", range(40)))).numpy())[:, ::-1][:, :3]
    np.testing.assert_allclose(cache.codes("layers.1.mlp", range(40)).value, wanted, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(("hook", "site"), [("blocks.1.mlp.hook_post", "L1N0"), ("blocks.0.attn.hook_z", "L0H")])
def test_codes_are_of_neurons_or_of_heads_side_by_side(llama: Pair, tmp_path: Path, hook: str, site: str) -> None:
    width = llama.model.width(hook)
    assert width
    stated = sae_files.config(d_in=width, metadata={"hook_name": hook})
    folder = str(sae_files.save(tmp_path / "sae", stated, sae_files.weights(d_in=width)))
    facts = _record(llama, tmp_path, sites=(site,), dictionaries=(folder,), k=3)
    cache = Cache.open(facts.source)
    states = torch.from_numpy(cache.rows(hook, range(40)).reshape(40, -1))
    wanted = np.sort(SAE(dictionaries.load(folder)).encode(states).numpy())[:, ::-1][:, :3]
    np.testing.assert_allclose(cache.codes("sae", range(40)).value, wanted, rtol=2e-2, atol=2e-2)


def test_a_run_stops_after_the_last_activation_that_is_wanted() -> None:
    assert stop_after(("hook_embed",), 4) == 1
    assert stop_after(("blocks.2.hook_resid_pre", "blocks.0.mlp.hook_post"), 4) == 3
    assert stop_after(("blocks.3.hook_resid_pre",), 4) is None
    assert stop_after(("hook_embed", "ln_final.hook_normalized"), 4) is None


def _record(pair: Pair, folder: Path, **more: Any) -> CacheFacts:
    text = folder / "text.txt"
    text.write_text("the cat sat on a mat and the dog sat too".replace("", " ") * 2)
    return record(pair.model, Record(pair.facts.source, (str(text),), out=str(folder / "x.acts"), context=12, **more))


def _dictionary(folder: Path) -> str:
    stated = sae_files.config(d_in=24, metadata={"hook_name": "blocks.1.hook_resid_post"})
    return str(sae_files.save(folder / "sae", stated, sae_files.weights(d_in=24)))
