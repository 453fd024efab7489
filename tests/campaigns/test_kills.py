"""A tenth of the kills; `make campaigns` runs them whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.kills import campaign


@pytest.mark.slow
def test_killed_recordings_leave_exact_rows_and_go_on_to_the_same_bytes(tmp_path: Path) -> None:
    tally = campaign(10, tmp_path, seed=1)
    assert (tally.recovered, tally.examples) == (10, [])
