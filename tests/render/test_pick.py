from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from interpviz.render.camera import Camera, to_screen
from interpviz.render.curves import paths
from interpviz.render.pick import nearest_edge, nearest_node, nearest_point
from interpviz.render.tiles import tiled

SIZE = (300, 200)
clouds = npst.arrays(np.float32, st.tuples(st.integers(1, 300), st.just(2)), elements=st.floats(0, 1, width=32))
pixels = st.tuples(st.floats(-10, 310), st.floats(-10, 210))
cameras = st.builds(
    lambda x, y, across, up: Camera(x, y, x + across, y + up),
    st.floats(-0.5, 1),
    st.floats(-0.5, 1),
    st.floats(0.05, 2),
    st.floats(0.05, 2),
)


@given(clouds, cameras, pixels, st.floats(0.5, 60))
@settings(deadline=None)
def test_the_picked_point_is_the_nearest_of_all(xy, camera, pixel, radius):
    points = tiled(xy)
    steps = (points.xy[points.place].astype(np.float64) + 32768) / 65535
    away = np.hypot(*(to_screen(camera, SIZE, steps) - pixel).T)
    picked = nearest_point(points, camera, SIZE, pixel, radius)
    if picked is None:
        assert away.min() > radius - 1e-6
    else:
        assert away[picked] == pytest.approx(away.min(), abs=1e-6)
        assert away[picked] <= radius + 1e-6


def test_of_points_at_one_place_the_lowest_row_is_picked():
    points = tiled(np.full((5, 2), 0.5, np.float32))
    assert nearest_point(points, Camera(), SIZE, (150, 100)) == 0


def test_nothing_is_picked_from_an_empty_cloud():
    assert nearest_point(tiled(np.zeros((0, 2), np.float32)), Camera(), SIZE, (150, 100)) is None


def test_the_nearest_node_within_reach_is_picked():
    xy = np.array([[10.0, 10.0], [50.0, 10.0]])
    assert nearest_node(xy, (32, 10)) == 1
    assert nearest_node(xy, (10, 41)) is None
    assert nearest_node(np.zeros((0, 2)), (0, 0)) is None


def test_an_edge_is_picked_on_its_curve_and_not_between_its_ends():
    ends = np.array([[10, 190, 290, 10], [10, 190, 20, 10]], np.float32)
    on_first = paths(ends)[0, 8]
    assert nearest_edge(ends, tuple(on_first)) == 0
    assert nearest_edge(ends, (150, 30)) is None
    assert nearest_edge(ends[:0], (150, 30)) is None


@given(pixels)
@settings(max_examples=25, deadline=None)
def test_the_picked_edge_is_the_nearest_of_all(pixel):
    ends = np.random.default_rng(3).uniform(0, 200, (20, 4)).astype(np.float32)
    corners = paths(ends).astype(np.float64)
    share = np.linspace(0, 1, 400)[:, None, None, None]
    dense = corners[None, :, :-1] * (1 - share) + corners[None, :, 1:] * share
    away = np.hypot(*np.moveaxis(dense - np.array(pixel), -1, 0)).min(axis=(0, 2))
    picked = nearest_edge(ends, pixel, radius=1000)
    assert picked is not None
    assert away[picked] == pytest.approx(away.min(), abs=0.05)
