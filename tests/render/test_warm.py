from __future__ import annotations

from collections.abc import Iterator

from interpviz.render import kernels, strokes
from interpviz.render.camera import Camera
from interpviz.render.circuits import circuit_image
from interpviz.render.colormaps import categories
from interpviz.render.density import DOTS, cloud_image
from interpviz.render.pick import nearest_point
from interpviz.render.tiles import tiled
from interpviz.render.warm import warm
from tests.render.pictures import LIGHT, blobs
from tests.render.test_circuits import scene


def compiled_loops() -> Iterator[tuple[str, int]]:
    for module in (kernels, strokes):
        for name, loop in vars(module).items():
            if hasattr(loop, "signatures"):
                yield f"{module.__name__}.{name}", len(loop.signatures)


def test_after_warming_up_no_picture_waits_for_a_compiler():
    warm()
    before = dict(compiled_loops())
    for count in (500, DOTS + 500):
        points = tiled(*blobs(count))
        cloud_image(points, Camera(), (60, 40), categories(), LIGHT)
        nearest_point(points, Camera(), (60, 40), (30.0, 20.0))
    drawn, nodes, ground = scene("light")
    circuit_image(drawn, nodes, Camera(), (60, 40), ground)
    assert dict(compiled_loops()) == before
    assert sum(before.values()) >= 8
