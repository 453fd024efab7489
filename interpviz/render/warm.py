"""Everything compiled, loaded once: nine seconds on a new machine, half a second from then on."""

from __future__ import annotations

import numpy as np

from interpviz.render import circuits, density
from interpviz.render.camera import Camera
from interpviz.render.tiles import tiled


def warm() -> None:
    """Draw a tiny cloud, crowded and sparse, and a tiny circuit. Call it on the pictures lane, or when installing."""
    ink = np.zeros((256, 4), np.uint8)
    mark = density.Mark((0.5, 0.5), (0, 0, 0, 0), (0, 0, 0, 0))
    for count in (1, density.DOTS + 1):
        points = tiled(np.zeros((count, 2), np.float32))
        density.cloud_image(points, Camera(), (2, 2), ink, ink[0], (mark,))
    one = np.ones(1, np.float32)
    edges = circuits.Edges(np.zeros((1, 4), np.float32), one, ink[:1])
    nodes = circuits.Nodes(np.zeros((1, 2), np.float32), one, np.zeros(1, np.uint8), ink[:1], ink[:1], one)
    circuits.circuit_image(edges, nodes, Camera(), (2, 2), ink[0])
