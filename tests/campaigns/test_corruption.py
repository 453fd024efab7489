"""A tenth of the campaigns; `make campaigns` runs them whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.corruption import campaign
from tests.campaigns.formats import FORMATS


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_spoiled_files_crash_nothing_and_ours_are_never_read_wrong(name: str, tmp_path: Path) -> None:
    tally = campaign(name, 200, tmp_path, seed=1)
    assert tally.passed, tally
    assert tally.refused > 20
