"""Circuits on the CPU: curved edges, most important on top, and nodes whose glyph tells what they are.

Edges are laid under those drawn before, so a picture may be shown after any number of them and grows towards the
finished one. Pure functions that release the interpreter lock: they run on the pictures lane.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import CircuitGraph
from interpviz.render.camera import Camera, Size, to_screen
from interpviz.render.colormaps import U1, signed

F4 = NDArray[np.float32]

# The glyph of each kind in results.NODE_KINDS: embed, head, mlp, logits.
GLYPHS = np.array([2, 0, 1, 3], np.uint8)

# Edges drawn between two partial pictures: some 10 ms.
_BATCH = 2000


@dataclass(frozen=True, eq=False)
class Edges:
    """`ends` (edge, 4) x, y of source and target in the unit box; `width` (edge,) logical pixels; `colour` (edge, 4).

    The most important come first: they lie on top.
    """

    ends: F4
    width: F4
    colour: U1


@dataclass(frozen=True, eq=False)
class Nodes:
    """`xy` (node, 2) in the unit box; `radius` and `rim_width` (node,) logical pixels; `glyph` (node,);

    `fill`, `rim` (node, 4).
    """

    xy: F4
    radius: F4
    glyph: U1
    fill: U1
    rim: U1
    rim_width: F4


def edges(
    graph: CircuitGraph, xy: NDArray[np.float64], kept: int, dark: bool, fade: NDArray[np.bool_] | None = None
) -> Edges:
    """The first `kept` edges of a graph whose nodes stand at `xy`: width by sqrt(|weight|), colour by sign.

    `fade` (kept,) marks edges that stand back, for instance those that do not touch the selection.
    """
    pairs, weight = graph.edges[:kept], graph.weight[:kept]
    # The largest, not a usual one: a few edges carry a circuit, and those must not all look alike.
    limit = float(np.abs(graph.weight).max(initial=0.0)) or 1.0
    ends = np.hstack([xy[pairs[:, 0]], xy[pairs[:, 1]]]).astype(np.float32)
    width = 0.6 + 3.4 * np.sqrt(np.clip(np.abs(weight) / limit, 0, 1))
    colour = signed(weight, limit, dark)
    if fade is not None:
        colour[fade, 3] //= 5
    return Edges(ends.reshape(-1, 4), width.astype(np.float32), colour)


def edge_ends(ends: F4, camera: Camera, size: Size) -> F4:
    """Ends of edges (edge, 4) in pixels."""
    return to_screen(camera, size, ends.reshape(-1, 2)).reshape(-1, 4).astype(np.float32)


def circuit_images(
    edges: Edges, nodes: Nodes, camera: Camera, size: Size, background: U1, scale: float = 1.0
) -> Iterator[tuple[int, U1]]:
    """How many edges are drawn, and the picture so far as RGBA (height, width, 4): at least one, the last finished."""
    from interpviz.render import strokes

    layer, cover, spans = strokes.scratch(size)
    ends = edge_ends(edges.ends, camera, size)
    width = edges.width * np.float32(scale)
    total = len(ends)
    for first in range(0, max(total, 1), _BATCH):
        last = min(first + _BATCH, total)
        strokes.draw_under(layer, cover, spans, ends, width, edges.colour, first, last)
        image = np.empty((size[1], size[0], 4), np.uint8)
        strokes.over(layer, background, image)
        _stamp(image, nodes, camera, size, scale)
        yield last, image


def circuit_image(edges: Edges, nodes: Nodes, camera: Camera, size: Size, background: U1, scale: float = 1.0) -> U1:
    """The finished picture of a circuit, RGBA (height, width, 4)."""
    *_, (_, image) = circuit_images(edges, nodes, camera, size, background, scale)
    return image


def _stamp(image: U1, nodes: Nodes, camera: Camera, size: Size, scale: float) -> None:
    from interpviz.render import kernels

    at = to_screen(camera, size, nodes.xy).astype(np.float32).reshape(-1, 2)
    grow = np.float32(scale)
    kernels.stamp(image, at, nodes.radius * grow, nodes.glyph, nodes.fill, nodes.rim, nodes.rim_width * grow)
