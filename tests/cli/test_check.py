"""`check` tells what is whole of a cache, and with --repair keeps just that."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpviz.data import manifest
from tests.cli.conftest import Command
from tests.data.samples import Sample, record, writing


@pytest.fixture
def damaged(tmp_path: Path) -> Sample:
    """Four shards, of which one is lost and one is not what it was."""
    made = record(tmp_path / "x.acts", (20,) * 4)
    (made.folder / "shard-00001.h5").unlink()
    (made.folder / "shard-00002.h5").write_bytes(b"nothing")
    return made


def test_what_is_missing_damaged_and_good_is_told(interpviz: Command, damaged: Sample) -> None:
    ended = interpviz("check", damaged.folder, "--json")
    assert (ended.status, ended.json["kind"], ended.json["whole"]) == (2, "cache", False)
    facts = ended.json["facts"]
    assert facts["good"] == ["shard-00000.h5", "shard-00003.h5"]
    assert (facts["missing"], facts["damaged"]) == (["shard-00001.h5"], ["shard-00002.h5"])
    said = interpviz("check", damaged.folder)
    assert said.status == 2
    assert f"{damaged.folder}: cache, not whole" in said.out
    assert "It holds 40 of 80 tokens, without shard-00001.h5." in said.out


def test_a_repaired_cache_is_readable_and_says_what_was_done(interpviz: Command, damaged: Sample) -> None:
    said = interpviz("check", damaged.folder, "--repair")
    assert said.status == 0
    assert "The line of shard-00001.h5, which is missing, was dropped." in said.out
    assert "Run the command that records it again." in said.out
    again = interpviz("check", damaged.folder, "--repair", "--json")
    assert (again.status, again.json["facts"]["repaired"]) == (0, ["There was nothing to repair."])
    with writing(damaged.folder, damaged.job, (20,) * 4) as work:
        for number in work.recorder.missing(4):
            work.shard(number)
    assert interpviz("check", damaged.folder).status == 0


def test_a_cache_of_which_nothing_is_left_is_not_readable(interpviz: Command, damaged: Sample) -> None:
    for number in (0, 3):
        (damaged.folder / manifest.shard_name(number)).unlink()
    assert interpviz("check", damaged.folder, "--repair").status == 2
    assert interpviz("check", damaged.folder, "--repair", "--json").json["facts"]["good"] == []


def test_what_cannot_be_repaired_is_a_mistake(interpviz: Command) -> None:
    ended = interpviz("check", "demo", "--repair")
    assert (ended.status, ended.out) == (2, "")
    assert (
        ended.err
        == "demo is a model: only a recorded cache can be repaired. Take an undamaged copy, or make it again.\n"
    )


def test_a_script_repairs_too(damaged: Sample) -> None:
    from interpviz import api

    assert api.check(str(damaged.folder), repair=True).facts["recorded"] == 40
    assert api.open(damaged.folder).facts.tokens == 40
