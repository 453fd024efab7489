"""Whatever stops a recording, the committed rows stay exact, and the same job goes on to the same bytes."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from interpviz.data.activations import Cache
from interpviz.data.manifest import Job
from interpviz.data.recorder import Recorder, RecordingFailed, committed_tokens, recording
from tests.data.samples import TEXTS, Sample, Z, rows
from tests.sources import ROOT

SHARDS = ((0, 100), (100, 60))


def test_a_disk_that_fills_keeps_what_was_committed(tmp_path: Path, recorded: Sample) -> None:
    folder = tmp_path / "full.acts"
    with recording(folder, recorded.job, room=0) as recorder:
        _write(recorder, *SHARDS[0])
        resource.prlimit(recorder._child.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))
        with pytest.raises(RecordingFailed, match=r"Make room, then run the same command again"):
            _write(recorder, *SHARDS[1])
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.jsonl", "shard-00000.h5"]
    np.testing.assert_array_equal(Cache.open(folder).rows(Z, range(100)), recorded.rows[Z][:100])


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.01, 0.1])
def test_a_killed_recording_leaves_whole_rows_and_goes_on(tmp_path: Path, recorded: Sample, wait: float) -> None:
    folder = tmp_path / "killed.acts"
    program = (
        f"from pathlib import Path; from tests.data.samples import record; record(Path({str(folder)!r}), (100, 60))"
    )
    writer = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    while writer.poll() is None and not folder.exists():
        pass
    with contextlib.suppress(subprocess.TimeoutExpired):
        writer.wait(wait)
    writer.kill()
    writer.wait()
    _look_and_go_on(folder, recorded)
    for name in ("shard-00000.h5", "shard-00001.h5"):
        assert (folder / name).read_bytes() == (recorded.folder / name).read_bytes()
    assert not list(folder.glob(".*"))


def _look_and_go_on(folder: Path, recorded: Sample) -> None:
    held = committed_tokens(folder, recorded.job)
    assert held in (0, 100, 160)
    if held:
        np.testing.assert_array_equal(Cache.open(folder).rows(Z, range(held)), recorded.rows[Z][:held])
    _finish(folder, recorded.job, held)


def _finish(folder: Path, wanted: Job, held: int) -> None:
    with recording(folder, wanted, room=0) as recorder:
        for start, count in SHARDS:
            if start >= held:
                _write(recorder, start, count)


def _write(recorder: Recorder, start: int, count: int) -> None:
    every = {name: values[start : start + count] for name, values in rows(160).items()}
    sites = {site: every[site] for site in recorder.job.sites}
    recorder.add(every["id"], every["document"], every["position"], sites)
    recorder.commit(TEXTS)
