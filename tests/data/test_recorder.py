"""What the writer leaves behind is whole, whatever stops it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interpviz.core.errors import InterpvizError
from interpviz.data import manifest
from interpviz.data import recorder as recorder_module
from interpviz.data.activations import Cache
from interpviz.data.checksums import BLOCK, block_count, block_sums, blocks_of_rows
from interpviz.data.gathered import Gathered
from interpviz.data.halves import as_bfloat16, of_bfloat16
from interpviz.data.manifest import Job
from interpviz.data.recorder import committed_tokens, finished, recording, rows_a_shard
from interpviz.data.shard import Shard
from interpviz.data.shard_writer import RecordingFailed, ShardWriter
from tests.data.samples import RESIDUAL, TEXTS, Sample, Z, job, named, record, rows, writing


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
    big = every[RESIDUAL] * np.geomspace(1, 1e6, 40, dtype=np.float32)[:, None]  # a scale that grows with the rows
    with (
        recording(tmp_path / "big.acts", wanted, room=0) as recorder,
        ShardWriter(recorder.folder, wanted, 40) as writer,
    ):
        recorder.missing(1)
        for part in np.array_split(np.arange(40), 4):
            writer.add(named(every | {RESIDUAL: big}, part, (RESIDUAL,)))
        recorder.commit(writer.close(0, TEXTS))
    cache = Cache.open(tmp_path / "big.acts")
    np.testing.assert_allclose(cache.rows(RESIDUAL, range(40)), big, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(cache.mean(RESIDUAL).rest, big[every["position"] > 0].mean(axis=0), rtol=5e-3, atol=50)


@settings(deadline=None)
@given(arrays(np.float32, (2, 20), elements=st.floats(-(2.0**127), 2.0**127, width=32)))
def test_scaled_values_keep_eleven_bits_of_the_largest(blocks: np.ndarray) -> None:
    gathered = Gathered()
    for block in blocks:
        gathered.add({"activations/x": block}, 40, "float16")
    values, stored, scale = blocks.ravel(), gathered["activations/x"], gathered.scales["activations/x"]
    assert np.isfinite(stored).all()
    assert scale == 1.0 or np.abs(values).max() > 65504
    back = stored.astype(np.float64) * scale
    bound = np.abs(values.astype(np.float64)) * 2.0**-11 + scale * 2.0**-24
    assert (np.abs(back - values) <= bound).all()


@given(arrays(np.float32, 30, elements=st.floats(width=32)))
def test_a_bfloat16_is_the_nearest(values: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        stored = of_bfloat16(as_bfloat16(values))
        nearest = torch.from_numpy(values).to(torch.bfloat16).float().numpy()
    np.testing.assert_array_equal(stored, nearest)


def test_what_is_not_finite_stays_so() -> None:
    gathered = Gathered()
    gathered.add({"activations/x": np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)}, 4, "float16")
    assert gathered.scales == {"activations/x": 1.0}
    np.testing.assert_array_equal(gathered["activations/x"], np.array([np.nan, np.inf, -np.inf, 1.0], np.float16))


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
    with writing(folder, recorded.job) as work:
        assert work.recorder.missing(2) == [1]
        work.shard(1)
    assert _bytes(folder, 1) == _bytes(recorded.folder, 1)


def test_a_killed_writer_leaves_a_whole_shard_or_none(tmp_path: Path, recorded: Sample) -> None:
    folder = tmp_path / "killed.acts"
    with writing(folder, recorded.job) as work:
        work.shard(0)
        work.add(1)
        os.kill(work.writer._child.pid, signal.SIGKILL)
        with pytest.raises(RecordingFailed, match=r"was stopped\. Run the same command again"):
            work.writer.close(1, TEXTS)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.jsonl", "shard-00000.h5"]
    assert Cache.open(folder).facts.tokens == 100


def test_rows_for_a_writer_that_is_gone_are_a_sentence_that_says_how_to_go_on(tmp_path: Path) -> None:
    with writing(tmp_path / "gone.acts", job()) as work:
        work.writer._child._process.kill()
        work.writer._child._process.wait()
        with pytest.raises(RecordingFailed, match=r"was stopped\. Run the same command again"):
            work.add(0)


def test_a_shard_that_was_finished_and_not_committed_is_not_made_again(sample: Sample) -> None:
    path = sample.folder / manifest.NAME
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    (sample.folder / ".shard-00001.h5.77.tmp").write_bytes(b"torn")
    with writing(sample.folder, sample.job) as work:
        assert work.recorder.missing(2) == []
    assert path.read_bytes() == whole
    assert not list(sample.folder.glob(".*"))


def test_a_damaged_shard_without_its_line_is_written_again(sample: Sample) -> None:
    path, whole = sample.folder / "shard-00001.h5", _bytes(sample.folder, 1)
    manifest.write(sample.folder, sample.job, manifest.read(sample.folder).shards[:1])
    at = whole.index(sample.rows[Z][100:160].astype("<f2").tobytes())
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with writing(sample.folder, sample.job) as work:
        assert work.recorder.missing(2) == [1]
        work.shard(1)
    assert path.read_bytes() == whole


def test_a_finished_shard_of_another_job_is_none_of_this(sample: Sample) -> None:
    assert finished(sample.folder, sample.job, 1) == manifest.read(sample.folder).shards[1]
    assert finished(sample.folder, job(texts=("e" * 64,)), 1) is None
    assert finished(sample.folder, sample.job, 7) is None


def test_shards_are_committed_in_their_order_whoever_is_first(tmp_path: Path, recorded: Sample) -> None:
    folder = tmp_path / "turned.acts"
    with writing(folder, recorded.job) as work:
        work.shard(1)
        assert manifest.read(folder).shards == ()
        work.shard(0)
    assert (folder / manifest.NAME).read_bytes() == (recorded.folder / manifest.NAME).read_bytes()


def test_a_shard_whose_line_was_dropped_comes_back_into_its_place(sample: Sample, recorded: Sample) -> None:
    manifest.write(sample.folder, sample.job, manifest.read(sample.folder).shards[1:])
    (sample.folder / "shard-00000.h5").unlink()
    with writing(sample.folder, sample.job) as work:
        assert work.recorder.missing(2) == [0]
        work.shard(0)
    for path in recorded.folder.iterdir():
        assert (sample.folder / path.name).read_bytes() == path.read_bytes()


def test_two_cannot_record_into_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "shared.acts"
    with (
        recording(folder, job(), room=0),
        pytest.raises(InterpvizError, match="is being recorded by another interpviz"),
        recording(folder, job(), room=0),
    ):
        pass
    assert not folder.exists()


def test_a_cache_that_another_began_before_the_lock_was_ours_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def late(folder: Path) -> Iterator[None]:
        manifest.write(folder, job(texts=("e" * 64,)))
        yield

    monkeypatch.setattr(recorder_module, "locked", late)
    with pytest.raises(InterpvizError, match="holds a cache of other texts"), recording(tmp_path / "x", job(), room=0):
        pass


def test_more_shards_than_names_are_refused_before_the_first(tmp_path: Path) -> None:
    with (
        recording(tmp_path / "x.acts", job(), room=0) as recorder,
        pytest.raises(InterpvizError, match="100,001 shards are more than a cache can hold"),
    ):
        recorder.missing(100_001)


def test_a_name_that_no_folder_can_have_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InterpvizError, match=r"cannot be read \(File name too long\)\. Choose another"):
        committed_tokens(tmp_path / ("a" * 300), job())


def test_a_shard_takes_whole_contexts_within_its_bounds() -> None:
    assert rows_a_shard(128, 1164) == 32_768
    assert rows_a_shard(1000, 12) == 32_000
    assert rows_a_shard(100, 2**20) == 200
    assert rows_a_shard(300, 2**20) == 300


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


def test_a_cache_without_its_manifest_is_sent_to_be_repaired(sample: Sample) -> None:
    (sample.folder / manifest.NAME).unlink()
    with pytest.raises(InterpvizError, match="has lost its manifest.jsonl. Run `interpviz check --repair` on it"):
        committed_tokens(sample.folder, sample.job)


def test_a_full_disk_is_said_before_anything_is_computed(tmp_path: Path) -> None:
    room = 2 * shutil.disk_usage(tmp_path).total
    with (
        pytest.raises(InterpvizError, match=r"GB free, but .* are wanted\. Make room"),
        recording(tmp_path / "x.acts", job(), room),
    ):
        pass


def test_a_folder_that_goes_away_is_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "gone.acts"
    with writing(folder, job()) as work:
        work.add(0)
        shutil.rmtree(folder)
        with pytest.raises(RecordingFailed, match=r"shard-00000\.h5 cannot be written \(.*No such file"):
            work.writer.close(0, TEXTS)


def _stop_in_shard(folder: Path, wanted: Job, number: int) -> None:
    with writing(folder, wanted) as work:
        for before in range(number):
            work.shard(before)
        work.add(number, count=30)
        raise KeyboardInterrupt


def _bytes(folder: Path, number: int) -> bytes:
    return (folder / manifest.shard_name(number)).read_bytes()
