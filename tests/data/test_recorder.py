"""What the writer leaves behind is whole, whatever stops it."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interpviz.core.errors import InterpvizError
from interpviz.data import manifest
from interpviz.data.activations import Cache
from interpviz.data.checksums import BLOCK, block_count, block_sums, blocks_of_rows
from interpviz.data.manifest import Job
from interpviz.data.recorder import Recorder, RecordingFailed, committed_tokens, recording
from interpviz.data.shard import Shard
from interpviz.data.shard_child import half
from tests.data.samples import RESIDUAL, TEXTS, Sample, Z, job, record, rows


def test_the_manifest_states_the_sha256_of_each_shard(recorded: Sample) -> None:
    for line in manifest.read(recorded.folder).shards:
        assert hashlib.sha256((recorded.folder / line.file).read_bytes()).hexdigest() == line.sha256


def test_the_same_job_writes_the_same_bytes(recorded: Sample, tmp_path: Path) -> None:
    again = record(tmp_path / "again.acts", (100, 60), blocks=5)
    for name in ("shard-00000.h5", "shard-00001.h5"):
        assert (again.folder / name).read_bytes() == (recorded.folder / name).read_bytes()


def test_statistics_are_those_of_the_rows_after_position_zero(recorded: Sample) -> None:
    shard = Shard(recorded.folder / "shard-00000.h5")
    values = recorded.rows[RESIDUAL][:100].astype(np.float64)[recorded.rows["position"][:100] > 0]
    count, mean, m2 = (shard[f"statistics/{RESIDUAL}/{name}"].all() for name in ("count", "mean", "m2"))
    assert count[0] == len(values) == 95
    np.testing.assert_allclose(mean, values.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(m2, values.var(axis=0) * 95, rtol=1e-9)


def test_values_too_large_for_float16_are_scaled(tmp_path: Path) -> None:
    wanted, every = job(sites=(RESIDUAL,), tokens=40), rows(40)
    big = every[RESIDUAL] * np.float32(1e6)
    with recording(tmp_path / "big.acts", wanted, room=0) as recorder:
        recorder.add(every["id"], every["document"], every["position"], {RESIDUAL: big})
        recorder.commit(TEXTS)
    cache = Cache.open(tmp_path / "big.acts")
    np.testing.assert_allclose(cache.rows(RESIDUAL, range(40)), big, rtol=1e-3, atol=1e-3 * np.abs(big).max())
    np.testing.assert_allclose(cache.mean(RESIDUAL).rest, big[every["position"] > 0].mean(axis=0), rtol=5e-3, atol=50)


@settings(deadline=None)
@given(arrays(np.float32, 20, elements=st.floats(-(2.0**127), 2.0**127, width=32)))
def test_scaled_values_keep_eleven_bits_of_the_largest(values: np.ndarray) -> None:
    stored, scale = half(values)
    assert np.isfinite(stored).all()
    assert scale == 1.0 or np.abs(values).max() > 65504
    back = stored.astype(np.float64) * scale
    bound = np.abs(values.astype(np.float64)) * 2.0**-11 + scale * 2.0**-25
    assert (np.abs(back - values) <= bound).all()


def test_what_is_not_finite_stays_so() -> None:
    stored, scale = half(np.array([np.nan, np.inf, -np.inf, 1.0], np.float32))
    assert scale == 1.0
    np.testing.assert_array_equal(stored, np.array([np.nan, np.inf, -np.inf, 1.0], np.float16))


@settings(deadline=None)
@given(st.lists(st.integers(0, 999), min_size=0, max_size=30), st.sampled_from([2, 96, 1152, BLOCK, 3 * BLOCK + 2]))
def test_the_blocks_of_rows_are_those_that_hold_their_bytes(index: list[int], width: int) -> None:
    touched = blocks_of_rows(np.array(index, np.intp), width, 1000 * width)
    wanted = {byte // BLOCK for row in index for byte in (row * width, (row + 1) * width - 1)}
    wanted |= {block for row in index for block in range(row * width // BLOCK, ((row + 1) * width - 1) // BLOCK)}
    assert set(np.flatnonzero(touched)) == wanted
    assert len(touched) == block_count(1000 * width)


def test_a_block_sum_is_the_crc_of_its_bytes() -> None:
    content = np.arange(BLOCK + 10, dtype=np.uint32).astype(np.uint8)
    raw = content.tobytes()
    assert block_sums(content).tolist() == [zlib.crc32(raw[:BLOCK]), zlib.crc32(raw[BLOCK:])]


def test_a_recording_that_stops_before_its_first_shard_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "none.acts"
    with pytest.raises(KeyboardInterrupt):
        _stop_in_shard(folder, job(), number=0)
    assert not folder.exists()


def test_a_recording_that_stops_keeps_its_shards_and_goes_on(tmp_path: Path, recorded: Sample) -> None:
    folder = tmp_path / "half.acts"
    with pytest.raises(KeyboardInterrupt):
        _stop_in_shard(folder, recorded.job, number=1)
    assert committed_tokens(folder, recorded.job) == 100
    np.testing.assert_array_equal(Cache.open(folder).rows(Z, range(100)), recorded.rows[Z][:100])
    with recording(folder, recorded.job, room=0) as recorder:
        assert recorder.committed == 1
        _add(recorder, 60, start=100)
        recorder.commit(TEXTS)
    assert (folder / "shard-00001.h5").read_bytes() == (recorded.folder / "shard-00001.h5").read_bytes()


def test_a_killed_writer_leaves_a_whole_shard_or_none(tmp_path: Path, recorded: Sample) -> None:
    folder = tmp_path / "killed.acts"
    with recording(folder, recorded.job, room=0) as recorder:
        _add(recorder, 100)
        recorder.commit(TEXTS)
        _add(recorder, 60, start=100)
        os.kill(recorder._child.pid, signal.SIGKILL)
        with pytest.raises(RecordingFailed, match=r"Run the same command again"):
            recorder.commit(TEXTS)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.jsonl", "shard-00000.h5"]
    assert Cache.open(folder).facts.tokens == 100


def test_rows_for_a_writer_that_is_gone_are_a_sentence_that_says_how_to_go_on(tmp_path: Path) -> None:
    with recording(tmp_path / "gone.acts", job(), room=0) as recorder:
        recorder._child._process.kill()
        recorder._child._process.wait()
        with pytest.raises(RecordingFailed, match=r"Writing shard-00000\.h5 failed\. Run the same command again"):
            _add(recorder, 100)


def test_a_shard_without_its_line_is_written_again(tmp_path: Path, sample: Sample) -> None:
    path = sample.folder / manifest.NAME
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    (sample.folder / ".shard-00001.h5.77.tmp").write_bytes(b"torn")
    with recording(sample.folder, sample.job, room=0) as recorder:
        _add(recorder, 60, start=100)
        recorder.commit(TEXTS)
    assert len(manifest.read(sample.folder).shards) == 2
    assert not list(sample.folder.glob(".*"))


def test_a_folder_made_with_other_arguments_is_refused(sample: Sample) -> None:
    with pytest.raises(InterpvizError, match=r"holds a cache of other texts\. Choose another name after --out"):
        committed_tokens(sample.folder, job(texts=("e" * 64,)))
    with pytest.raises(InterpvizError, match="of another model, toy"):
        committed_tokens(sample.folder, job(model_sha256="e" * 64))
    assert committed_tokens(sample.folder, job(created="2027-01-01T00:00:00Z")) == 160


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InterpvizError, match="exists and is no cache"), recording(tmp_path, job(), room=0):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_full_disk_is_said_before_anything_is_computed(tmp_path: Path) -> None:
    room = 2 * shutil.disk_usage(tmp_path).total
    with (
        pytest.raises(InterpvizError, match=r"GB free, but .* are wanted\. Make room"),
        recording(tmp_path / "x.acts", job(), room),
    ):
        pass


def test_a_folder_that_goes_away_is_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "gone.acts"
    with recording(folder, job(), room=0) as recorder:
        _add(recorder, 100)
        shutil.rmtree(folder)
        with pytest.raises(RecordingFailed, match=r"shard-00000\.h5 cannot be written"):
            recorder.commit(TEXTS)


def _stop_in_shard(folder: Path, wanted: Job, number: int) -> None:
    with recording(folder, wanted, room=0) as recorder:
        for _ in range(number):
            _add(recorder, 100)
            recorder.commit(TEXTS)
        _add(recorder, 30)
        raise KeyboardInterrupt


def _add(recorder: Recorder, count: int, start: int = 0) -> None:
    every = {name: values[start : start + count] for name, values in rows(160).items()}
    sites = {site: every[site] for site in recorder.job.sites}
    recorder.add(every["id"], every["document"], every["position"], sites)
