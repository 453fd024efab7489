from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpviz.render import indexed
from interpviz.render.camera import Camera
from interpviz.render.colormaps import BAD, levels, table
from tests.render.pictures import LIGHT


def test_a_pixel_has_the_colour_of_the_datum_in_its_cell():
    values = np.array([[0.0, 0.25, 0.5], [0.75, 1.0, np.nan]], np.float32)
    colours = table("viridis")
    picture = indexed.image(indexed.entries(values, (0, 1)), colours, Camera(0, 2, 3, 0), (30, 20), LIGHT)
    for row, column in np.ndindex(2, 3):
        entry = BAD if np.isnan(values[row, column]) else min(int(values[row, column] * 255), 254)
        cell = picture[row * 10 : row * 10 + 10, column * 10 : column * 10 + 10]
        assert (cell == colours[entry]).all()


def test_outside_of_the_matrix_is_background():
    picture = indexed.image(np.zeros((1, 1), np.uint8), table("viridis"), Camera(-1, 2, 2, -1), (30, 30), LIGHT)
    assert (picture[10:20, 10:20] == table("viridis")[0]).all()
    picture[10:20, 10:20] = LIGHT
    assert (picture == LIGHT).all()


def test_many_cells_are_compiled_and_the_same():
    values = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    assert values.size > indexed._FEW
    found = indexed.entries(values, (-2, 2)).astype(int)
    expected = levels(values, (-2, 2)).astype(int)
    assert np.abs(found - expected).max() <= 1
    assert (found == expected).mean() > 0.999
    assert found[0, :3].tolist() == [BAD, BAD, BAD]


@given(st.floats(-3, 0), st.floats(1, 3))
def test_a_new_contrast_needs_no_new_entries(low, high):
    values = np.linspace(-4, 4, 900, dtype=np.float32).reshape(30, 30)
    colours = np.zeros((256, 4), np.uint8)
    colours[:, 0] = np.arange(256)
    shown = indexed.contrast(colours, (-4, 4), (low, high))[indexed.entries(values, (-4, 4))][..., 0]
    expected = levels(values, (low, high))
    # One entry of the wide limits is as much as this many of the narrow ones.
    assert np.abs(shown.astype(int) - expected).max() <= np.ceil(8 / (high - low))


def test_a_new_contrast_leaves_missing_values_missing():
    assert indexed.contrast(table("vik"), (0, 1), (0.4, 0.5))[BAD] == pytest.approx(table("vik")[BAD])
