from __future__ import annotations

import numpy as np
import pytest

from interpviz.render import canvas as canvases
from interpviz.render.camera import Camera
from interpviz.render.canvas import Canvas, Pool
from interpviz.render.colormaps import table
from interpviz.render.heat import Heat
from tests.render.pictures import DARK, LIGHT

SIZE = (40, 20)


class Breaking:
    """A visual whose driver fails a number of times."""

    def __init__(self, times):
        self.times = times
        self.forgotten = 0
        self.drawn = 0

    def draw(self, camera, size, scale):
        if self.times:
            self.times -= 1
            raise RuntimeError("context lost")
        self.drawn += 1

    def forget(self):
        self.forgotten += 1


def test_an_empty_canvas_shows_its_background(canvas):
    for ground in (LIGHT, DARK):
        canvas.show([], Camera(), ground)
        assert (canvas.image(SIZE) == ground).all()


def test_what_was_forgotten_is_made_again(canvas):
    heat = Heat(np.eye(2, dtype=np.float32), (0, 1), table("viridis"))
    canvas.show([heat], Camera(0, 2, 2, 0), LIGHT)
    before = canvas.image(SIZE)
    heat.forget()
    assert np.array_equal(canvas.image(SIZE), before)


def test_a_lost_context_is_rebuilt_and_drawn_again():
    sentences: list[str] = []
    surface, visual = Canvas(sentences.append), Breaking(2)
    surface.show([visual], Camera(), LIGHT)
    for _ in range(3):
        surface._draw(None)
    assert (visual.forgotten, visual.drawn) == (2, 1)
    assert not surface.failed
    assert sentences == []
    surface.close()


def test_a_driver_that_keeps_failing_is_given_up_with_a_sentence():
    sentences: list[str] = []
    surface, visual = Canvas(sentences.append), Breaking(99)
    surface.show([visual], Camera(), LIGHT)
    for _ in range(6):
        surface._draw(None)
    assert surface.failed
    assert sentences == [canvases.LOST]
    assert visual.forgotten == 3
    surface.close()


def test_a_canvas_given_back_is_taken_again():
    pool = Pool()
    first = pool.take()
    second = pool.take()
    assert first is not second
    pool.give_back(first)
    assert pool.take() is first
    pool.give_back(first)
    pool.give_back(second)
    pool.close()


def test_a_failed_canvas_does_not_come_back():
    made: list[Canvas] = []

    def make():
        made.append(Canvas())
        return made[-1]

    pool = Pool(make)
    broken = pool.take()
    broken.failed = True
    pool.give_back(broken)
    assert pool.take() is not broken
    made[-1].close()


def test_the_driver_says_its_name_and_its_limit(canvas):
    assert canvas.renderer()
    assert canvas.texture_limit() >= 1024


@pytest.mark.parametrize("name", ["points", "glyphs", "edges", "heat"])
def test_every_variable_of_a_shader_says_what_it_means(name):
    for stage in ("vert", "frag"):
        for line in (canvases._GLSL / f"{name}.{stage}").read_text("utf-8").splitlines():
            if line.startswith(("attribute", "uniform", "varying")):
                kind, _, variable = line.split()[:3]
                assert variable.startswith({"attribute": "a_", "uniform": "u_", "varying": "v_"}[kind])
                assert "// " in line
