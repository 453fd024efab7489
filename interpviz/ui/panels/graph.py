"""A circuit with its first edges drawn: where its nodes stand, how they look, and what is painted over them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainter, QPen

from interpviz.control.circuit import CircuitPicture
from interpviz.core.results import NODE_KINDS, CircuitGraph
from interpviz.render import labels
from interpviz.render.camera import to_screen
from interpviz.render.circuits import GLYPHS, Nodes, edges
from interpviz.render.colormaps import U1
from interpviz.render.layout import Layout, layout, node_radius
from interpviz.render.pick import nearest_node
from interpviz.ui.camera_view import CameraView
from interpviz.ui.card import paint_card
from interpviz.ui.marks import Align, cross, faint, rgb, width_of, write, write_up
from interpviz.ui.panels.scenes import CircuitScene, ground
from interpviz.ui.text import visible
from interpviz.ui.theme import Colours, small, typeface

_RADII = np.array([4.0, 5.0, 4.6, 6.5], np.float32)
_HEAD = NODE_KINDS.index("head")
_NAMED = 40  # more names than these hide the circuit
_REACH = 30.0
_MOST = 5
LEFT, _LONGEST = 50.0, 72.0


@dataclass(frozen=True, eq=False)
class Placed:
    """Where the nodes stand that the first `kept` edges of `graph` touch; `xy` (node, 2) is NaN for all others."""

    graph: CircuitGraph
    kept: int
    layout: Layout
    xy: NDArray[np.float64]


def placed(graph: CircuitGraph, kept: int, before: Placed | None = None) -> Placed:
    """The places of nodes; those of before serve as long as no more edges are drawn, so that pruning moves nothing."""
    if before is not None and before.graph is graph and before.kept >= kept:
        return before
    shown, ends = np.unique(graph.edges[:kept], return_inverse=True)
    part = replace(
        graph,
        kind=graph.kind[shown],
        layer=graph.layer[shown],
        pos=graph.pos[shown],
        index=graph.index[shown],
        edges=ends.reshape(-1, 2).astype(np.int32),
        weight=graph.weight[:kept],
    )
    found = layout(part)
    xy = np.full((len(graph.kind), 2), np.nan)
    xy[shown] = found.xy
    return Placed(graph, kept, found, xy)


class Drawn:
    """What the view shows of a picture: its first `kept` edges, lit about the node under the pointer."""

    def __init__(self, picture: CircuitPicture, kept: int, hover: int | None, colours: Colours, where: Placed) -> None:
        self._picture, self._colours, self._hover = picture, colours, hover
        self._graph, self._layout, self.xy = picture.graph, where.layout, where.xy
        self.kept = kept
        self._touched = np.zeros(len(self.xy), bool)
        self._touched[np.unique(picture.graph.edges[:kept])] = True

    @property
    def below(self) -> float:
        """Pixels that the token labels take."""
        widest = max((width_of(visible(text), small()) for text in self._graph.columns), default=0.0)
        return min(widest, _LONGEST) + 8

    def scene(self, view: CameraView) -> CircuitScene:
        """The picture of edges and nodes, the nodes as large as fits while all is shown."""
        lit = self._lit()
        fade = np.logical_not(lit[self._graph.edges[: self.kept]].any(axis=1)) if lit.any() else None
        drawn = edges(self._graph, self.xy, self.kept, self._colours.dark, fade)
        return CircuitScene(
            drawn, self._nodes(node_radius(self._layout, view.bounds, view.extent)), ground(self._colours)
        )

    def nearest(self, view: CameraView, place: QPointF) -> int | None:
        """The drawn node nearest to a place, at most 30 pixels away."""
        shown = np.flatnonzero(self._touched)
        at = to_screen(view.camera, view.extent, self.xy[shown])
        found = nearest_node(at, (place.x(), place.y()), _REACH)
        return int(shown[found]) if found is not None else None

    def next_node(self, node: int | None, step: int) -> int | None:
        """The drawn node before or after this one, for walking without a mouse."""
        shown = np.flatnonzero(self._touched)
        if not len(shown):
            return None
        place = int(np.searchsorted(shown, node)) + step if node is not None else 0
        return int(shown[place % len(shown)])

    def told_node(self, node: int) -> str:
        """A node, its token and its strongest edges, in words."""
        links = "; ".join(self._told_edge(edge) for edge in self._strongest(node))
        return f"{self._name(node)} at {int(self._graph.pos[node])} '{self._token(node)}': {links}"

    def told(self) -> str:
        """The strongest edges, in words."""
        return "; ".join(self._told_edge(edge) for edge in range(min(self.kept, 20)))

    def paint(self, painter: QPainter, view: CameraView, hover: int | None) -> None:
        """Axes, crosses over what is cut, and the card of the node under the pointer."""
        self._paint_axes(painter, view)
        self._paint_names(painter, view)
        for node in np.flatnonzero(self._picture.cut & self._touched):
            at = self._at(view, int(node))
            cross(painter, QRectF(at.x() - 8, at.y() - 8, 16, 16), self._colours["edit"], self._colours["card"])
        if hover is not None and self._touched[hover]:
            at = self._at(view, hover)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._colours["text"], 1.4))
            painter.drawEllipse(at, 9, 9)
            head, _, links = self.told_node(hover).partition(": ")
            paint_card(
                painter,
                at,
                QRectF(view.rect()),
                head,
                (0, len(self._name(hover))),
                links.replace("; ", "\u2028"),
                self._colours,
            )

    def _lit(self) -> NDArray[np.bool_]:
        lit = np.zeros(len(self.xy), bool)
        if self._hover is not None and self._hover < len(lit):
            lit[self._hover] = True
        return lit

    def _nodes(self, largest: float) -> Nodes:
        shown = np.flatnonzero(self._touched)
        kind, selected, cut = self._graph.kind[shown], self._picture.selected[shown], self._picture.cut[shown]
        logits = kind == NODE_KINDS.index("logits")
        fill = np.tile(_rgba(self._colours, "card"), (len(shown), 1))
        fill[kind == NODE_KINDS.index("mlp")] = _rgba(self._colours, "hover")
        fill[logits] = _rgba(self._colours, "text")
        rim = np.tile(_rgba(self._colours, "muted"), (len(shown), 1))
        rim[selected] = _rgba(self._colours, "accent")
        rim[cut] = _rgba(self._colours, "edit")
        fill[selected] = _rgba(self._colours, "accent")
        width = np.where(selected | cut, 2.2, 1.2).astype(np.float32)
        radius = _RADII[kind] * min(largest / _RADII.max(), 1.0) + selected.astype(np.float32) * 1.5
        return Nodes(self.xy[shown].astype(np.float32), radius, GLYPHS[kind], fill, rim, width)

    def _paint_axes(self, painter: QPainter, view: CameraView) -> None:
        left, bottom = LEFT - 6, view.height() - self.below
        painter.fillRect(QRectF(0, bottom, view.width(), self.below), self._colours["card"])
        painter.fillRect(QRectF(0, 0, left, view.height()), self._colours["card"])
        texts = [visible(text) for text in self._graph.columns]
        borders = np.array([view.place_of((x, 0.0)).x() for x in self._layout.columns])
        middles = (borders[1:] + borders[:-1]) / 2
        for place in labels.along(middles, np.full(len(middles), 13.0), (left + 4, view.width() - 4.0), 1.0):
            box = QRectF(middles[place] - 8, bottom + 4, 16, self.below - 4)
            write_up(painter, box, texts[place], self._colours["muted"])
        self._paint_borders(painter, borders[borders > left], bottom)
        heights = np.array([view.place_of((0.0, y)).y() for y in self._layout.rows])
        names = ["embed", *(f"L{k}" for k in range(len(heights) - 2)), "logits"]
        for row in labels.along(heights, np.full(len(heights), 12.0), (6, bottom - 4), 1.0):
            box = QRectF(0, heights[row] - 8, left - 4, 16)
            write(painter, box, names[row], self._colours["muted"], Align.AlignRight)

    def _paint_names(self, painter: QPainter, view: CameraView) -> None:
        """The number of a head beside its circle, the strongest heads first, where it covers nothing."""
        drawn = list(dict.fromkeys(self._graph.edges[: self.kept].ravel().tolist()))
        heads = [node for node in drawn if self._graph.kind[node] == _HEAD][:_NAMED]
        font = typeface(7.5)
        texts = [f"H{int(self._graph.index[node])}" for node in heads]
        sizes = np.array([(width_of(text, font) + 2, 11.0) for text in texts]).reshape(-1, 2)
        at = to_screen(view.camera, view.extent, self.xy[heads]).reshape(-1, 2)
        right = at - (-7.0, 5.5)
        left = at - (7.0, 5.5) - sizes * (1.0, 0.0)
        nodes = to_screen(view.camera, view.extent, self.xy[drawn]).reshape(-1, 2) - 4.0
        corners = np.vstack([nodes, right, left])
        fitting = labels.apart(corners, np.vstack([np.full_like(nodes, 8.0), sizes, sizes]), view.extent, 0.5)
        named: set[int] = set()
        for place in fitting[fitting >= len(nodes)]:
            head = (int(place) - len(nodes)) % len(heads)
            if head not in named:
                named.add(head)
                box = QRectF(QPointF(*corners[place]), QSizeF(*sizes[head]))
                painter.fillRect(box, faint(self._colours["card"], 0.75))
                write(painter, box.adjusted(-4, 0, 4, 0), texts[head], self._colours["muted"], font=font)

    def _paint_borders(self, painter: QPainter, borders: NDArray[np.float64], bottom: float) -> None:
        """Faint lines between the tokens, which edges and nodes hide."""
        modes = QPainter.CompositionMode
        painter.setCompositionMode(
            modes.CompositionMode_Lighten if self._colours.dark else modes.CompositionMode_Darken
        )
        painter.setPen(QPen(self._colours["hover"], 1))
        for x in np.round(borders) + 0.5:
            painter.drawLine(QPointF(x, 0), QPointF(x, bottom))
        painter.setCompositionMode(modes.CompositionMode_SourceOver)

    def _at(self, view: CameraView, node: int) -> QPointF:
        return view.place_of((float(self.xy[node, 0]), float(self.xy[node, 1])))

    def _strongest(self, node: int) -> list[int]:
        found = np.flatnonzero((self._graph.edges[: self.kept] == node).any(axis=1))
        return [int(edge) for edge in found[:_MOST]]

    def _told_edge(self, edge: int) -> str:
        source, target = (int(end) for end in self._graph.edges[edge])
        ends = (
            f"{self._name(source)}@{int(self._graph.pos[source])} → {self._name(target)}@{int(self._graph.pos[target])}"
        )
        return f"{ends} {float(self._graph.weight[edge]):+.3f}"

    def _name(self, node: int) -> str:
        site = self._graph.site(node)
        return str(site) if site else NODE_KINDS[int(self._graph.kind[node])]

    def _token(self, node: int) -> str:
        return visible(self._graph.columns[int(self._graph.pos[node])])


def _rgba(colours: Colours, use: str) -> U1:
    return np.array([*rgb(colours[use]), 255], np.uint8)
