"""What an index says of a feature is what was counted."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.labels import Label, Predicate
from interpviz.data import checked, checksums
from interpviz.data.check import check
from interpviz.data.child import Child
from interpviz.data.contents import kind_of
from interpviz.data.feature_index import FeatureIndex
from interpviz.data.feature_index_file import BINS
from interpviz.data.feature_index_page import AFTER, BEFORE, EACH, STRONGEST
from interpviz.data.feature_index_writer import FeatureIndexWriter
from tests.data import index_files
from tests.data.index_files import CONTEXT, DEAD, LABELLED, TEXTS, Known


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """An index to look at, not to touch."""
    return index_files.make(tmp_path_factory.mktemp("index") / "sae.features.h5")


@pytest.fixture(scope="module")
def index(known: Known) -> FeatureIndex:
    return FeatureIndex.open(known.path)


def test_the_examples_of_a_feature_are_its_tokens_by_value(known: Known, index: FeatureIndex):
    for feature in range(known.dense.shape[1]):
        rows, values = index.examples(feature)
        np.testing.assert_array_equal(rows, index_files.order(known.dense[:, feature]))
        np.testing.assert_array_equal(values, known.dense[rows, feature])
        np.testing.assert_array_equal(index.examples(feature, 3)[0], rows[:3])


def test_the_table_has_a_line_a_feature(known: Known, index: FeatureIndex):
    table = index.table()
    counted = (known.position > 0).sum()
    np.testing.assert_allclose(table.density, (known.dense > 0).sum(axis=0) / counted)
    np.testing.assert_array_equal(table.maximum, known.dense.max(axis=0))
    tops = [known.id[index_files.order(values)[:1]] for values in known.dense.T]
    assert table.top_token == tuple(TEXTS[int(top[0])] if len(top) else "" for top in tops)
    assert table.label == tuple('"é" at the token' if feature == LABELLED else "" for feature in range(12))
    assert np.flatnonzero(~np.isnan(table.score)).tolist() == [LABELLED]


@pytest.mark.parametrize("feature", [0, LABELLED, 11])
def test_every_example_shows_its_context_with_the_feature_at_each_token(
    known: Known, index: FeatureIndex, feature: int
):
    page = index.page(feature)
    for example in (example for group in page.groups for example in group.examples):
        begin = example.row - example.row % CONTEXT
        start, stop = max(begin, example.row - BEFORE), min(begin + CONTEXT, example.row + AFTER + 1, 200)
        assert example.at == example.row - start
        np.testing.assert_array_equal(example.ids, known.id[start:stop])
        assert example.texts == tuple(TEXTS[token] for token in known.id[start:stop].tolist())
        np.testing.assert_array_equal(example.values, known.dense[start:stop, feature])
        assert (example.document, example.position) == (known.document[example.row], known.position[example.row])


def test_the_groups_are_the_strongest_and_each_fifth(known: Known, index: FeatureIndex):
    order = index_files.order(known.dense[:, 0])
    rank = {row: place for place, row in enumerate(order.tolist())}
    strongest, *fifths = index.page(0).groups
    assert [group.name for group in fifths] == ["80% to 100%", "60% to 80%", "40% to 60%", "20% to 40%", "0% to 20%"]
    assert len({example.row // CONTEXT for example in strongest.examples}) == 200 // CONTEXT  # each context is seen
    assert len(strongest.examples) == STRONGEST
    for number, group in enumerate(fifths):
        places = [rank[example.row] for example in group.examples]
        assert len(places) == EACH
        assert len(order) * number // 5 <= min(places) <= max(places) < len(order) * (number + 1) // 5
        assert len({example.row // CONTEXT for example in group.examples}) == EACH
    for group in (strongest, *fifths):
        peaks = [float(example.values[example.at]) for example in group.examples]
        assert (group.low, group.high) == (min(peaks), max(peaks))
        assert peaks == sorted(peaks, reverse=True)


def test_a_page_has_the_figures_of_its_feature(known: Known, index: FeatureIndex):
    page, values = index.page(LABELLED), known.dense[:, LABELLED]
    active = values[values > 0]
    assert (page.active, page.maximum) == (len(active), active.max())
    assert page.density == pytest.approx(len(active) / (known.position > 0).sum())
    assert page.mean == pytest.approx(active.mean())
    counts, edges = np.histogram(active, BINS, (0, active.max()))
    np.testing.assert_array_equal(page.counts, counts)
    np.testing.assert_allclose(page.edges, edges, rtol=1e-6)
    np.testing.assert_allclose(page.quantiles, np.quantile(active, np.linspace(0, 1, 101)), rtol=1e-6)
    assert page.label == Label(Predicate("at", (1,)), '"é" at the token', float(np.float32(0.9)))
    stored = index_files.datasets(known)
    np.testing.assert_array_equal(page.promoted.ids, stored["promoted/id"][LABELLED])
    assert page.promoted.texts == tuple(TEXTS[token] for token in page.promoted.ids.tolist())
    there = stored["together/feature"][LABELLED] >= 0
    np.testing.assert_array_equal(page.together.features, stored["together/feature"][LABELLED][there])
    np.testing.assert_allclose(page.together.values, stored["together/value"][LABELLED][there], rtol=1e-6)


def test_a_dead_feature_has_a_page_without_examples(index: FeatureIndex):
    page = index.page(DEAD)
    assert (page.groups, page.active, page.maximum, page.label) == ((), 0, 0.0, None)
    assert page.counts.sum() == 0


def test_a_feature_that_is_active_once_is_shown_once_a_group(tmp_path: Path):
    known = index_files.make(tmp_path / "few.features.h5", tokens=40, share=0.02)
    index = FeatureIndex.open(known.path)
    feature = int(np.flatnonzero((known.dense > 0).sum(axis=0) == 1)[0])
    groups = index.page(feature).groups
    assert [(group.name, len(group.examples)) for group in groups] == [("Strongest", 1), ("0% to 100%", 1)]


def test_an_index_without_any_activation_is_whole(tmp_path: Path):
    known = index_files.make(tmp_path / "none.features.h5", share=0.0)
    index = FeatureIndex.open(known.path)
    assert index.table().density.max() == 0
    assert index.page(0).groups == ()
    assert len(index.examples(0)[0]) == 0


@pytest.mark.parametrize("feature", [-1, 12])
def test_a_feature_that_there_is_not_is_refused(index: FeatureIndex, feature: int):
    for read in (index.page, index.examples):
        with pytest.raises(InterpvizError, match=f"sae has no feature {feature}. Choose one of 0 to 11."):
            read(feature)


def test_two_writings_are_the_same_file(known: Known, tmp_path: Path):
    again = index_files.make(tmp_path / "again.features.h5")
    assert again.path.read_bytes() == known.path.read_bytes()
    assert FeatureIndex.open(again.path).facts.sha256 == FeatureIndex.open(known.path).facts.sha256


def test_indices_that_differ_in_one_number_differ_in_sha256(known: Known, tmp_path: Path):
    path = tmp_path / "other.features.h5"
    with FeatureIndexWriter(path) as writer:
        for name, array in index_files.datasets(known).items():
            array = array.copy()
            if name == "features/mean":
                array[0] += 1
            writer.put(name, array)
        writer.finish(index_files.about(known))
    assert FeatureIndex.open(path).facts.sha256 != FeatureIndex.open(known.path).facts.sha256


def test_an_index_is_told_from_a_shard_and_checked(known: Known):
    assert kind_of(known.path) == "index"
    found = check(str(known.path))
    assert (found.kind, found.problems) == ("index", ())
    assert found.facts["dictionary"] == "sae"


def test_a_killed_writer_leaves_the_old_file_and_no_other(
    known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "sae.features.h5"
    path.write_bytes(b"old")
    child = Child("interpviz.data.feature_index_child")
    monkeypatch.setattr("interpviz.data.feature_index_writer.Child", lambda module: child)
    with FeatureIndexWriter(path) as writer:
        writer.put("features/maximum", known.dense.max(axis=0))
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(InterpvizError, match="Build the index again"):
            writer.finish(index_files.about(known))
    assert [left.name for left in tmp_path.iterdir()] == ["sae.features.h5"]
    assert path.read_bytes() == b"old"


def test_what_a_killed_building_left_is_taken_away(tmp_path: Path):
    (tmp_path / ".few.features.h5.123.tmp").write_bytes(b"half")
    index_files.make(tmp_path / "few.features.h5", tokens=40)
    assert [left.name for left in tmp_path.iterdir()] == ["few.features.h5"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InterpvizError, match="cannot be written .* Choose another place"):
        FeatureIndexWriter(tmp_path / "file" / "x.features.h5")


@pytest.mark.slow
def test_a_page_touches_few_blocks_of_a_large_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    looked = list[int]()
    sums = checksums.block_sums

    def counted(content: NDArray[np.uint8]) -> NDArray[np.uint32]:
        looked.append(len(content))
        return sums(content)

    index = FeatureIndex.open(index_files.make(tmp_path / "large.features.h5", 1_600_000, 6).path)
    monkeypatch.setattr(checked, "block_sums", counted)
    assert [len(group.examples) for group in index.page(0).groups] == [STRONGEST, *[EACH] * 5]
    blocks = (tmp_path / "large.features.h5").stat().st_size // checksums.BLOCK
    assert len(looked) < 180 < blocks / 3


def test_a_disk_that_fills_is_said_in_a_sentence_and_leaves_nothing(tmp_path: Path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, limits[1]))  # the writing process inherits it
    try:
        with pytest.raises(InterpvizError, match="cannot be written .* Make room, or choose another place"):
            index_files.make(tmp_path / "full.features.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_name_is_never_written_over(tmp_path: Path):
    (tmp_path / "diary.txt").write_text("mine", "utf-8")
    with pytest.raises(InterpvizError, match=r"diary\.txt is there already.* move that file away"):
        FeatureIndexWriter(tmp_path / "diary.txt")
    assert (tmp_path / "diary.txt").read_text("utf-8") == "mine"
