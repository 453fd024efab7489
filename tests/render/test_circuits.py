from __future__ import annotations

import numpy as np
import pytest

from interpviz.render import circuits
from interpviz.render.camera import Camera, fit, to_screen
from interpviz.render.circuits import GLYPHS, Edges, Nodes, circuit_image, circuit_images, edges
from interpviz.render.colormaps import colour
from interpviz.render.curves import paths
from interpviz.render.layout import layout
from tests.render.pictures import DARK, LIGHT, check_golden, circuit

SIZE = (300, 200)
NOBODY = Nodes(
    np.zeros((0, 2), np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.uint8),
    np.zeros((0, 4), np.uint8),
    np.zeros((0, 4), np.uint8),
    np.zeros(0, np.float32),
)


def lines(ends, width=2.0, ink=(200, 0, 0, 255)):
    n = len(ends)
    return Edges(np.array(ends, np.float32), np.full(n, width, np.float32), np.tile(np.array(ink, np.uint8), (n, 1)))


def shapes(xy, glyph, radius=8.0):
    n = len(xy)
    fill, rim = np.tile(colour("#0000c8"), (n, 1)), np.tile(colour("#000000"), (n, 1))
    sizes = np.full(n, radius, np.float32), np.full(n, 2.0, np.float32)
    return Nodes(np.array(xy, np.float32), sizes[0], np.array(glyph, np.uint8), fill, rim, sizes[1])


def scene(theme):
    dark = theme == "dark"
    found = circuit()
    placed = layout(found)
    n = len(found.kind)
    paint = np.array([colour(text) for text in ("#8a8f98", "#4c8bf5", "#e69f00", "#d55e00")])[found.kind]
    rim = np.tile(DARK if dark else LIGHT, (n, 1))
    xy = placed.xy.astype(np.float32)
    nodes = Nodes(xy, np.full(n, 4.5, np.float32), GLYPHS[found.kind], paint, rim, np.full(n, 1.5, np.float32))
    return edges(found, placed.xy, 100, dark), nodes, DARK if dark else LIGHT


def test_an_edge_is_drawn_along_its_curve_and_nowhere_else():
    ends = [[0.1, 0.1, 0.9, 0.9]]
    image = circuit_image(lines(ends), NOBODY, Camera(), SIZE, LIGHT)
    path = paths(circuits.edge_ends(np.array(ends, np.float32), Camera(), SIZE))[0]
    for x, y in path:
        assert image[int(y), int(x), 1] < 128
    rows, columns = np.nonzero(image[..., 1] < 255)
    pixels = np.stack([columns, rows], axis=-1) + 0.5
    fine = np.concatenate([path[:-1] * (1 - t) + path[1:] * t for t in np.linspace(0, 1, 12)])
    away = np.linalg.norm(pixels[:, None] - fine[None], axis=-1).min(axis=1)
    assert away.max() < 1.7


@pytest.mark.parametrize("ends", [[0.5, 0.1, 0.5, 0.9], [0.1, 0.5, 0.9, 0.5], [0.2, 0.3, 0.8, 0.6]])
@pytest.mark.parametrize("width", [0.5, 1.0, 4.0])
def test_the_ink_of_an_edge_is_its_length_times_its_width(ends, width):
    image = circuit_image(lines([ends], width), NOBODY, Camera(), SIZE, LIGHT)
    path = paths(circuits.edge_ends(np.array([ends], np.float32), Camera(), SIZE))[0]
    length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    caps = np.pi / 4 * max(width, 1.0) * width
    ink = ((255.0 - image[..., 1]) / 255).sum()
    assert ink == pytest.approx(length * width + caps, rel=0.04)


def test_the_most_important_edge_lies_on_top():
    cross = [[0.1, 0.5, 0.9, 0.5], [0.1, 0.5, 0.9, 0.5]]
    both = lines(cross, 4.0)
    both.colour[1] = (0, 0, 200, 255)
    assert circuit_image(both, NOBODY, Camera(), SIZE, LIGHT)[100, 150].tolist() == [200, 0, 0, 255]


def test_see_through_edges_add_up():
    one = lines([[0.1, 0.5, 0.9, 0.5]], 4.0, (0, 0, 0, 128))
    two = lines([[0.1, 0.5, 0.9, 0.5]] * 2, 4.0, (0, 0, 0, 128))
    assert circuit_image(one, NOBODY, Camera(), SIZE, LIGHT)[100, 150, 0] == pytest.approx(127, abs=1)
    assert circuit_image(two, NOBODY, Camera(), SIZE, LIGHT)[100, 150, 0] == pytest.approx(63, abs=1)


def test_an_edge_that_crosses_the_border_is_cut_there():
    wide = circuit_image(lines([[0.25, 0.25, 0.75, 0.75]]), NOBODY, Camera(), SIZE, LIGHT)
    shifted = circuit_image(lines([[0.25, 0.25, 0.75, 0.75]]), NOBODY, Camera(0.5, 0, 1.5, 1), SIZE, LIGHT)
    assert np.abs(shifted[:, :150].astype(int) - wide[:, 150:]).max() <= 2


def test_partial_pictures_end_in_the_finished_one(monkeypatch):
    monkeypatch.setattr(circuits, "_BATCH", 30)
    drawn, nodes, ground = scene("light")
    steps = list(circuit_images(drawn, nodes, Camera(), SIZE, ground))
    assert [count for count, _ in steps] == [30, 60, 90, 100]
    monkeypatch.setattr(circuits, "_BATCH", 1000)
    assert np.array_equal(steps[-1][1], circuit_image(drawn, nodes, Camera(), SIZE, ground))


def test_a_circuit_without_edges_shows_its_nodes():
    image = circuit_image(lines(np.zeros((0, 4))), shapes([[0.5, 0.5]], [0]), Camera(), SIZE, LIGHT)
    assert image[100, 150].tolist() == [0, 0, 200, 255]


@pytest.mark.parametrize(
    ("glyph", "corner", "side"), [(0, False, True), (1, True, True), (2, False, True), (3, False, True)]
)
def test_glyphs_tell_the_kinds_of_nodes_apart(glyph, corner, side):
    image = circuit_image(lines(np.zeros((0, 4))), shapes([[0.5, 0.5]], [glyph], 20.0), Camera(), SIZE, LIGHT)
    inside = image[..., 2] > image[..., 0].astype(int) + 50
    assert inside[100, 150]
    assert inside[100 - 16, 150 - 16] == corner
    assert inside[100, 150 + 16] == side


def test_glyphs_of_one_radius_cover_about_the_same_area():
    for glyph in (1, 2):
        image = circuit_image(lines(np.zeros((0, 4))), shapes([[0.5, 0.5]], [glyph], 20.0), Camera(), SIZE, LIGHT)
        assert (image[..., 2] > image[..., 0].astype(int) + 50).sum() == pytest.approx(np.pi * 400, rel=0.05)


def test_width_and_colour_tell_size_and_sign():
    found = circuit()
    drawn = edges(found, layout(found).xy, 10, dark=False)
    assert (np.diff(drawn.width) <= 0).all()
    assert drawn.width[0] == pytest.approx(4.0)
    green = drawn.colour[:, 1].astype(int) > drawn.colour[:, 0]
    assert np.array_equal(green, found.weight[:10] > 0)


def test_faded_edges_stand_back():
    found = circuit()
    faded = np.arange(10) % 2 == 0
    plain, drawn = (edges(found, layout(found).xy, 10, False, fade) for fade in (None, faded))
    assert np.array_equal(drawn.colour[faded, 3], plain.colour[faded, 3] // 5)
    assert np.array_equal(drawn.colour[~faded], plain.colour[~faded])


def test_edges_start_and_end_at_their_nodes():
    found = circuit()
    placed = layout(found)
    drawn = edges(found, placed.xy, 5, dark=False)
    corners = paths(circuits.edge_ends(drawn.ends, Camera(), SIZE))
    for end, which in ((0, 0), (-1, 1)):
        expected = to_screen(Camera(), SIZE, placed.xy[found.edges[:5, which]])
        assert corners[:, end] == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_circuit_looks_as_stored(theme):
    drawn, nodes, ground = scene(theme)
    check_golden(
        f"circuit-{theme}", circuit_image(drawn, nodes, fit(Camera(), (320, 240), 14, False), (320, 240), ground)
    )
