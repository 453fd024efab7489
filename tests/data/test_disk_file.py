"""HDF5 never hears that a write failed; the recording does, in a sentence."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import h5py
import numpy as np
import pytest

from interpviz.data.activations import Cache
from interpviz.data.disk_file import DiskFile
from interpviz.data.shard_writer import RecordingFailed
from tests.data.samples import Sample, Z, writing


def test_what_is_written_through_it_is_read_by_hdf5_itself(tmp_path: Path) -> None:
    with DiskFile(tmp_path / "x.h5") as disk, h5py.File(disk, "w") as file:
        file["numbers"] = np.arange(100_000)
    with h5py.File(tmp_path / "x.h5") as file:
        np.testing.assert_array_equal(file["numbers"], np.arange(100_000))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_full_disk_is_raised_once_hdf5_is_done() -> None:
    wrote: list[bool] = []

    def write() -> None:
        with DiskFile(Path("/dev/full")) as disk, h5py.File(disk, "w") as file:
            file["numbers"] = np.arange(100_000)
            wrote.append(True)

    with pytest.raises(OSError, match="No space left") as full:
        write()
    assert (full.value.errno, wrote) == (errno.ENOSPC, [True])


def test_a_mistake_made_meanwhile_is_raised_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another"), DiskFile(tmp_path / "x.h5"):
        raise ValueError("another")


def test_a_disk_that_fills_keeps_what_was_committed(tmp_path: Path, recorded: Sample) -> None:
    folder = tmp_path / "full.acts"
    with writing(folder, recorded.job) as work:
        work.shard(0)
        resource.prlimit(work.writer._child.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))
        with pytest.raises(RecordingFailed, match=r"\(File too large\)\. Make room.*run the same command again"):
            work.shard(1)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.jsonl", "shard-00000.h5"]
    np.testing.assert_array_equal(Cache.open(folder).rows(Z, range(100)), recorded.rows[Z][:100])
