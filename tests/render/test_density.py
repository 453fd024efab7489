from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpviz.render import density
from interpviz.render.camera import Camera, fit, to_screen
from interpviz.render.colormaps import categories, colour
from interpviz.render.density import Mark, cloud_image
from interpviz.render.tiles import tiled
from tests.render.pictures import DARK, LIGHT, blobs, check_golden

SIZE = (200, 100)
PLAIN = np.tile(colour("#cc0000"), (256, 1))


def inked(image, background=LIGHT):
    return (image[..., :3] != background[:3]).any(axis=-1)


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
@settings(max_examples=30, deadline=None)
def test_a_dot_is_drawn_where_its_datum_is(x, y):
    camera = fit(Camera(), SIZE, 5)
    image = cloud_image(tiled(np.array([[x, y]], np.float32)), camera, SIZE, PLAIN, LIGHT)
    darkness = (255.0 - image[..., 1])[..., None]
    rows, columns = np.mgrid[0:100, 0:200] + 0.5
    middle = (np.stack([columns, rows], axis=-1) * darkness).sum(axis=(0, 1)) / darkness.sum()
    assert middle == pytest.approx(to_screen(camera, SIZE, [x, y]), abs=0.2)


def test_a_dot_covers_the_area_of_its_radius():
    image = cloud_image(tiled(np.array([[0.5, 0.5]], np.float32)), fit(Camera(), SIZE), SIZE, PLAIN, LIGHT)
    covered = ((255.0 - image[..., 1]) / 255).sum()
    assert covered == pytest.approx(np.pi * 4.0**2 * density.FILL, rel=0.03)


def test_a_dot_has_the_colour_of_its_category():
    points = tiled(np.array([[0.25, 0.5], [0.75, 0.5]], np.float32), np.array([3, 8], np.uint8))
    image = cloud_image(points, Camera(), SIZE, categories(), LIGHT)
    for column, category in ((50, 3), (150, 8)):
        mixed = density.FILL * categories()[category, :3] + (1 - density.FILL) * LIGHT[:3]
        assert image[50, column, :3] == pytest.approx(mixed, abs=2)


def test_what_lies_outside_of_the_camera_is_not_drawn():
    points = tiled(np.array([[0.1, 0.1], [0.5, 0.52], [0.9, 0.9]], np.float32))
    image = cloud_image(points, Camera(0.4, 0.4, 0.6, 0.6), SIZE, PLAIN, LIGHT)
    alone = cloud_image(tiled(np.array([[0.5, 0.52]], np.float32)), Camera(0.4, 0.4, 0.6, 0.6), SIZE, PLAIN, LIGHT)
    assert np.array_equal(image, alone)


def test_a_dot_cut_by_the_border_is_drawn_as_far_as_it_is_seen():
    points = tiled(np.array([[0.5, 0.5]], np.float32))
    whole = cloud_image(points, Camera(0.25, 0.0, 0.75, 1.0), SIZE, PLAIN, LIGHT)
    half = cloud_image(points, Camera(0.5, 0.0, 1.0, 1.0), SIZE, PLAIN, LIGHT)
    assert np.array_equal(half[:, :100], whole[:, 100:])


def test_marks_are_larger_and_on_top():
    points = tiled(np.array([[0.5, 0.5], [0.5, 0.5]], np.float32))
    mark = Mark((0.5025, 0.495), (0, 0, 255, 255), (10, 10, 10, 255))
    image = cloud_image(points, Camera(), SIZE, PLAIN, LIGHT, (mark,))
    assert image[50, 100].tolist() == [0, 0, 255, 255]
    assert image[50, 108].tolist() == [10, 10, 10, 255]
    assert inked(image).sum() > 2 * inked(cloud_image(points, Camera(), SIZE, PLAIN, LIGHT)).sum()


@pytest.fixture
def counted(monkeypatch):
    monkeypatch.setattr(density, "DOTS", 0)


@given(st.floats(-0.4, 0.6), st.floats(-0.4, 0.6), st.floats(0.2, 1.5))
@settings(max_examples=25, deadline=None)
def test_density_inks_exactly_the_pixels_that_hold_points(left, bottom, span):
    points = tiled(np.random.default_rng(0).random((3000, 2), np.float32))
    camera = Camera(left, bottom, left + span, bottom + span)
    image = density._density(points, camera, SIZE, PLAIN, LIGHT, 1.0)
    at = to_screen(camera, SIZE, (points.xy.astype(np.float64) + 32768) / 65535)
    safe = (np.abs(at - np.round(at)) > 1e-3).all(axis=1)
    pixels = np.floor(at[safe & (at > 0).all(axis=1) & (at < SIZE).all(axis=1)]).astype(int)
    expected = np.zeros((100, 200), bool)
    expected[pixels[:, 1], pixels[:, 0]] = True
    assert not (expected & ~inked(image)).any()
    assert (inked(image) & ~expected).sum() <= 2 * (~safe).sum()


def test_density_mixes_the_colours_of_a_pixel(counted):
    points = tiled(np.full((4, 2), 0.5, np.float32), np.array([0, 0, 0, 1], np.uint8))
    colours = np.zeros((256, 4), np.uint8)
    colours[0], colours[1] = (200, 0, 0, 255), (0, 0, 200, 255)
    image = cloud_image(points, Camera(), (3, 3), colours, LIGHT)
    assert image[1, 1].tolist() == [150, 0, 50, 255]
    assert inked(image).sum() == 1


def test_a_denser_pixel_is_stronger(counted):
    xy = np.repeat([[0.1, 0.5], [0.5, 0.5], [0.9, 0.5]], [1, 20, 400], axis=0).astype(np.float32)
    image = cloud_image(tiled(xy), Camera(), (5, 1), PLAIN, LIGHT)
    one, some, many = (int(image[0, column, 1]) for column in (0, 2, 4))
    assert 255 > one > some > many


def test_a_share_is_a_part_of_every_tile_and_the_same_every_time(counted):
    points = tiled(np.random.default_rng(0).random((50_000, 2), np.float32))
    half = cloud_image(points, Camera(), (300, 300), PLAIN, LIGHT, share=0.5)
    whole = cloud_image(points, Camera(), (300, 300), PLAIN, LIGHT)
    assert not (inked(half) & ~inked(whole)).any()
    assert 0.3 < inked(half).sum() / inked(whole).sum() < 0.9
    assert np.array_equal(half, cloud_image(points, Camera(), (300, 300), PLAIN, LIGHT, share=0.5))


def test_a_share_of_the_dots_is_drawn_too():
    points = tiled(np.full((8, 2), 0.5, np.float32))
    few = cloud_image(points, Camera(), SIZE, PLAIN, LIGHT, share=0.1)
    assert np.array_equal(inked(few), inked(cloud_image(tiled(points_at_middle()), Camera(), SIZE, PLAIN, LIGHT)))


def points_at_middle():
    return np.full((1, 2), 0.5, np.float32)


def test_an_empty_cloud_is_background():
    assert not inked(cloud_image(tiled(np.zeros((0, 2), np.float32)), Camera(), SIZE, PLAIN, LIGHT)).any()


def test_a_picture_without_a_size_is_drawn_all_the_same():
    assert cloud_image(tiled(points_at_middle()), Camera(), (0, 0), PLAIN, LIGHT).shape == (1, 1, 4)


@pytest.mark.parametrize(("theme", "background"), [("light", LIGHT), ("dark", DARK)])
@pytest.mark.parametrize(("many", "count"), [("few", 1500), ("many", 120_000)])
def test_a_cloud_looks_as_stored(theme, background, many, count):
    xy, category = blobs(count)
    points = tiled(xy, category)
    marks = (Mark(points.position(7) or (0, 0), (230, 159, 0, 255), (*(255 - background[:3]).tolist(), 255)),)
    size = (320, 240)
    image = cloud_image(points, fit(Camera(), size, 8), size, categories(dark=theme == "dark"), background, marks)
    check_golden(f"cloud-{many}-{theme}", image)
