"""Every number of an index is what a dense computation says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.feature_requests import FeaturePageRequest, FeatureTableRequest, Index, OpenIndex
from interpviz.core.features import IndexFacts
from interpviz.data import dictionaries
from interpviz.data.feature_index import FeatureIndex
from interpviz.data.feature_index_file import BINS
from interpviz.engine.indexing import build, related, stripes
from interpviz.engine.indexing.build import index
from tests.data import index_files
from tests.engine.indexing import made as making
from tests.engine.indexing.made import CONTEXT, DEAD, FEATURES, HOOK, TOKENS, Made
from tests.engine.pairs import Pair


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, llama: Pair) -> Made:
    return making.make(tmp_path_factory.mktemp("made"), llama.facts)


@pytest.fixture(scope="module")
def facts(made: Made, llama: Pair) -> IndexFacts:
    return index(llama.model, Index(str(made.sae), llama.facts.source, str(made.acts)))


@pytest.fixture(scope="module")
def built(facts: IndexFacts) -> FeatureIndex:
    return FeatureIndex.open(facts.source)


def test_an_index_lies_beside_its_dictionary_and_says_what_it_is_of(facts: IndexFacts, made: Made, llama: Pair):
    assert facts.source == str(made.sae.parent / "sae.features.h5")
    assert (facts.name, facts.dictionary, facts.cache) == ("sae", "sae", "notes")
    assert facts.dictionary_sha256 == dictionaries.facts(made.sae).sha256
    assert facts.model_sha256 == llama.facts.sha256
    assert (facts.features, facts.tokens) == (FEATURES, TOKENS)


def test_every_activation_but_those_at_position_0_is_there_by_value(built: FeatureIndex, made: Made):
    for feature, values in enumerate(made.counted.T):
        rows, found = built.examples(feature)
        np.testing.assert_array_equal(rows, index_files.order(values))
        np.testing.assert_allclose(found, values[rows], rtol=2**-11)
    assert len(built.examples(DEAD)[0]) == 0


def test_the_figures_are_those_of_the_active_tokens(built: FeatureIndex, made: Made):
    table = built.table()
    np.testing.assert_allclose(table.density, (made.counted > 0).sum(axis=0) / (made.position > 0).sum())
    np.testing.assert_array_equal(table.maximum, made.counted.max(axis=0))
    for feature, values in enumerate(made.counted.T):
        page, active = built.page(feature), values[values > 0]
        assert page.active == len(active)
        if not len(active):
            continue
        assert page.mean == pytest.approx(active.mean(), rel=1e-6)
        np.testing.assert_allclose(page.quantiles, np.quantile(active, np.linspace(0, 1, 101)), rtol=1e-5)
        np.testing.assert_allclose(page.edges, np.linspace(0, active.max(), BINS + 1), rtol=1e-6)
        np.testing.assert_array_equal(page.counts, np.histogram(active, page.edges)[0])
        rows = index_files.order(values)
        assert table.top_token[feature] == chr(96 + made.id[rows[0]])


def test_examples_show_the_feature_around_them(built: FeatureIndex, made: Made):
    for example in (example for group in built.page(0).groups for example in group.examples):
        start, stop = example.row - example.at, example.row - example.at + len(example.ids)
        assert start // CONTEXT == (stop - 1) // CONTEXT
        np.testing.assert_array_equal(example.ids, made.id[start:stop])
        np.testing.assert_allclose(example.values, made.counted[start:stop, 0], rtol=2**-11)


def test_logit_effects_are_what_one_unit_does_to_the_logits_with_the_norm_held(
    built: FeatureIndex, made: Made, llama: Pair
):
    weight = llama.plain.lm_head.weight.detach().numpy()
    norm = llama.plain.model.norm.weight.detach().numpy()
    logits = made.weights["W_dec"] * norm @ weight.T
    for feature in range(FEATURES):
        page = built.page(feature)
        order = np.argsort(-logits[feature])
        np.testing.assert_array_equal(page.promoted.ids, order[:10])
        np.testing.assert_array_equal(page.suppressed.ids, order[::-1][:10])
        np.testing.assert_allclose(page.promoted.values, logits[feature, order[:10]], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(page.suppressed.values, logits[feature, order[::-1][:10]], rtol=1e-4, atol=1e-6)


def test_neighbours_have_the_largest_cosines(built: FeatureIndex, made: Made):
    unit = made.weights["W_dec"] / np.linalg.norm(made.weights["W_dec"], axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -2)
    for feature in range(FEATURES):
        found = built.page(feature).neighbours
        np.testing.assert_allclose(found.values, -np.sort(-cosine[feature])[:8], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.values, cosine[feature, found.features], rtol=1e-5, atol=1e-6)


def test_features_together_have_the_largest_jaccard_index(built: FeatureIndex, made: Made):
    for feature, expected in enumerate(_jaccard(made.counted > 0)):
        found = built.page(feature).together
        np.testing.assert_allclose(found.values, expected[np.argsort(-expected)][: len(found.values)], rtol=1e-6)
        np.testing.assert_allclose(found.values, expected[found.features], rtol=1e-6)
        assert len(found.values) == min(8, (expected > 0).sum())
        assert feature not in found.features


def test_two_buildings_are_the_same_file(facts: IndexFacts, made: Made, llama: Pair, tmp_path: Path):
    again = index(llama.model, _asked(made, llama, tmp_path))
    assert Path(again.source).read_bytes() == Path(facts.source).read_bytes()
    assert again.sha256 == facts.sha256


def test_small_pieces_make_the_same_file(
    facts: IndexFacts, made: Made, llama: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stripes, "STRIPE", 300)
    monkeypatch.setattr(stripes, "BUCKET", 500)
    monkeypatch.setattr(related, "BLOCK_PAIRS", 50)
    monkeypatch.setattr("interpviz.engine.indexing.active.MOST_ROWS", 37)
    again = index(llama.model, _asked(made, llama, tmp_path))
    assert Path(again.source).read_bytes() == Path(facts.source).read_bytes()


def test_where_too_many_are_active_together_every_so_manieth_row_is_counted(
    made: Made, llama: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pairs = int(((made.counted > 0).sum(axis=1) ** 2).sum())
    monkeypatch.setattr(related, "MOST_PAIRS", -(-pairs // 3))
    monkeypatch.setattr(stripes, "STRIPE", 300)
    found = FeatureIndex.open(index(llama.model, _asked(made, llama, tmp_path)).source)
    assert found.about.compared == -(-TOKENS // 3)
    for feature, expected in enumerate(_jaccard(made.counted[::3] > 0)):
        together = found.page(feature).together
        np.testing.assert_allclose(together.values, expected[together.features], rtol=1e-6)


@pytest.mark.parametrize(("codes", "site"), [(FEATURES, False), (FEATURES, True), (3, True)])
def test_codes_serve_where_no_row_has_more_of_them_than_there_is_room_for(
    facts: IndexFacts, made: Made, llama: Pair, tmp_path: Path, codes: int, site: bool
):
    other = making.make(tmp_path, llama.facts, codes, site, facts.dictionary_sha256)
    found = FeatureIndex.open(index(llama.model, Index(str(made.sae), "", str(other.acts), str(tmp_path / "x"))).source)
    same = FeatureIndex.open(facts.source)
    for feature in range(FEATURES):
        np.testing.assert_array_equal(found.examples(feature)[0], same.examples(feature)[0])
        np.testing.assert_allclose(found.examples(feature)[1], same.examples(feature)[1], rtol=2**-10)


@pytest.mark.parametrize(("codes", "sha256"), [(3, ""), (FEATURES, "e" * 64)])
def test_a_cache_without_what_the_dictionary_reads_is_refused(
    facts: IndexFacts, made: Made, llama: Pair, tmp_path: Path, codes: int, sha256: str
):
    other = making.make(tmp_path, llama.facts, codes, False, sha256 or facts.dictionary_sha256)
    with pytest.raises(InterpvizError, match=f"sae reads {HOOK}, but notes holds sae. Record a cache with --site"):
        index(llama.model, Index(str(made.sae), "", str(other.acts), str(tmp_path / "x")))
    assert not (tmp_path / "x").exists()


def test_a_cache_of_another_model_is_refused(made: Made, llama: Pair, tmp_path: Path):
    other = making.make(tmp_path, replace(llama.facts, sha256="f" * 64))
    with pytest.raises(InterpvizError, match="which is not the .* that is open"):
        index(llama.model, Index(str(made.sae), "", str(other.acts)))


def test_values_too_large_for_float16_keep_their_order_and_size(made: Made, llama: Pair, tmp_path: Path):
    assert build.fitting_scale(1e6) == 16
    values = np.array([1e6, 3.0, 1e-7, -1e-9], np.float32)
    stored = build.half(values, 16)
    np.testing.assert_allclose(stored[:2].astype(np.float32) * 16, values[:2], rtol=2**-11)
    assert stored[2] > 0 > stored[3]


@pytest.mark.parametrize(("bad", "codes"), [(np.nan, 0), (-np.inf, 0), (0.0, FEATURES)])
def test_a_number_that_is_none_is_refused_by_its_row_but_not_at_position_0(
    made: Made, llama: Pair, tmp_path: Path, bad: float, codes: int
):
    x, dense = made.x.copy(), made.dense.copy()
    x[3 * CONTEXT], x[5 * CONTEXT + 2, 4] = bad, bad
    dense[3 * CONTEXT, 0], dense[5 * CONTEXT + 2, 4] = np.inf, np.inf
    wrong = replace(made, acts=tmp_path / "wrong.acts", x=x, dense=dense)
    making.record(wrong, llama.facts, codes, not codes, dictionaries.facts(made.sae).sha256)
    named = "sae" if codes else HOOK
    with pytest.raises(InterpvizError, match=f"NaN or infinite number in row {5 * CONTEXT + 2} of {named}"):
        index(llama.model, Index(str(made.sae), llama.facts.source, str(wrong.acts), str(tmp_path / "x.features.h5")))
    assert not (tmp_path / "x.features.h5").exists()


@pytest.mark.slow
def test_a_cancel_leaves_no_file(made: Made, llama: Pair, tmp_path: Path):
    for stop in (0.05, 0.3, 0.6, 0.95):

        def report(fraction: float, text: str = "", partial: Any = None, stop: float = stop) -> None:
            if fraction > stop:
                raise Cancelled

        with pytest.raises(Cancelled):
            index(llama.model, _asked(made, llama, tmp_path), report)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("after", ["0 of", "Figures", "Features active"])
def test_a_killed_building_leaves_no_half_file_and_the_next_one_tidies_up(
    facts: IndexFacts, made: Made, llama: Pair, tmp_path: Path, after: str
):
    asked = _asked(made, llama, tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, asked.dictionary, asked.model, asked.cache, asked.out, after],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not Path(asked.out).exists()
    index(llama.model, asked)
    deadline = time.monotonic() + 10
    while len(list(tmp_path.iterdir())) > 1 and time.monotonic() < deadline:
        os.sched_yield()
    assert [left.name for left in tmp_path.iterdir()] == ["again.features.h5"]
    assert Path(asked.out).read_bytes() == Path(facts.source).read_bytes()


KILLED = """
import sys, threading
from interpviz.core import environment
environment.prepare()
from interpviz.core.feature_requests import Index
from interpviz.engine import lens
from interpviz.engine.indexing.build import index

def report(fraction, text="", partial=None):
    if text.startswith(sys.argv[5]):
        print("now", flush=True)
        threading.Event().wait()

index(lens.load(sys.argv[2], device="cpu"), Index(*sys.argv[1:5]), report)
"""


def test_the_engine_answers_from_the_index(facts: IndexFacts, llama: Pair, made: Made):
    opened = llama.engine.compute(OpenIndex(facts.source))
    assert opened == facts
    assert llama.engine.compute(FeatureTableRequest(opened)).maximum.tolist() == made.counted.max(axis=0).tolist()
    assert llama.engine.compute(FeaturePageRequest(opened, 3)).active == (made.counted[:, 3] > 0).sum()
    with pytest.raises(InterpvizError, match="sae has changed on disk since it was opened. Open it again."):
        llama.engine.compute(FeatureTableRequest(replace(opened, sha256="0" * 64)))


@pytest.mark.slow
def test_the_job_in_a_process_of_its_own_makes_the_same_file(
    facts: IndexFacts, made: Made, llama: Pair, tmp_path: Path
):
    told: list[str] = []
    answer = llama.engine.compute(
        _asked(made, llama, tmp_path), lambda fraction, text="", partial=None: told.append(text)
    )
    assert isinstance(answer, IndexFacts)
    assert Path(answer.source).read_bytes() == Path(facts.source).read_bytes()
    assert answer.sha256 == facts.sha256


def test_the_dense_features_agree_with_plain_torch(made: Made):
    """The oracle of this file is itself looked at: SAELens's formula, written out in torch."""
    x = torch.from_numpy(made.x.astype(np.float16)).float() - torch.from_numpy(made.weights["b_dec"])
    dense = (x @ torch.from_numpy(made.weights["W_enc"]) + torch.from_numpy(made.weights["b_enc"])).relu()
    np.testing.assert_array_equal(dense.numpy(), made.dense)
    assert 0.05 < (made.dense > 0).mean() < 0.5


def _asked(made: Made, llama: Pair, folder: Path) -> Index:
    return Index(str(made.sae), llama.facts.source, str(made.acts), str(folder / "again.features.h5"))


def _jaccard(active: Any) -> Any:
    """The Jaccard index of each pair of features (feature, feature), 0 with itself."""
    both = active.T.astype(int) @ active.astype(int)
    count = active.sum(axis=0)
    either = count[:, None] + count[None] - both
    found = np.where(both > 0, both / np.maximum(either, 1), 0)
    np.fill_diagonal(found, 0)
    return found
