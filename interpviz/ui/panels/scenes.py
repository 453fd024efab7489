"""What the cloud and the circuit show, as scenes that either road can draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from interpviz.core.document import CloudColour
from interpviz.render import circuits, density
from interpviz.render.camera import Camera, Size
from interpviz.render.colormaps import U1, categories, colour, levels, ramp
from interpviz.render.tiles import TiledPoints
from interpviz.ui.theme import Colours

if TYPE_CHECKING:
    from interpviz.render.canvas import Visual

CYCLE = 12


@dataclass(frozen=True, eq=False)
class CloudScene:
    """Points in the colours (256, 4) of their categories."""

    points: TiledPoints
    shades: U1
    ground: U1

    def image(self, camera: Camera, size: Size, scale: float) -> U1:
        """The cloud for the road without a GPU."""
        return density.cloud_image(self.points, camera, size, self.shades, self.ground, scale=scale)

    def visuals(self) -> Sequence[Visual]:
        """The cloud for the GPU."""
        from interpviz.render.points import Points

        return (Points(self.points, self.shades, self.ground),)


@dataclass(frozen=True, eq=False)
class CircuitScene:
    """Edges under nodes."""

    edges: circuits.Edges
    nodes: circuits.Nodes
    ground: U1

    def image(self, camera: Camera, size: Size, scale: float) -> U1:
        """The circuit for the road without a GPU."""
        return circuits.circuit_image(self.edges, self.nodes, camera, size, self.ground, scale)

    def visuals(self) -> Sequence[Visual]:
        """The circuit for the GPU."""
        from interpviz.render.edges import Ribbons
        from interpviz.render.glyphs import Glyphs

        return Ribbons(self.edges), Glyphs(self.nodes)


def entries(places: NDArray[np.int32], by: CloudColour) -> NDArray[np.uint8]:
    """The table entry of each document (twelve colours, over and over) or position (from first to last)."""
    if by == "document":
        return (places % CYCLE).astype(np.uint8)
    return levels(places, (0.0, max(float(places.max(initial=0)), 1.0)))


def shades(by: CloudColour, dark: bool) -> U1:
    """The colours of those entries."""
    return categories(cycle=CYCLE, dark=dark) if by == "document" else ramp("viridis", dark)


def ground(colours: Colours) -> U1:
    """The colour of a card, as pictures want it."""
    return colour(colours.card)
