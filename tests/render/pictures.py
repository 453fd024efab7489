"""Stored pictures, small PNG files, and scenes that several tests draw."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from vispy.io import write_png

from interpviz.core.results import CircuitGraph
from interpviz.render.colormaps import U1, colour

GOLDEN = Path(__file__).parent / "golden"
LIGHT, DARK = colour("#ffffff"), colour("#16181d")


def check_golden(name: str, image: U1) -> None:
    """The picture is the stored one: at least 99 of 100 pixels within 3 of 255. A missing one is stored to be seen."""
    path = GOLDEN / f"{name}.png"
    if not path.exists():
        write_png(str(path), np.ascontiguousarray(image[..., :3]))
        raise AssertionError(f"{path.name} was not there and is stored now: look at it, then commit it.")
    stored = read_png(path)
    assert stored.shape[:2] == image.shape[:2]
    away = np.abs(stored.astype(int) - image[..., :3]).max(axis=-1)
    assert (away <= 3).mean() >= 0.99, f"{name}: {(away > 3).mean():.1%} of the pixels differ, at most by {away.max()}"


def read_png(path: Path) -> U1:
    """An 8-bit RGB picture that vispy's write_png stored: no filters, no interlacing."""
    data, at, packed = path.read_bytes(), 8, b""
    width = height = 0
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, channels = struct.unpack(">IIBB", body[:10])
            assert (depth, channels) == (8, 2)
        packed += body if kind == b"IDAT" else b""
        at += length + 12
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


def graph(nodes: list[tuple[int, int, int, int]], edges: list[tuple[int, int, float]], tokens: int = 0) -> CircuitGraph:
    """A circuit of (kind, layer, pos, index) nodes and (source, target, weight) edges."""
    kind, layer, pos, index = (np.array(column) for column in zip(*nodes, strict=True))
    ordered = sorted(edges, key=lambda edge: -abs(edge[2]))
    pairs = np.array([edge[:2] for edge in ordered], np.int32).reshape(-1, 2)
    weight = np.array([edge[2] for edge in ordered], np.float32)
    columns = tuple(f"t{k}" for k in range(tokens or int(pos.max()) + 1))
    total = float(np.abs(weight).sum())
    four = (layer.astype(np.int32), pos.astype(np.int32), index.astype(np.int32))
    return CircuitGraph(kind.astype(np.uint8), *four, pairs, weight, total, len(weight), "zero", columns)


def blobs(count: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Twelve round clusters in the unit box, each a category."""
    rng = np.random.default_rng(seed)
    middle, wide = rng.uniform(0.2, 0.8, (12, 2)), rng.uniform(0.02, 0.06, 12)
    category = rng.integers(0, 12, count)
    xy = middle[category] + rng.normal(size=(count, 2)) * wide[category, None]
    return xy.astype(np.float32), category.astype(np.uint8)


def circuit(seed: int = 0) -> CircuitGraph:
    """A small circuit over 6 tokens and 3 layers with 120 edges that all lead upwards."""
    rng = np.random.default_rng(seed)
    nodes = [(0, 0, pos, -1) for pos in range(6)]
    nodes += [(1, layer, pos, head) for layer in range(3) for pos in range(6) for head in range(3)]
    nodes += [(2, layer, pos, -1) for layer in range(3) for pos in range(6)]
    nodes += [(3, 2, 5, -1)]
    height = [-1 if kind == 0 else 9 if kind == 3 else 2 * layer + (kind == 2) for kind, layer, *_ in nodes]
    edges: dict[tuple[int, int], float] = {}
    while len(edges) < 120:
        source, target = (int(node) for node in rng.integers(0, len(nodes), 2))
        reads_back = nodes[target][0] == 1 and nodes[source][2] < nodes[target][2]
        if height[source] < height[target] and (reads_back or nodes[source][2] == nodes[target][2]):
            edges[source, target] = float(rng.standard_t(2))
    return graph(nodes, [(source, target, weight) for (source, target), weight in edges.items()])
