"""The GPU's visuals: each shows its datum where it is, and the same picture as the CPU road."""

from __future__ import annotations

import numpy as np
import pytest

from interpviz.render import indexed
from interpviz.render.camera import Camera, fit
from interpviz.render.circuits import circuit_image
from interpviz.render.colormaps import BAD, categories, colour, ramp, table
from interpviz.render.density import FILL, cloud_image
from interpviz.render.edges import Ribbons
from interpviz.render.glyphs import Glyphs
from interpviz.render.heat import Heat
from interpviz.render.points import Points
from interpviz.render.tiles import tiled
from tests.render.pictures import DARK, LIGHT, blobs, check_golden
from tests.render.test_circuits import NOBODY, lines, scene, shapes

SIZE = (200, 100)


def shown(canvas, visuals, camera, background, size=SIZE, scale=1.0):
    canvas.show(visuals, camera, background)
    return canvas.image(size, scale)


def close(one, other, within=3):
    return (np.abs(one.astype(int) - other)[..., :3].max(axis=-1) <= within).mean()


def random_map():
    values = np.random.default_rng(0).normal(size=(20, 25)).astype(np.float32)
    values[3, 4], values[0, 0], values[19, 24] = np.nan, np.inf, -np.inf
    return values


def test_a_pixel_of_a_heat_map_has_the_colour_of_the_datum_in_its_cell(canvas):
    values, colours = random_map(), table("viridis")
    image = shown(canvas, [Heat(values, (-2, 2), colours)], Camera(0, 20, 25, 0), LIGHT)
    for row, column in np.ndindex(20, 25):
        value = values[row, column]
        entry = BAD if not np.isfinite(value) else int(np.clip((value + 2) * 255 / 4, 0, 254))
        assert (image[row * 5 : row * 5 + 5, column * 8 : column * 8 + 8] == colours[entry]).all()


@pytest.mark.parametrize("limit", [7, 10, None])
def test_a_map_wider_than_a_texture_is_drawn_in_tiles(canvas, limit):
    values, colours, camera = random_map(), table("vik"), Camera(0, 20, 25, 0)
    image = shown(canvas, [Heat(values, (-2, 2), colours, limit)], camera, LIGHT)
    assert np.array_equal(image, indexed.image(indexed.entries(values, (-2, 2)), colours, camera, SIZE, LIGHT))


def test_a_new_contrast_and_new_colours_are_shown_at_once(canvas):
    values, camera = random_map(), Camera(0, 20, 25, 0)
    heat = Heat(values, (-2, 2), table("viridis"))
    shown(canvas, [heat], camera, LIGHT)
    heat.limits = (0, 1)
    heat.recolour(table("cividis"))
    expected = indexed.image(indexed.entries(values, (0, 1)), table("cividis"), camera, SIZE, LIGHT)
    assert np.array_equal(canvas.image(SIZE), expected)


def test_a_point_is_drawn_where_its_datum_is_in_its_colour(canvas):
    points = tiled(np.array([[0.25, 0.3], [0.75, 0.8]], np.float32), np.array([1, 4], np.uint8))
    image = shown(canvas, [Points(points, categories(), LIGHT)], Camera(), LIGHT)
    for column, row, category in ((50, 70, 1), (150, 20, 4)):
        mixed = FILL * categories()[category, :3] + (1 - FILL) * LIGHT[:3]
        assert image[row, column, :3] == pytest.approx(mixed, abs=2)
    assert (image[:, 60:140] == LIGHT).all()


def test_another_palette_recolours_the_points(canvas):
    points = tiled(np.array([[0.5, 0.5]], np.float32), np.array([9], np.uint8))
    visual = Points(points, categories(), LIGHT)
    before = shown(canvas, [visual], Camera(), LIGHT)
    visual.recolour(ramp("viridis", False))
    fresh = Points(points, ramp("viridis", False), LIGHT)
    after = canvas.image(SIZE)
    assert not np.array_equal(before, after)
    assert np.array_equal(after, shown(canvas, [fresh], Camera(), LIGHT))


def test_selected_points_are_larger(canvas):
    visual = Points(tiled(np.array([[0.25, 0.5], [0.75, 0.5]], np.float32)), categories(), LIGHT)
    before = shown(canvas, [visual], Camera(), LIGHT)
    visual.select(np.array([1]))
    after = canvas.image(SIZE)
    assert np.array_equal(after[:, :100], before[:, :100])
    area = [(image[:, 100:] != LIGHT).any(axis=-1).sum() for image in (before, after)]
    assert area[1] > 2 * area[0]
    visual.select(np.array([], int))
    assert np.array_equal(canvas.image(SIZE), before)


def test_both_roads_draw_the_same_dots(canvas):
    rng = np.random.default_rng(2)
    grid = np.stack(np.meshgrid(np.linspace(0.1, 0.9, 12), np.linspace(0.1, 0.9, 8)), axis=-1).reshape(-1, 2)
    points = tiled(grid.astype(np.float32), rng.integers(0, 12, len(grid)).astype(np.uint8))
    camera, size = fit(Camera(), (400, 300), 10), (400, 300)
    for ground, dark in ((LIGHT, False), (DARK, True)):
        gpu = shown(canvas, [Points(points, categories(dark=dark), ground)], camera, ground, size)
        cpu = cloud_image(points, camera, size, categories(dark=dark), ground)
        assert close(gpu, cpu, 24) == 1.0
        assert close(gpu, cpu, 3) > 0.97


def test_both_roads_cover_the_same_pixels_with_many_points(canvas):
    xy, category = blobs(150_000)
    points, camera, size = tiled(xy, category), fit(Camera(), (300, 200), 5), (300, 200)
    gpu = shown(canvas, [Points(points, categories(), LIGHT)], camera, LIGHT, size)
    cpu = cloud_image(points, camera, size, categories(), LIGHT)
    covered = [(image != LIGHT).any(axis=-1) for image in (gpu, cpu)]
    assert (covered[0] == covered[1]).mean() > 0.99


def test_both_roads_draw_the_same_edges_and_glyphs(canvas):
    camera = fit(Camera(), (320, 240), 14, False)
    for theme in ("light", "dark"):
        drawn, nodes, ground = scene(theme)
        gpu = shown(canvas, [Ribbons(drawn), Glyphs(nodes)], camera, ground, (320, 240))
        assert close(gpu, circuit_image(drawn, nodes, camera, (320, 240), ground), 5) > 0.995


def test_both_roads_draw_the_same_at_another_pixel_ratio(canvas):
    drawn, nodes, ground = scene("light")
    camera = fit(Camera(), (480, 360), 20, False)
    gpu = shown(canvas, [Ribbons(drawn), Glyphs(nodes)], camera, ground, (480, 360), 1.5)
    assert close(gpu, circuit_image(drawn, nodes, camera, (480, 360), ground, 1.5), 5) > 0.995


def test_pruned_edges_are_not_drawn(canvas):
    two = lines([[0.1, 0.2, 0.9, 0.2], [0.1, 0.8, 0.9, 0.8]])
    ribbons = Ribbons(two)
    assert (shown(canvas, [ribbons], Camera(), LIGHT)[20, 100] != LIGHT).any()
    ribbons.kept = 1
    image = canvas.image(SIZE)
    assert (image[20, 100] == LIGHT).all()
    assert (image[80, 100] != LIGHT).any()
    ribbons.kept = 0
    assert (canvas.image(SIZE) == LIGHT).all()


def test_nothing_to_draw_is_background(canvas):
    nothing = [
        Points(tiled(np.zeros((0, 2), np.float32)), categories(), LIGHT),
        Ribbons(lines(np.zeros((0, 4)))),
        Glyphs(NOBODY),
        Heat(np.zeros((0, 0), np.float32), (0, 1), table("viridis")),
    ]
    assert (shown(canvas, nothing, Camera(), LIGHT) == LIGHT).all()


def test_a_glyph_is_drawn_where_its_node_is(canvas):
    image = shown(canvas, [Glyphs(shapes([[0.25, 0.75]], [1]))], Camera(), LIGHT)
    assert image[25, 50].tolist() == colour("#0000c8").tolist()
    assert (image[60:] == LIGHT).all()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_visuals_look_as_stored(canvas, theme):
    size, ground = (320, 240), DARK if theme == "dark" else LIGHT
    xy, category = blobs(1500)
    cloud = Points(tiled(xy, category), categories(dark=theme == "dark"), ground)
    cloud.select(np.arange(5))
    drawn, nodes, _ = scene(theme)
    heat = Heat(random_map(), (-2, 2), table("PRGn" if theme == "light" else "batlow", bad="#808080"))
    pictures = {
        "points": shown(canvas, [cloud], fit(Camera(), size, 8), ground, size),
        "edges": shown(canvas, [Ribbons(drawn), Glyphs(nodes)], fit(Camera(), size, 14, False), ground, size),
        "heat": shown(canvas, [heat], fit(Camera(0, 20, 25, 0), size, 10), ground, size),
    }
    for name, image in pictures.items():
        check_golden(f"gl-{name}-{theme}", image)
