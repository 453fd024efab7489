"""What was recorded is what is read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from interpviz.core.errors import InterpvizError
from interpviz.data import shards
from interpviz.data.activations import Cache
from tests.data.samples import CODES, CONTEXT, RESIDUAL, TEXTS, UNUSED, Sample, Z, job, record, write_one


def test_rows_are_those_that_were_recorded_over_all_shards(recorded: Sample, rng: np.random.Generator) -> None:
    cache = Cache.open(recorded.folder)
    wanted = rng.integers(0, 160, 300)
    np.testing.assert_array_equal(cache.rows(RESIDUAL, wanted), recorded.rows[RESIDUAL][wanted])
    np.testing.assert_array_equal(cache.rows(Z, wanted), recorded.rows[Z][wanted])


def test_h5py_reads_the_same_numbers_from_a_shard(recorded: Sample) -> None:
    with h5py.File(recorded.folder / "shard-00001.h5") as file:
        dataset = file[f"activations/{RESIDUAL}"]
        assert (dataset.dtype, dataset.chunks) == (np.float16, None)
        np.testing.assert_array_equal(dataset[:], recorded.rows[RESIDUAL][100:])
        texts = dict(zip(file["vocabulary/id"][:].tolist(), file["vocabulary/text"].asstr()[:], strict=True))
        assert texts[5] == " 🙂"


def test_a_short_name_means_its_hook_and_a_head_its_slice(recorded: Sample) -> None:
    cache = Cache.open(recorded.folder)
    np.testing.assert_array_equal(cache.rows("L0R", [3, 150]), recorded.rows[RESIDUAL][[3, 150]])
    np.testing.assert_array_equal(cache.rows("L0H2", [3, 150]), recorded.rows[Z][[3, 150], 2])


def test_a_site_that_was_not_recorded_is_named(recorded: Sample) -> None:
    with pytest.raises(InterpvizError, match=r"small holds no L1M\. It holds blocks\.0"):
        Cache.open(recorded.folder).rows("L1M", [0])


@pytest.mark.parametrize("site", ["L0H3", "L0H0[1<0]", "sae/3", "L0N1"])
def test_a_part_that_the_cache_has_not_is_refused(recorded: Sample, site: str) -> None:
    with pytest.raises(InterpvizError, match="small holds "):
        Cache.open(recorded.folder).rows(site, [0])


@pytest.mark.parametrize("row", [-1, 160])
def test_a_row_beyond_the_cache_is_refused(recorded: Sample, row: int) -> None:
    with pytest.raises(ValueError, match="rows 0 to 159"):
        Cache.open(recorded.folder).rows(RESIDUAL, [row])


@pytest.mark.parametrize(
    "rows",
    [
        *(slice(None), slice(30, 40), slice(95, 105), slice(100, None), slice(-3, None), slice(50, 50)),
        *(slice(9, 150, 7), slice(160, None), slice(500, 600), slice(7, 3)),
    ],
)
def test_a_slice_of_rows_is_those_rows(recorded: Sample, rows: slice) -> None:
    cache = Cache.open(recorded.folder)
    np.testing.assert_array_equal(cache.rows(RESIDUAL, rows), recorded.rows[RESIDUAL][rows])
    np.testing.assert_array_equal(cache.rows("L0H1", rows), recorded.rows[Z][rows, 1])


def test_no_rows_keep_their_shape(recorded: Sample) -> None:
    assert Cache.open(recorded.folder).rows(Z, []).shape == (0, 3, 8)


@pytest.mark.parametrize("dimension", [-1, 8])
def test_a_dimension_that_a_head_has_not_is_refused(recorded: Sample, dimension: int) -> None:
    with pytest.raises(ValueError, match="L0H0 has dimensions 0 to 7"):
        Cache.open(recorded.folder).column("L0H0", dimension)


def test_a_column_is_one_dimension_of_every_row(recorded: Sample) -> None:
    cache = Cache.open(recorded.folder)
    np.testing.assert_array_equal(cache.column(RESIDUAL, 7), recorded.rows[RESIDUAL][:, 7])
    np.testing.assert_array_equal(cache.column(Z, 9), recorded.rows[Z][:, 1, 1])
    np.testing.assert_array_equal(cache.column("L0H2", 3), recorded.rows[Z][:, 2, 3])


def test_norms_are_lengths_of_rows(recorded: Sample) -> None:
    expected = [np.sqrt((recorded.rows[Z][row] ** 2).sum()) for row in (0, 99, 100)]
    assert Cache.open(recorded.folder).norms(Z, [0, 99, 100]) == pytest.approx(expected, rel=1e-6)


def test_tokens_documents_and_texts_come_back(recorded: Sample) -> None:
    tokens = Cache.open(recorded.folder).tokens()
    for name in ("id", "document", "position"):
        np.testing.assert_array_equal(getattr(tokens, name), recorded.rows[name])
    assert tokens.texts == TEXTS
    assert tokens.context(107) == range(100, 108)


@pytest.mark.parametrize("row", [0, 19, 20, 99, 100, 107, 159])
def test_a_context_is_the_tokens_around_a_row(recorded: Sample, row: int) -> None:
    found = Cache.open(recorded.folder).context(row)
    rows = slice(row - row % CONTEXT, row - row % CONTEXT + CONTEXT)
    assert (found.first, found.document) == (rows.start, recorded.rows["document"][rows.start])
    np.testing.assert_array_equal(found.id, recorded.rows["id"][rows])
    np.testing.assert_array_equal(found.position, range(CONTEXT))
    assert found.texts == tuple(TEXTS[i] for i in recorded.rows["id"][rows].tolist())


def test_a_context_costs_only_its_own_shard(sample: Sample) -> None:
    cache = Cache.open(sample.folder)
    (sample.folder / "shard-00001.h5").unlink()
    assert cache.context(30).first == 20
    with pytest.raises(InterpvizError, match=r"shard-00001\.h5"):
        cache.context(120)


def test_a_context_ends_where_another_begins_early(tmp_path: Path) -> None:
    position = np.array([0, 1, 2, 0, 1, 0, 1, 2, 3], np.int32)
    document = np.array([4, 4, 4, 5, 5, 6, 6, 6, 6], np.int32)
    write_one(tmp_path / "x.acts", job(sites=("a",), tokens=9), document, position, {"a": np.ones((9, 2), np.float32)})
    cache = Cache.open(tmp_path / "x.acts")
    spans = [(found.first, len(found.id), found.document) for found in map(cache.context, range(9))]
    assert spans == 3 * [(0, 3, 4)] + 2 * [(3, 2, 5)] + 4 * [(5, 4, 6)]


def test_the_mean_leaves_position_zero_to_itself(recorded: Sample) -> None:
    mean = Cache.open(recorded.folder).mean(Z)
    first = recorded.rows["position"] == 0
    np.testing.assert_allclose(mean.first, recorded.rows[Z][first].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(mean.rest, recorded.rows[Z][~first].mean(axis=0), atol=1e-6)
    assert mean.tokens == 160
    np.testing.assert_array_equal(Cache.open(recorded.folder).mean("L0H1").rest, mean.rest[1])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_variance_is_that_of_all_rows_but_those_at_position_zero(tmp_path: Path, dtype: str) -> None:
    made = record(tmp_path / "x.acts", (100, 60, 40, 20), dtype=dtype)
    cache, first = Cache.open(made.folder), made.rows["position"] == 0
    for site in (RESIDUAL, Z):
        found, stored = cache.variance(site), cache.rows(site, slice(None)).astype(np.float64)
        np.testing.assert_allclose(found.first, stored[first].var(axis=0), rtol=1e-5)
        np.testing.assert_allclose(found.rest, stored[~first].var(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(cache.variance("L0H2").rest, cache.variance(Z).rest[2])


def test_of_no_rows_there_is_no_mean(tmp_path: Path) -> None:
    position = np.zeros(3, np.int32)
    write_one(tmp_path / "x.acts", job(sites=("a",), tokens=3), position, position, {"a": np.ones((3, 2), np.float32)})
    cache = Cache.open(tmp_path / "x.acts")
    assert cache.mean("a").first.tolist() == [1, 1]
    assert np.isnan(cache.mean("a").rest).all()
    assert np.isnan(cache.variance("a").rest).all()


def test_bfloat16_is_read_as_it_was_rounded(tmp_path: Path) -> None:
    made = record(tmp_path / "x.acts", (100, 60), dtype="bfloat16")
    cache = Cache.open(made.folder)
    for site in (RESIDUAL, Z):
        rounded = torch.from_numpy(made.rows[site]).to(torch.bfloat16).float().numpy()
        np.testing.assert_array_equal(cache.rows(site, [3, 159, 3]), rounded[[3, 159, 3]])
        np.testing.assert_array_equal(cache.rows(site, slice(90, 110)), rounded[90:110])
        np.testing.assert_array_equal(cache.column(site, 5), rounded.reshape(160, -1)[:, 5])
        later = made.rows["position"] > 0
        np.testing.assert_allclose(cache.mean(site).rest, rounded[later].mean(axis=0, dtype=np.float64), atol=1e-6)


def test_codes_are_those_that_were_recorded(tmp_path: Path) -> None:
    made = record(tmp_path / "x.acts", (100, 60), dictionaries=(CODES,))
    cache = Cache.open(made.folder)
    assert cache.facts.codes == ("sae",)
    for chosen in ([159, 3, 120, 3], slice(80, 120)):
        found = cache.codes("sae", chosen)
        np.testing.assert_array_equal(found.index, made.rows["sae/index"][chosen])
        np.testing.assert_array_equal(found.value, made.rows["sae/value"][chosen])
    assert found.index.dtype == np.uint32
    assert found.value.dtype == np.float32
    assert (found.index == UNUSED).any()
    with pytest.raises(InterpvizError, match=r"x holds no codes of other\. It holds those of: sae"):
        cache.codes("other", [0])
    with pytest.raises(ValueError, match="rows 0 to 159"):
        cache.codes("sae", [160])


def test_a_cache_may_hold_codes_alone(tmp_path: Path) -> None:
    made = record(tmp_path / "x.acts", (40, 20), sites=(), dictionaries=(CODES,))
    cache = Cache.open(made.folder)
    assert (cache.facts.sites, cache.tokens().texts) == ((), TEXTS)
    np.testing.assert_array_equal(cache.codes("sae", range(60)).index, made.rows["sae/index"])
    with pytest.raises(InterpvizError, match="x holds no L0R. It holds codes alone"):
        cache.rows("L0R", [0])


def test_few_shards_stay_open(recorded: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "MOST_OPEN", 1)
    cache = Cache.open(recorded.folder)
    for row in (5, 150, 6):
        np.testing.assert_array_equal(cache.rows(Z, [row]), recorded.rows[Z][[row]])
    assert len(cache._shards._open) == 1


def test_several_threads_read_the_same_cache(recorded: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "MOST_OPEN", 1)
    cache, draws = Cache.open(recorded.folder), [np.random.default_rng(seed).integers(0, 160, 40) for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        for wanted, found in zip(draws, pool.map(lambda rows: cache.rows(Z, rows), draws), strict=True):
            np.testing.assert_array_equal(found, recorded.rows[Z][wanted])


def test_facts_say_which_model_made_the_cache(recorded: Sample) -> None:
    facts = Cache.open(recorded.folder).facts
    assert (facts.name, facts.model, facts.model_sha256) == ("small", "toy", "a" * 64)
    assert (facts.sites, facts.tokens, facts.numerics) == ((RESIDUAL, Z), 160, "huggingface")
    assert facts.source == str(recorded.folder)


def test_a_shard_opened_alone_is_a_cache(sample: Sample, tmp_path: Path) -> None:
    alone = shutil.copy(sample.folder / "shard-00001.h5", tmp_path / "alone.h5")
    cache = Cache.open(alone)
    assert (cache.facts.tokens, cache.facts.name) == (60, "alone")
    np.testing.assert_array_equal(cache.rows(RESIDUAL, [0, 59]), sample.rows[RESIDUAL][[100, 159]])


def test_this_process_never_imports_h5py(recorded: Sample) -> None:
    read = (
        "import sys; from interpviz.data.activations import Cache; "
        f"Cache.open({str(recorded.folder)!r}).rows({Z!r}, [1]); print('h5py' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", read], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("False\n", "")


def test_rows_that_are_not_finite_are_read_as_they_are(tmp_path: Path) -> None:
    values, position = np.ones((60, 48), np.float32), np.arange(60, dtype=np.int32) % CONTEXT
    values[7, 3:6] = (np.nan, np.inf, -np.inf)
    write_one(
        tmp_path / "x.acts", job(sites=(RESIDUAL,), tokens=60), np.zeros_like(position), position, {RESIDUAL: values}
    )
    cache = Cache.open(tmp_path / "x.acts")
    np.testing.assert_array_equal(cache.rows(RESIDUAL, [7, 2]), values[[7, 2]])
    np.testing.assert_array_equal(cache.rows(RESIDUAL, slice(5, 9)), values[5:9])
