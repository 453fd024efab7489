"""The shipped dictionaries are those of the recipe, and do what their figures say."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
from safetensors.numpy import load_file

from interpviz import api
from interpviz.data import sessions
from resources.demo import corpus, dictionaries, words

DEMO = Path(dictionaries.__file__).parent
MOST_BYTES = 80e6
FIGURES = json.loads((DEMO / "dictionaries" / "figures.json").read_text("utf-8"))


def test_every_dictionary_of_the_recipe_is_there_with_its_index_of_the_shipped_cache() -> None:
    session = sessions.load(DEMO / "session.json")
    cache = api.open(DEMO / "demo.acts").facts
    assert [one.name for one in session.dictionaries] == list(dictionaries.names())
    for facts, index in zip(session.dictionaries, session.indices, strict=True):
        assert index.dictionary_sha256 == facts.sha256
        assert (index.cache_sha256, index.model_sha256) == (cache.sha256, cache.model_sha256)
        assert api.open_index(index.source).facts == index


def test_all_of_the_demo_stays_small() -> None:
    sizes = [path.stat().st_size for path in DEMO.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(sizes) <= MOST_BYTES


def test_at_least_15_percent_of_what_is_learnt_from_says_what_is_of_which_kind(mix: corpus.Mix) -> None:
    shares = dictionaries.SHARES
    assert shares["categories"] / sum(shares.values()) >= 0.15
    drawn = corpus.Mix(mix.tokenizer, mix.streams, {kind: float(kind == "categories") for kind in shares})
    text = mix.tokenizer.decode(drawn.context(Random(0))[0])
    assert any(member in text for member in words.MEMBERS)


def test_the_readme_says_what_was_measured() -> None:
    readme = (DEMO / "README.md").read_text("utf-8")
    for name, found in FIGURES.items():
        fit, index = found["evaluate"], found["features"]
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}` |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")][1:]
        assert cells == [
            f"{index['features']:,}",
            f"{fit['fvu']:.3f}",
            f"{fit['l0']:.1f}",
            f"{fit['ce_recovered']:.1%}",
            f"{fit['dead']:.1%}",
            f"{index['good'] / index['live']:.1%}",
            f"{index['shuffled'] / index['live']:.1%}",
        ]


@pytest.mark.slow
def test_a_figure_measured_anew_is_the_one_that_is_stated() -> None:
    """Against plain numpy on the cache that is shipped: rows of it are rounded to float16."""
    name = "L1R-1024"
    book = api.open(DEMO / "demo.acts")
    rows = np.flatnonzero(book.tokens.position > 0)
    x = book.rows(dictionaries.SITE, rows)
    w = load_file(DEMO / "dictionaries" / name / "sae_weights.safetensors")
    pre = (x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    kept = np.argpartition(-pre, dictionaries.K - 1, axis=1)[:, : dictionaries.K]
    acts = np.zeros_like(pre)
    np.put_along_axis(acts, kept, np.maximum(np.take_along_axis(pre, kept, 1), 0), 1)
    left = np.square(x - acts @ w["W_dec"] - w["b_dec"]).sum() / np.square(x - x.mean(0)).sum()
    assert left == pytest.approx(FIGURES[name]["evaluate"]["fvu"], rel=0.1)
    index = api.open_index(DEMO / "dictionaries" / f"{name}.features.h5")
    assert index.table().density == pytest.approx((acts > 0).mean(0), abs=1e-3)
