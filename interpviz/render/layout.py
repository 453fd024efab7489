"""Where the nodes of a circuit stand: tokens across, layers upwards, nothing on top of anything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interpviz.core.results import NODE_KINDS, CircuitGraph
from interpviz.render.camera import Camera, Size, affine

F8 = NDArray[np.float64]
Places = NDArray[np.intp]

_EMBED, _, _MLP, _LOGITS = (NODE_KINDS.index(kind) for kind in ("embed", "head", "mlp", "logits"))

_SWEEPS = 4


@dataclass(frozen=True, eq=False)
class Layout:
    """`xy` (node, 2) in the unit box, y upwards; `columns` (pos + 1,) the borders of the token columns along x.

    `rows` (layers + 2,) are the heights of the embeddings, of the heads of each layer, and of the logits; MLPs stand
    half a row above their heads. `place` is the width and height that a node has for itself.
    """

    xy: F8
    columns: F8
    rows: F8
    place: tuple[float, float]


def layout(graph: CircuitGraph) -> Layout:
    """Layered layout: x is the token, y the layer, embeddings at the bottom, logits on top.

    Heads of the same layer and token stand side by side, their MLP, which reads them, half a row above. Sweeps up and
    down order the heads by the mean place of their neighbours, weighted by |weight|. A token's column is as wide as
    its fullest row. Deterministic.
    Source: Sugiyama, Tagawa, Toda 1981, the barycentre heuristic, inside the cells of the grid.
    """
    layers = _layers(graph)
    row = _rows(graph, layers)
    columns, width = _columns(graph, row, layers)
    order = _swept(graph, row, columns, width)
    xy = np.empty((len(row), 2))
    xy[:, 0] = _across(graph.pos, row, order, columns, width)
    height = 1 / (layers + 1)
    xy[:, 1] = row * height / 2
    return Layout(xy, columns, np.linspace(0, 1, layers + 2), (width, height / 2))


def node_radius(layout: Layout, camera: Camera, size: Size, scale: float = 1.0) -> float:
    """The radius, in logical pixels from 2 to 9, at which no node touches its neighbours."""
    ax, _, ay, _ = affine(camera, size)
    room = min(layout.place[0] * ax, layout.place[1] * abs(ay)) / scale
    return float(np.clip(0.4 * room, 2.0, 9.0))


def _layers(graph: CircuitGraph) -> int:
    """How many layers there are: the logits, which stand above the last, know it better than the nodes drawn."""
    logits = graph.kind == _LOGITS
    inside = graph.layer[(graph.kind != _EMBED) & ~logits]
    return max(int(inside.max(initial=-1)) + 1, int(graph.layer[logits].max(initial=0)))


def _rows(graph: CircuitGraph, layers: int) -> Places:
    """In half rows from the bottom, so that MLPs have rows of their own."""
    row: Places = 2 * (graph.layer.astype(np.intp) + 1) + (graph.kind == _MLP)
    row[graph.kind == _EMBED] = 0
    row[graph.kind == _LOGITS] = 2 * (layers + 1)
    return row


def _columns(graph: CircuitGraph, row: Places, layers: int) -> tuple[F8, float]:
    """Borders of the token columns, and the width of one place; a place stays free between columns."""
    tokens = max(len(graph.columns), int(graph.pos.max(initial=-1)) + 1, 1)
    filled = np.zeros((tokens, 2 * layers + 3), np.intp)
    np.add.at(filled, (graph.pos, row), 1)
    places = np.maximum(filled.max(axis=1), 1) + 1
    borders = np.concatenate([[0.0], np.cumsum(places) / places.sum()])
    return borders, float(1 / places.sum())


def _across(pos: NDArray[np.int32], row: Places, order: F8, columns: F8, width: float) -> F8:
    """x of every node: the nodes of a cell, in their order, a place apart and centred in the column."""
    cell = pos.astype(np.int64) * (int(row.max(initial=0)) + 1) + row
    sorted_ = np.lexsort((order, cell))
    _, first, counts = np.unique(cell[sorted_], return_index=True, return_counts=True)
    rank = np.arange(len(sorted_)) - np.repeat(first, counts)
    middle = (columns[:-1] + columns[1:])[pos[sorted_]] / 2
    x = np.empty(len(sorted_))
    x[sorted_] = middle + (rank - (np.repeat(counts, counts) - 1) / 2) * width
    return x


def _swept(graph: CircuitGraph, row: Places, columns: F8, width: float) -> F8:
    """A key for every node by which the nodes of its cell are ordered from left to right."""
    order = graph.index.astype(np.float64)
    if not len(graph.edges):
        return order
    x = _across(graph.pos, row, order, columns, width)
    source, target = graph.edges[:, 0].astype(np.intp), graph.edges[:, 1].astype(np.intp)
    pull = np.abs(graph.weight).astype(np.float64) + 1e-12
    for sweep in range(_SWEEPS):
        here, there = (target, source) if sweep % 2 == 0 else (source, target)
        weight = np.bincount(here, pull, len(row))
        drawn = np.bincount(here, pull * x[there], len(row))
        moved = np.divide(drawn, weight, out=x.copy(), where=weight > 0)
        # Rounded, so that the order does not hang on the last bit of a sum; ties keep the order of the heads.
        x = _across(graph.pos, row, np.round(moved, 9) + 1e-12 * order, columns, width)
        order = x
    return order
