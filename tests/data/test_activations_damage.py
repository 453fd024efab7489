"""Damage is never read as numbers, and each file that is not what it should be is named."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.data import manifest
from interpviz.data.activations import Cache
from interpviz.data.checksums import block_sums
from interpviz.data.manifest import CacheDamaged
from tests.data.samples import RESIDUAL, TEXTS, Sample, Z, job, record, rows, writing


def test_a_token_without_a_text_is_refused(tmp_path: Path) -> None:
    wanted = job(sites=(RESIDUAL,), tokens=20)
    every = rows(20)
    with writing(tmp_path / "x.acts", wanted, (20,)) as work:
        work.add(0)
        work.recorder.commit(work.writer.close(0, TEXTS))
    path = tmp_path / "x.acts" / "shard-00000.h5"
    _put(path, "vocabulary/id", np.unique(every["id"]).astype("<i4") + 100)
    cache = Cache.open(path)
    for read in (cache.tokens, lambda: cache.context(0)):
        with pytest.raises(InterpvizError, match="its vocabulary has gaps"):
            read()


@pytest.mark.parametrize("name", [f"activations/{RESIDUAL}", f"activations/{Z}", f"statistics/{Z}/mean"])
def test_a_flipped_bit_of_an_activation_is_found(sample: Sample, name: str) -> None:
    _flip(sample.folder / "shard-00000.h5", name)
    cache = Cache.open(sample.folder)
    with pytest.raises(CacheDamaged, match=r"shard-00000\.h5 is damaged: block 0 of .*hook"):
        cache.mean(Z) if name.startswith("stat") else cache.rows(name.removeprefix("activations/"), [0])


def test_a_stretch_of_rows_is_checked_too(tmp_path: Path) -> None:
    big = record(tmp_path / "big.acts", (2000,))
    first = 65536 // 96  # the row that the second block begins in
    _flip(big.folder / "shard-00000.h5", f"activations/{RESIDUAL}", at=65536)
    cache = Cache.open(big.folder)
    np.testing.assert_array_equal(cache.rows(RESIDUAL, slice(0, first)), big.rows[RESIDUAL][:first])
    for stretch in (slice(first, first + 1), slice(100, 1500)):
        with pytest.raises(CacheDamaged, match="block 1"):
            cache.rows(RESIDUAL, stretch)


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


@pytest.mark.parametrize("number", [0, 1])
def test_a_cut_shard_is_refused_where_it_is_touched(sample: Sample, number: int) -> None:
    path = sample.folder / f"shard-0000{number}.h5"
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(InterpvizError, match=rf"shard-0000{number}\.h5"):
        Cache.open(sample.folder).rows(Z, [0, 159])


def test_a_lost_shard_is_named(sample: Sample) -> None:
    (sample.folder / "shard-00000.h5").unlink()
    with pytest.raises(InterpvizError, match=r"small\.acts has lost shard-00000\.h5"):
        Cache.open(sample.folder)


def test_a_shard_of_another_cache_is_refused(sample: Sample) -> None:
    shutil.copy(sample.folder / "shard-00001.h5", sample.folder / "shard-00000.h5")
    with pytest.raises(CacheDamaged, match="belongs to another cache"):
        Cache.open(sample.folder)


def test_a_shard_in_the_place_of_another_is_refused_where_it_is_touched(sample: Sample) -> None:
    shutil.copy(sample.folder / "shard-00000.h5", sample.folder / "shard-00001.h5")
    cache = Cache.open(sample.folder)
    np.testing.assert_array_equal(cache.rows(Z, [99]), sample.rows[Z][[99]])
    with pytest.raises(CacheDamaged, match=r"shard-00001\.h5 is damaged: it belongs to another cache"):
        cache.rows(Z, [100])


def test_a_cache_with_a_gap_reads_what_it_holds(sample: Sample) -> None:
    manifest.write(sample.folder, sample.job, manifest.read(sample.folder).shards[1:])
    cache = Cache.open(sample.folder)
    assert cache.facts.tokens == 60
    np.testing.assert_array_equal(cache.rows(Z, slice(None)), sample.rows[Z][100:])
    np.testing.assert_array_equal(cache.tokens().id, sample.rows["id"][100:])


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


def test_a_lost_manifest_is_named_with_what_makes_it_again(sample: Sample) -> None:
    (sample.folder / manifest.NAME).unlink()
    with pytest.raises(
        InterpvizError, match=r"small\.acts has lost its manifest\.jsonl\. Run `interpviz check --repair`"
    ):
        Cache.open(sample.folder)


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


def _put(path: Path, name: str, values: np.ndarray) -> None:
    """Other values in a dataset, with the checksums that they would have."""
    with h5py.File(path, "r+") as file:
        file[name][:] = values
        file[f"checksums/{name}"][:] = block_sums(values.view(np.uint8))


def _flip(path: Path, name: str, at: int = 3) -> None:
    with h5py.File(path) as file:
        offset = file[name].id.get_offset() + at
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)
