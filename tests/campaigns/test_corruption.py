"""A tenth of the campaigns; `make campaigns` runs them whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.corruption import campaign
from tests.campaigns.formats import FORMATS


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_spoiled_files_crash_nothing_and_ours_are_never_read_wrong(name: str, tmp_path: Path) -> None:
    count = 200 if FORMATS[name].ours else 100  # some of the others start a process for each file
    tally = campaign(name, count, tmp_path, seed=1)
    assert tally.passed, tally
    assert tally.recovered > count / 10
