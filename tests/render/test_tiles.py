from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from interpviz.render.camera import Camera
from interpviz.render.tiles import COLUMN_OF, ROW_OF, SIDE, TILE_OF, in_view, tiled

clouds = npst.arrays(np.float32, st.tuples(st.integers(0, 200), st.just(2)), elements=st.floats(0, 1, width=32))


def test_tiles_follow_the_morton_curve():
    assert [TILE_OF[x, y] for x, y in [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (255, 255)]] == [0, 1, 2, 3, 4, 65535]


def test_every_tile_knows_its_column_and_row():
    column, row = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    assert np.array_equal(COLUMN_OF[TILE_OF], column)
    assert np.array_equal(ROW_OF[TILE_OF], row)


@given(clouds)
@settings(max_examples=25, deadline=None)
def test_every_point_stands_in_its_tile_and_is_found_again(xy):
    points = tiled(xy, np.arange(len(xy)).astype(np.uint8))
    assert points.starts[-1] == len(xy)
    assert sorted(points.row.tolist()) == list(range(len(xy)))
    for row in range(len(xy)):
        place = points.place[row]
        assert points.row[place] == row
        assert points.category[place] == row % 256
        assert points.position(row) == pytest.approx(xy[row].tolist(), abs=1e-5)
    tile = np.repeat(np.arange(SIDE * SIDE), np.diff(points.starts))
    steps = points.xy.astype(int) + 32768
    assert np.array_equal(TILE_OF[steps[:, 0] // 256, steps[:, 1] // 256], tile)


def test_rows_without_a_position_are_counted_and_left_out():
    points = tiled(np.array([[0.5, 0.5], [np.nan, 0.1], [0.2, np.inf], [0.9, 0.9]], np.float32))
    assert points.missing == 2
    assert sorted(points.row.tolist()) == [0, 3]
    assert points.position(1) is None


def test_positions_beyond_the_box_are_moved_to_its_border():
    points = tiled(np.array([[-5, 2], [1e30, 0.5]], np.float32))
    assert points.position(0) == (0.0, 1.0)
    assert points.position(1) == pytest.approx((1.0, 0.5), abs=1e-5)


def test_a_point_takes_five_bytes_to_draw():
    points = tiled(np.random.default_rng(0).random((100, 2), np.float32))
    assert points.xy.nbytes + points.category.nbytes == 500


def test_other_categories_keep_the_order():
    points = tiled(np.random.default_rng(0).random((50, 2), np.float32))
    colours = np.arange(50, dtype=np.uint8)
    again = points.coloured(colours)
    assert again.xy is points.xy
    assert np.array_equal(again.category, points.row)


@pytest.mark.parametrize("camera", [Camera(), Camera(0.25, 0.25, 0.5, 0.5), Camera(0.9, 0.9, 3, 3), Camera(2, 2, 3, 3)])
def test_the_points_in_view_are_those_in_touched_tiles(camera):
    xy = np.random.default_rng(1).random((5000, 2), np.float32)
    inside = ((xy >= (camera.left, camera.bottom)) & (xy <= (camera.right, camera.top))).all(axis=1).sum()
    border = 1 / SIDE
    low, high = (camera.left - border, camera.bottom - border), (camera.right + border, camera.top + border)
    near = ((xy >= low) & (xy <= high)).all(axis=1).sum()
    assert inside <= in_view(tiled(xy), camera) <= near
