"""What was recorded is what is read, and damage is never read as numbers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.data import activations
from interpviz.data.activations import Cache
from interpviz.data.manifest import CacheDamaged
from tests.data.samples import RESIDUAL, TEXTS, Sample, Z, record


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


@pytest.mark.parametrize("row", [-1, 160])
def test_a_row_beyond_the_cache_is_refused(recorded: Sample, row: int) -> None:
    with pytest.raises(ValueError, match="rows 0 to 159"):
        Cache.open(recorded.folder).rows(RESIDUAL, [row])


def test_a_column_is_one_dimension_of_every_row(recorded: Sample) -> None:
    cache = Cache.open(recorded.folder)
    np.testing.assert_array_equal(cache.column(RESIDUAL, 7), recorded.rows[RESIDUAL][:, 7])
    np.testing.assert_array_equal(cache.column(Z, 9), recorded.rows[Z][:, 1, 1])


def test_norms_are_lengths_of_rows(recorded: Sample) -> None:
    expected = [np.sqrt((recorded.rows[Z][row] ** 2).sum()) for row in (0, 99, 100)]
    assert Cache.open(recorded.folder).norms(Z, [0, 99, 100]) == pytest.approx(expected, rel=1e-6)


def test_tokens_documents_and_texts_come_back(recorded: Sample) -> None:
    tokens = Cache.open(recorded.folder).tokens()
    for name in ("id", "document", "position"):
        np.testing.assert_array_equal(getattr(tokens, name), recorded.rows[name])
    assert tokens.texts == TEXTS
    assert tokens.context(107) == range(100, 108)


def test_a_token_without_a_text_is_refused(recorded: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "_vocabulary", lambda shard: {0: "<s>"})
    with pytest.raises(InterpvizError, match="its vocabulary has gaps"):
        Cache.open(recorded.folder).tokens()


def test_the_mean_leaves_position_zero_to_itself(recorded: Sample) -> None:
    mean = Cache.open(recorded.folder).mean(Z)
    first = recorded.rows["position"] == 0
    np.testing.assert_allclose(mean.first, recorded.rows[Z][first].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(mean.rest, recorded.rows[Z][~first].mean(axis=0), atol=1e-6)
    assert mean.tokens == 160
    np.testing.assert_array_equal(Cache.open(recorded.folder).mean("L0H1").rest, mean.rest[1])


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


@pytest.mark.parametrize("name", [f"activations/{RESIDUAL}", f"activations/{Z}", f"statistics/{Z}/mean"])
def test_a_flipped_bit_of_an_activation_is_found(sample: Sample, name: str) -> None:
    _flip(sample.folder / "shard-00000.h5", name)
    cache = Cache.open(sample.folder)
    with pytest.raises(CacheDamaged, match=r"shard-00000\.h5 is damaged: block 0 of .*hook"):
        cache.mean(Z) if name.startswith("stat") else cache.rows(name.removeprefix("activations/"), [0])


@pytest.mark.parametrize("name", ["tokens/id", "tokens/document", "vocabulary/text", "vocabulary/length"])
def test_a_flipped_bit_of_a_token_is_found(sample: Sample, name: str) -> None:
    _flip(sample.folder / "shard-00001.h5", name)
    with pytest.raises(CacheDamaged, match=name):
        Cache.open(sample.folder).tokens()


def test_blocks_that_are_not_asked_for_are_not_checked(tmp_path: Path) -> None:
    big = record(tmp_path / "big.acts", (2000,))
    _flip(big.folder / "shard-00000.h5", f"activations/{RESIDUAL}", at=2 * 65536 + 5)
    cache = Cache.open(big.folder)
    width = 96
    whole = 2 * 65536 // width
    np.testing.assert_array_equal(cache.rows(RESIDUAL, range(whole)), big.rows[RESIDUAL][:whole])
    with pytest.raises(CacheDamaged, match="block 2"):
        cache.rows(RESIDUAL, [whole])


@pytest.mark.slow
def test_every_flip_is_refused_or_harmless(sample: Sample, rng: np.random.Generator) -> None:
    path = sample.folder / "shard-00000.h5"
    whole = path.read_bytes()
    for at in rng.integers(0, len(whole), 60):
        spoiled = bytearray(whole)
        spoiled[at] ^= 1 << rng.integers(8)
        path.write_bytes(spoiled)
        try:
            cache = Cache.open(sample.folder)
            values, tokens = cache.rows(RESIDUAL, range(160)), cache.tokens()
        except InterpvizError:
            continue
        np.testing.assert_array_equal(values, sample.rows[RESIDUAL])
        np.testing.assert_array_equal(tokens.id, sample.rows["id"])
        assert tokens.texts == TEXTS


def test_a_cut_shard_is_refused(sample: Sample) -> None:
    path = sample.folder / "shard-00001.h5"
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(InterpvizError, match=r"shard-00001\.h5"):
        Cache.open(sample.folder)


def test_a_lost_shard_is_named(sample: Sample) -> None:
    (sample.folder / "shard-00000.h5").unlink()
    with pytest.raises(InterpvizError, match=r"small\.acts has lost shard-00000\.h5"):
        Cache.open(sample.folder)


def test_a_shard_of_another_cache_is_refused(sample: Sample) -> None:
    shutil.copy(sample.folder / "shard-00001.h5", sample.folder / "shard-00000.h5")
    with pytest.raises(CacheDamaged, match="belongs to another cache"):
        Cache.open(sample.folder)


def test_a_newer_shard_is_refused_by_its_version(sample: Sample) -> None:
    path = sample.folder / "shard-00000.h5"
    with h5py.File(path, "r+") as file:
        file.attrs["encoding-version"] = "2.0.0"
    with pytest.raises(InterpvizError, match=r"shard-00000\.h5 is of version 2\.0\.0, newer"):
        Cache.open(path)


def test_an_hdf5_file_of_others_is_named_as_such(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        file["layer_0/inputs"] = np.zeros((4, 3))
    with pytest.raises(InterpvizError, match=r"theirs\.h5 is an HDF5 file, but not a cache of interpviz"):
        Cache.open(tmp_path / "theirs.h5")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InterpvizError, match=r"There is no .*gone\.acts\. Choose"):
        Cache.open(tmp_path / "gone.acts")
    with pytest.raises(InterpvizError, match="so it is no cache"):
        Cache.open(tmp_path)


def test_a_header_that_lies_about_a_shape_is_refused(sample: Sample) -> None:
    path = sample.folder / "shard-00000.h5"
    with h5py.File(path, "r+") as file:
        header = json.loads(file.attrs["header"])
        header["datasets"]["tokens/id"]["shape"] = [99]
        _write_header(file, header)
    with pytest.raises(CacheDamaged, match="tokens/id is missing or not as its header says"):
        Cache.open(path)


def _write_header(file: h5py.File, header: dict[str, object]) -> None:
    text = json.dumps(header)
    file.attrs["header"], file.attrs["header-crc32"] = text, np.uint32(zlib.crc32(text.encode()))


def _flip(path: Path, name: str, at: int = 3) -> None:
    with h5py.File(path) as file:
        offset = file[name].id.get_offset() + at
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)
