"""`features` writes an index, says in a few lines what is in it, and each mistake in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpviz import api
from interpviz.core.paths import resource
from tests.cli.conftest import Command
from tests.data import sae_files
from tests.data.samples import record

HOOK = "blocks.1.hook_resid_post"


@pytest.fixture
def sae(tmp_path: Path) -> Path:
    metadata = {"hook_name": HOOK, "model_name": "demo"}
    return sae_files.random_sae(tmp_path / "sae", d_in=192, features=24, metadata=metadata)


@pytest.mark.slow
def test_an_index_is_written_told_checked_and_opened(interpviz: Command, sae: Path):
    ended = interpviz("features", sae, "--model", "demo", "--acts", resource("demo/demo.acts"), "--json")
    assert (ended.status, ended.err) == (0, "")
    said, path = ended.json, str(sae.parent / "sae.features.h5")
    assert (said["path"], said["features"], said["tokens"], said["cache"]) == (path, 24, 8192, "demo")
    assert said["live"] + said["dead"] == 24
    assert said["labels"] >= said["good"]
    found = api.open_index(path)
    assert found.facts.cache == "demo"
    assert (found.table().density > 0).sum() == said["live"]
    assert found.summary()._asdict().items() <= said.items()
    assert interpviz("check", path).out.startswith(f"{path}: index, whole")
    again = interpviz("features", sae, "--model", "demo", "--acts", resource("demo/demo.acts"), "--out", path)
    assert f"24 features of sae in demo, 8,192 tokens: {path}" in again.out
    assert "score over 0.7, and" in again.out


def test_a_cache_of_another_model_is_refused_in_a_sentence(interpviz: Command, sae: Path, tmp_path: Path):
    other = record(tmp_path / "other.acts", (40,)).folder
    ended = interpviz("features", sae, "--model", "demo", "--acts", other)
    assert ended.status == 2
    assert ended.err == "other was recorded from toy, which is not the demo that is open. Record a cache from demo.\n"
    assert not (tmp_path / "sae.features.h5").exists()


def test_what_is_no_index_is_refused_in_a_sentence(tmp_path: Path):
    with pytest.raises(api.InterpvizError, match="There is no file .* Choose an index that `interpviz features` made."):
        api.open_index(tmp_path / "none.features.h5")
