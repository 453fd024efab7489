"""What a training sees: every row behind position 0 once an epoch, in the order of its seed, at any place again."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from interpviz.core.errors import InterpvizError
from interpviz.data.activations import Cache
from interpviz.engine.training.rows import Batch, Frame, batches, frames
from tests.data.samples import CONTEXT, RESIDUAL, Sample, Z, job, record, write_one

ROWS = 700


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return record(tmp_path_factory.mktemp("rows") / "x.acts", (400, 300), blocks=1)


@pytest.fixture
def cache(made: Sample) -> Cache:
    return Cache.open(made.folder)


def test_an_epoch_is_every_row_behind_position_0_once(made: Sample, cache: Cache) -> None:
    a_turn = ROWS - ROWS // CONTEXT  # 665 rows: 6 batches of 100, and 65 rows that are over
    seen = list(islice(batches(cache, RESIDUAL, RESIDUAL, 95, seed=0), a_turn // 95))
    assert [(batch.epoch, batch.place) for batch in seen] == [(0, place) for place in range(7)]
    later = made.rows[RESIDUAL][np.arange(ROWS) % CONTEXT > 0]
    np.testing.assert_array_equal(_sorted(np.concatenate([batch.x for batch in seen])), _sorted(later))


def test_the_next_epoch_has_another_order(cache: Cache) -> None:
    seen = list(islice(batches(cache, RESIDUAL, RESIDUAL, 665, seed=0), 2))
    assert [(batch.epoch, batch.place) for batch in seen] == [(0, 0), (1, 0)]
    assert not np.array_equal(seen[0].x, seen[1].x)
    np.testing.assert_array_equal(_sorted(seen[0].x), _sorted(seen[1].x))


@pytest.mark.parametrize(("epoch", "place"), [(0, 3), (1, 0), (1, 5), (0, 6)])
def test_a_stream_goes_on_at_any_place(cache: Cache, epoch: int, place: int) -> None:
    whole = list(islice(batches(cache, RESIDUAL, Z, 100, seed=2), 15))
    start = 6 * epoch + place
    for again, first in zip(batches(cache, RESIDUAL, Z, 100, 2, epoch, place), whole[start:], strict=False):
        assert (again.epoch, again.place) == (first.epoch, first.place)
        np.testing.assert_array_equal(again.x, first.x)
        np.testing.assert_array_equal(again.y, first.y)


def test_what_is_read_and_written_are_of_the_same_rows_and_heads_lie_in_one_row(made: Sample, cache: Cache) -> None:
    batch = next(batches(cache, RESIDUAL, Z, 100, seed=1))
    place = {row.tobytes(): number for number, row in enumerate(made.rows[RESIDUAL])}
    rows = [place[row.tobytes()] for row in batch.x]
    np.testing.assert_array_equal(batch.y, made.rows[Z][rows].reshape(100, 24))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_none_is_a_sentence_with_its_row(tmp_path: Path, bad: float) -> None:
    values = np.ones((100, 4), np.float32)
    values[37, 2] = bad
    cache = _cache(tmp_path, np.arange(100), values)
    with pytest.raises(InterpvizError, match=f"y holds a NaN or infinite number in row 37 of {RESIDUAL}. Record"):
        next(batches(cache, RESIDUAL, RESIDUAL, 99, seed=0))


def test_a_cache_of_first_positions_alone_is_a_sentence(tmp_path: Path) -> None:
    cache = _cache(tmp_path, np.zeros(100), np.ones((100, 4), np.float32))
    with pytest.raises(InterpvizError, match="fewer than 5 rows behind position 0"):
        next(batches(cache, RESIDUAL, RESIDUAL, 5, seed=0))


def test_rows_in_their_frame_have_no_mean_and_a_spread_of_one() -> None:
    rows = np.random.default_rng(0).standard_normal((500, 8)).astype(np.float32) * 3 + 100
    inside = Frame.of(rows).inside(rows)
    np.testing.assert_allclose(inside.mean(0), np.zeros(8), atol=1e-5)
    assert float(inside.square().sum(1).mean()) == pytest.approx(8, rel=1e-4)  # |row| is sqrt(d) on average


def test_rows_that_are_all_the_same_have_a_frame_too() -> None:
    rows = np.full((10, 3), 7, np.float32)
    assert torch.equal(Frame.of(rows).inside(rows), torch.zeros(10, 3))


def test_a_transcoder_has_two_frames() -> None:
    x, y = np.array([[0.0], [2.0]], np.float32), np.array([[10.0], [30.0]], np.float32)
    read, written = frames([Batch(0, 0, x, y)])
    assert (float(read.centre), read.spread, float(written.centre), written.spread) == (1, 1, 20, 10)
    both = frames([Batch(0, 0, x, x)])
    assert both[0] is both[1]


def _sorted(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T)]


def _cache(folder: Path, position: np.ndarray, values: np.ndarray) -> Cache:
    wanted = job(sites=(RESIDUAL,), tokens=len(values))
    write_one(
        folder / "y.acts",
        wanted,
        np.zeros(len(values), np.int32),
        position.astype(np.int32),
        {RESIDUAL: values},
    )
    return Cache.open(folder / "y.acts")
