"""A few of the full and broken disks; `make campaigns` runs them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.full_disk import campaign


@pytest.mark.slow
def test_a_full_disk_is_told_in_a_sentence_and_costs_only_the_shard_in_work(tmp_path: Path) -> None:
    tally = campaign(10, tmp_path, seed=1)
    assert (tally.recovered + tally.unharmed, tally.examples) == (10, [])
    assert tally.recovered > 5
