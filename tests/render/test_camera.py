from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.render.camera import Camera, fit, pan, resize, to_scene, to_screen, zoom_at

SIZE = (200, 100)
pixels = st.tuples(st.floats(0, 200), st.floats(0, 100))


def test_the_corners_of_the_camera_are_the_corners_of_the_picture():
    camera = Camera(left=2, bottom=-1, right=4, top=3)
    corners = to_screen(camera, SIZE, [[2, 3], [4, -1], [3, 1]])
    assert corners == pytest.approx(np.array([[0, 0], [200, 100], [100, 50]]))


def test_rows_of_a_matrix_point_down():
    camera = Camera(left=0, top=0, right=8, bottom=4)
    assert to_screen(camera, SIZE, [0, 1]) == pytest.approx([0, 25])


@given(pixels)
def test_scene_and_screen_lead_back_to_each_other(pixel):
    camera = Camera(-3, 0.5, 7, 2.5)
    assert to_screen(camera, SIZE, to_scene(camera, SIZE, pixel)) == pytest.approx(np.array(pixel), abs=1e-9)


@given(pixels, st.floats(0.05, 20))
def test_what_lies_under_the_pointer_stays_there_while_zooming(pixel, factor):
    camera = Camera(-1, -2, 3, 4)
    under = to_scene(camera, SIZE, pixel)
    zoomed = zoom_at(camera, SIZE, pixel, factor)
    assert to_screen(zoomed, SIZE, under) == pytest.approx(np.array(pixel), abs=1e-6)
    assert zoomed.span[0] == pytest.approx(camera.span[0] / factor)


def test_zooming_stops_at_a_thousandth_and_at_four_times_of_the_bounds():
    bounds = Camera()
    deep = zoom_at(bounds, SIZE, (10, 10), 1e9, bounds)
    wide = zoom_at(bounds, SIZE, (10, 10), 1e-9, bounds)
    assert deep.span[0] == pytest.approx(1e-3)
    assert wide.span[0] == pytest.approx(4.0)


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_dragging_moves_the_scene_with_the_pointer(right, down):
    camera = Camera(0, 0, 1, 1)
    moved = pan(camera, SIZE, (right, down))
    before, after = to_screen(camera, SIZE, [0.3, 0.6]), to_screen(moved, SIZE, [0.3, 0.6])
    assert after - before == pytest.approx([right, down], abs=1e-9)


def test_fitting_keeps_circles_round_and_leaves_a_margin():
    camera = fit(Camera(), SIZE, margin=10)
    corners = to_screen(camera, SIZE, [[0, 0], [1, 1]])
    assert corners == pytest.approx(np.array([[60, 90], [140, 10]]))


def test_a_matrix_is_fitted_into_the_whole_picture():
    camera = fit(Camera(0, 4, 8, 0), SIZE, margin=10, square=False)
    assert to_screen(camera, SIZE, [[0, 0], [8, 4]]) == pytest.approx(np.array([[10, 10], [190, 90]]))


def test_a_larger_window_shows_more_at_the_same_size():
    camera = resize(Camera(0, 0, 1, 1), (100, 100), (200, 50))
    assert camera == Camera(-0.5, 0.25, 1.5, 0.75)
