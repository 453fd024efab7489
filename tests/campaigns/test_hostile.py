"""Every file of the campaign of hostile ones, opened as the program does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.hostile import Campaign
from tests.campaigns.hostile_case import HOSTILE, SECRET, Case, Ground
from tests.campaigns.hostile_watch import Watch


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    with Campaign(tmp_path_factory.mktemp("hostile")) as campaign:
        yield campaign


# All take 35 s: a tenth of them is in `make check`.
CASES = [
    pytest.param(chosen, id=chosen.name, marks=[pytest.mark.slow] if chosen.slow or number % 10 else [])
    for number, chosen in enumerate(HOSTILE)
]


@pytest.mark.parametrize("chosen", CASES)
def test_a_hostile_file_is_refused_with_a_cause_or_read_right_and_nothing_beside_it(
    chosen: Case, campaign: Campaign
) -> None:
    outcome = campaign.outcome(chosen)
    assert outcome.passed, outcome


def test_no_two_cases_have_one_name() -> None:
    assert len({chosen.name for chosen in HOSTILE}) == len(HOSTILE)


def _secret(ground: Ground) -> Path:
    return ground.secrets[0]


@pytest.mark.parametrize("said", ["SECRET", "values"])
def test_a_case_that_reads_another_file_or_lacks_its_words_is_lost(campaign: Campaign, said: str) -> None:
    assert campaign.outcome(Case("secret", _secret, "hdf5", "read", said, False)).passed is False


def test_a_watch_sees_a_file_that_is_opened_and_no_other(tmp_path: Path) -> None:
    watched, other = tmp_path / "watched", tmp_path / "other"
    for path in (watched, other):
        path.write_bytes(SECRET)
    with Watch([watched]) as watch:
        other.read_bytes()
        assert not watch.touched()
        watched.read_bytes()
        assert watch.touched()
        assert not watch.touched()
