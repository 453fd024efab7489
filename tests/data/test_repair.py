"""A damaged cache becomes readable, nothing of it is lost, and the same recording fills its gaps."""

from __future__ import annotations

import contextlib
import random
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.data import hashes, manifest, sessions
from interpviz.data.activations import Cache
from interpviz.data.check import check, repaired
from interpviz.data.manifest import NewerVersion
from interpviz.data.recorder import recording
from interpviz.data.repair import NOTHING, repair
from tests.campaigns.mutants import mutant
from tests.data import sae_files
from tests.data.samples import RESIDUAL, Sample, Z, job, record, writing
from tests.data.test_sessions import MODEL

SHARDS = (40, 60, 20, 40)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Four shards; look, do not touch."""
    return record(tmp_path_factory.mktemp("whole") / "four.acts", SHARDS)


@pytest.fixture
def four(whole: Sample, tmp_path: Path) -> Sample:
    """A copy, to be spoiled."""
    shutil.copytree(whole.folder, tmp_path / "four.acts")
    return Sample(tmp_path / "four.acts", whole.job, whole.rows)


def test_a_whole_cache_is_left_as_it_is(four: Sample, whole: Sample) -> None:
    found = repaired(str(four.folder))
    assert (found.facts["repaired"], found.whole) == ([NOTHING], True)
    assert _content(four.folder) == _content(whole.folder)


def test_a_damaged_and_a_lost_shard_are_dropped_and_recorded_again(four: Sample, whole: Sample) -> None:
    _spoil(four.folder / "shard-00001.h5")
    (four.folder / "shard-00003.h5").unlink()
    found = repaired(str(four.folder))
    assert found.facts["repaired"] == [
        "shard-00001.h5 is damaged: its file stands aside as shard-00001.h5.damaged.",
        "The line of shard-00003.h5, which is missing, was dropped.",
    ]
    assert found.problems == (
        "It holds 60 of 160 tokens, without shard-00001.h5. Run the command that records it again.",
    )
    cache = Cache.open(four.folder)
    np.testing.assert_array_equal(cache.rows(Z, slice(None)), np.r_[whole.rows[Z][:40], whole.rows[Z][100:120]])
    assert cache.tokens().position[40] == 0
    assert (four.folder / "shard-00001.h5.damaged").is_file()
    _record_again(four, [1, 3])
    (four.folder / "shard-00001.h5.damaged").unlink()
    assert _content(four.folder) == _content(whole.folder)


def test_a_shard_that_no_checksum_of_its_own_betrays_is_recorded_again(four: Sample, whole: Sample) -> None:
    with h5py.File(four.folder / "shard-00002.h5", "r+") as file:
        file.attrs["note"] = np.int32(1)
    repair(four.folder)
    _record_again(four, [2])
    (four.folder / "shard-00002.h5.damaged").unlink()
    assert _content(four.folder) == _content(whole.folder)


@pytest.mark.parametrize("line", [1, 2, 4])
def test_a_damaged_line_is_that_of_its_whole_shard_again(four: Sample, whole: Sample, line: int) -> None:
    _spoil_line(four.folder, line)
    found = repaired(str(four.folder))
    assert found.whole
    assert found.facts["repaired"] == [
        f"shard-0000{line - 1}.h5 is whole and has its line again.",
        "manifest.jsonl was written anew.",
    ]
    assert _content(four.folder) == _content(whole.folder)


@pytest.mark.parametrize(
    "spoil", [lambda folder: _spoil_line(folder, 0), lambda folder: (folder / manifest.NAME).unlink()]
)
def test_a_lost_header_is_that_of_the_shards(four: Sample, whole: Sample, spoil: object) -> None:
    assert callable(spoil)
    spoil(four.folder)
    assert not check(str(four.folder)).whole
    found = repaired(str(four.folder))
    assert found.whole
    assert found.facts["repaired"][-1] == "The header of manifest.jsonl was made again from that of the shards."
    stated = manifest.read(four.folder)
    assert stated.job == whole.job.model_copy(update={"created": ""})
    assert stated.shards == manifest.read(whole.folder).shards
    _record_again(four, [])


def test_everything_at_once_is_repaired(four: Sample, whole: Sample) -> None:
    (four.folder / manifest.NAME).write_bytes(b"\x00" * 700)
    (four.folder / "shard-00000.h5").unlink()
    _spoil(four.folder / "shard-00002.h5")
    (four.folder / ".shard-00003.h5.77.tmp").write_bytes(b"torn")
    done, _ = repair(four.folder)
    assert done[0] == ".shard-00003.h5.77.tmp, left by a stopped recording, was deleted."
    np.testing.assert_array_equal(
        Cache.open(four.folder).rows(RESIDUAL, slice(None)),
        np.r_[whole.rows[RESIDUAL][40:100], whole.rows[RESIDUAL][120:]],
    )
    _record_again(four, [0, 2])
    for number in range(4):
        name = manifest.shard_name(number)
        assert (four.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert manifest.read(four.folder).shards == manifest.read(whole.folder).shards


def test_a_shard_of_another_cache_stands_aside_whoever_is_lost(four: Sample, tmp_path: Path) -> None:
    other = record(tmp_path / "other.acts", SHARDS, texts=("e" * 64,))
    shutil.copy(other.folder / "shard-00000.h5", four.folder / "shard-00000.h5")
    (four.folder / manifest.NAME).unlink()
    repair(four.folder)
    assert manifest.read(four.folder).job.texts == four.job.texts
    kept = four.folder / "shard-00000.h5.damaged"
    assert kept.read_bytes() == (other.folder / "shard-00000.h5").read_bytes()


def test_a_shard_under_the_number_of_another_stands_aside(four: Sample) -> None:
    shutil.copy(four.folder / "shard-00001.h5", four.folder / "shard-00003.h5")
    (four.folder / manifest.NAME).unlink()
    repair(four.folder)
    assert [line.number for line in manifest.read(four.folder).shards] == [0, 1, 2]
    assert (four.folder / "shard-00003.h5.damaged").is_file()


def test_what_stands_aside_is_never_written_over(four: Sample) -> None:
    path = four.folder / "shard-00001.h5"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        manifest.write(four.folder, four.job, manifest.read(four.folder).shards)
        repair(four.folder)
    aside = [four.folder / f"shard-00001.h5.damaged{more}" for more in ("", "-1")]
    assert [kept.read_bytes() for kept in aside] == [b"one", b"two"]


def test_a_cache_without_one_whole_shard_keeps_its_job(four: Sample, whole: Sample) -> None:
    for number in range(4):
        _spoil(four.folder / manifest.shard_name(number))
    found = repaired(str(four.folder))
    assert found.facts["good"] == []
    _record_again(four, [0, 1, 2, 3])
    assert (four.folder / manifest.NAME).read_bytes() == (whole.folder / manifest.NAME).read_bytes()


def test_a_folder_that_nothing_explains_is_refused_untouched(four: Sample) -> None:
    (four.folder / manifest.NAME).unlink()
    for number in range(4):
        (four.folder / manifest.shard_name(number)).write_bytes(b"nothing")
    before = _content(four.folder)
    with pytest.raises(InterpvizError, match="neither its manifest nor any shard says what was recorded"):
        repair(four.folder)
    assert _content(four.folder) == before


def test_a_later_version_is_not_judged(four: Sample) -> None:
    header, *lines = (four.folder / manifest.NAME).read_bytes().splitlines(keepends=True)
    newer = manifest.sealed(four.job.as_json() | {"version": "2.0.0"})
    (four.folder / manifest.NAME).write_bytes(newer + b"".join(lines[1:]) + b"{}\n")
    with pytest.raises(NewerVersion):
        repair(four.folder)
    (four.folder / manifest.NAME).write_bytes(header + b"".join(lines))
    with h5py.File(four.folder / "shard-00002.h5", "r+") as file:
        file.attrs["encoding-version"] = "2.0.0"
    with pytest.raises(NewerVersion, match=r"shard-00002\.h5"):
        repair(four.folder)
    assert (four.folder / "shard-00002.h5").is_file()


def test_a_shard_that_may_not_be_read_is_not_damaged(four: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(hashes, "content_sha256", refused)
    before = _content(four.folder)
    with pytest.raises(InterpvizError, match=r"shard-00000\.h5 cannot be read \(Permission denied\)\. Check"):
        repair(four.folder)
    assert _content(four.folder) == before


def test_a_cache_that_is_being_recorded_is_let_alone(four: Sample) -> None:
    with (
        recording(four.folder, four.job, room=0),
        pytest.raises(InterpvizError, match="is being recorded by another interpviz"),
    ):
        repair(four.folder)


def test_only_a_cache_folder_can_be_repaired(whole: Sample, tmp_path: Path) -> None:
    with pytest.raises(InterpvizError, match=r"shard-00001\.h5 is one shard alone.*Repair the folder that it lies in"):
        repair(whole.folder / "shard-00001.h5")
    sessions.save(Document(MODEL), tmp_path / "s.json")
    sae = sae_files.random_sae(tmp_path / "L0")
    for path, kind in ((Path("demo"), "model"), (tmp_path / "s.json", "session"), (sae, "dictionary")):
        with pytest.raises(InterpvizError, match=f"{path} is a {kind}: only a recorded cache can be repaired"):
            repair(path)
    with pytest.raises(InterpvizError, match="holds neither"):
        repair(tmp_path)


@pytest.mark.slow
def test_whatever_is_spoiled_what_is_read_after_a_repair_was_recorded(whole: Sample, tmp_path: Path) -> None:
    draw, readable = random.Random(0), 0
    for number in range(30):
        folder = tmp_path / f"{number}.acts"
        shutil.copytree(whole.folder, folder)
        for path in draw.sample(sorted(folder.iterdir()), 2):
            path.write_bytes(mutant(path.read_bytes(), 4096, draw))
        with contextlib.suppress(InterpvizError):
            _, left = repair(folder)
            cache = Cache.open(folder)
            readable += 1
            ranges = [range(sum(SHARDS[: shard.number]), sum(SHARDS[: shard.number + 1])) for shard in left.good]
            kept = np.concatenate([np.array(rows) for rows in ranges])
            np.testing.assert_array_equal(cache.rows(RESIDUAL, slice(None)), whole.rows[RESIDUAL][kept])
            np.testing.assert_array_equal(cache.tokens().id, whole.rows["id"][kept])
        shutil.rmtree(folder)
    assert readable > 25


def _record_again(made: Sample, expected: list[int]) -> None:
    wanted = job(tokens=sum(SHARDS), created="2027-01-01T00:00:00Z")
    with writing(made.folder, wanted, SHARDS) as work:
        missing = work.recorder.missing(len(SHARDS))
        assert missing == expected
        for number in missing:
            work.shard(number)
    assert check(str(made.folder)).whole


def _spoil(path: Path) -> None:
    with h5py.File(path) as file:
        at = file[f"activations/{Z}"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[at + 9] ^= 0x40
    path.write_bytes(content)


def _spoil_line(folder: Path, number: int) -> None:
    path = folder / manifest.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number] = lines[number].replace(b"a", b"b", 1)
    path.write_bytes(b"".join(lines))


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
