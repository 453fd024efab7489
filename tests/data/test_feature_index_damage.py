"""Damage is never read as numbers, and what no index should hold is refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.core.feature_results import FeaturePage
from interpviz.data.check import check
from interpviz.data.feature_index import FeatureIndex
from interpviz.data.feature_index_file import TYPES, IndexDamaged
from interpviz.data.feature_index_writer import FeatureIndexWriter
from tests.data import index_files
from tests.data.index_files import Known
from tests.data.samples import record


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """An index to look at, not to touch."""
    return index_files.make(tmp_path_factory.mktemp("index") / "sae.features.h5")


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_flipped_bit_is_found_where_it_is_read(known: Known, tmp_path: Path, name: str):
    path = _spoiled(known, tmp_path, name)
    assert not check(str(path)).whole
    index = FeatureIndex.open(path)
    with pytest.raises(IndexDamaged, match=f"block 0 of {name} is not as it was written"):
        index[name].all()


@pytest.mark.slow
def test_every_flip_is_refused_or_harmless(known: Known, tmp_path: Path):
    whole, path, rng = known.path.read_bytes(), tmp_path / "sae.features.h5", np.random.default_rng(0)
    expected = _said(known.path)
    refused = 0
    for at in rng.integers(0, len(whole), 60):
        spoiled = bytearray(whole)
        spoiled[at] ^= 1 << rng.integers(8)
        path.write_bytes(spoiled)
        try:
            said = _said(path)
        except InterpvizError:
            refused += 1
            continue
        assert said == expected
    assert refused > 20


def test_a_cut_file_is_refused(known: Known, tmp_path: Path):
    path = tmp_path / "sae.features.h5"
    path.write_bytes(known.path.read_bytes()[:-3000])
    with pytest.raises(InterpvizError, match=r"sae\.features\.h5"):
        FeatureIndex.open(path)


def test_a_file_that_is_cut_while_it_is_open_is_not_touched(known: Known, tmp_path: Path):
    path = tmp_path / "sae.features.h5"
    path.write_bytes(known.path.read_bytes())
    index = FeatureIndex.open(path)
    with path.open("r+b") as file:
        file.truncate(5000)
    for read in (index.table, lambda: index.page(0), lambda: index.examples(0)):
        with pytest.raises(IndexDamaged, match="it was cut while it was open"):
            read()


def test_a_shard_is_no_index(tmp_path: Path):
    shard = record(tmp_path / "x.acts", (40,)).folder / "shard-00000.h5"
    with pytest.raises(InterpvizError, match="shard-00000.h5 is an HDF5 file, but not an index of features"):
        FeatureIndex.open(shard)


def test_a_link_out_of_the_file_is_refused(known: Known, tmp_path: Path):
    path = tmp_path / "sae.features.h5"
    path.write_bytes(known.path.read_bytes())
    with h5py.File(path, "r+") as file:
        file["leads/out"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(InterpvizError, match="is refused: .*may lead out of the file"):
        FeatureIndex.open(path)


def test_an_index_of_a_later_version_is_refused(known: Known, tmp_path: Path):
    path = tmp_path / "sae.features.h5"
    path.write_bytes(known.path.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["encoding-version"] = "2.0.0"
    with pytest.raises(InterpvizError, match="is of version 2.0.0, newer than this interpviz reads"):
        FeatureIndex.open(path)


def test_entries_that_lie_out_of_order_are_refused(known: Known, tmp_path: Path):
    path = tmp_path / "sae.features.h5"
    with FeatureIndexWriter(path) as writer:
        for name, array in index_files.datasets(known).items():
            writer.put(name, array[::-1] if name == "by_row/row" else array)
        writer.finish(index_files.about(known))
    with pytest.raises(IndexDamaged, match="its entries are not in order"):
        FeatureIndex.open(path).page(0)


def _spoiled(known: Known, folder: Path, name: str) -> Path:
    """A copy with one bit of a dataset turned."""
    path = folder / "sae.features.h5"
    content = bytearray(known.path.read_bytes())
    with h5py.File(known.path) as file:
        content[file[name].id.get_offset()] ^= 4
    path.write_bytes(content)
    return path


def _said(path: Path) -> tuple[str, ...]:
    """All that an index says, to be compared."""
    index = FeatureIndex.open(path)
    table = index.table()
    figures = (str(array.tolist()) for array in (table.density, table.maximum, table.score))
    return (*figures, str(table.top_token), str(table.label), *(_page(index.page(f)) for f in range(12)))


def _page(page: FeaturePage) -> str:
    with np.printoptions(threshold=10**6, floatmode="unique"):
        return str(page)
