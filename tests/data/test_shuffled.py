"""Training sees every row once, in an order of chance, and memory stays flat."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from interpviz.data import shuffled
from interpviz.data.activations import Cache
from tests.data.samples import RESIDUAL, Sample, Z, record

SHARDS = (1500, 700, 1, 899)
ROW_BYTES = 4 * 48


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return record(tmp_path_factory.mktemp("shuffled") / "x.acts", SHARDS, blocks=1)


def test_every_row_comes_once_with_its_values(made: Sample) -> None:
    blocks = list(Cache.open(made.folder).shuffled([RESIDUAL, "L0H1"], 200, seed=1, held_bytes=1000 * ROW_BYTES))
    assert [len(block.rows) for block in blocks] == 15 * [200] + [100]
    rows = np.concatenate([block.rows for block in blocks])
    np.testing.assert_array_equal(np.sort(rows), np.arange(3100))
    np.testing.assert_array_equal(_joined(blocks, RESIDUAL), made.rows[RESIDUAL][rows])
    np.testing.assert_array_equal(_joined(blocks, "L0H1"), made.rows[Z][rows, 1])


def test_the_order_is_that_of_the_seed(made: Sample) -> None:
    cache = Cache.open(made.folder)
    one, again, other = (_order(cache, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert (one == other).mean() < 0.01


def test_neighbours_come_apart(made: Sample) -> None:
    order = _order(Cache.open(made.folder), seed=0)
    place = np.argsort(order)
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.2
    assert (np.diff(order) == 1).mean() < 0.005
    apart = np.abs(np.diff(place))  # of rows that stood side by side
    assert np.median(apart) > 100


@pytest.mark.parametrize(("held", "most"), [(0, 4 * 50), (600, 600), (10**6, 3100)])
def test_no_more_rows_are_held_than_there_is_room_for(
    made: Sample, monkeypatch: pytest.MonkeyPatch, held: int, most: int
) -> None:
    seen = []
    taking = shuffled._Pool.take

    def watched(pool: shuffled._Pool, start: int, stop: int) -> None:
        taking(pool, start, stop)
        seen.append((pool.held, len(pool._rows)))

    monkeypatch.setattr(shuffled._Pool, "take", watched)
    for _ in Cache.open(made.folder).shuffled(RESIDUAL, 50, seed=0, held_bytes=held * ROW_BYTES):
        pass
    assert most <= max(seen)[0] <= max(seen)[1] <= most + shuffled.RUN


def test_a_group_of_shards_is_read_by_turns(made: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffled, "SHARDS", 2)
    rows = _order(Cache.open(made.folder), seed=0)
    np.testing.assert_array_equal(np.sort(rows), np.arange(3100))


def test_one_site_may_be_named_alone(made: Sample) -> None:
    assert next(Cache.open(made.folder).shuffled("L0R", 7, seed=0)).values["L0R"].shape == (7, 48)


def test_a_block_of_no_rows_is_refused(made: Sample) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        Cache.open(made.folder).shuffled(RESIDUAL, 0, seed=0)


def _order(cache: Cache, seed: int) -> NDArray[np.int64]:
    return np.concatenate([block.rows for block in cache.shuffled(RESIDUAL, 100, seed, held_bytes=1000 * ROW_BYTES)])


def _joined(blocks: list[shuffled.Block], site: str) -> NDArray[np.float32]:
    return np.concatenate([block.values[site] for block in blocks])
