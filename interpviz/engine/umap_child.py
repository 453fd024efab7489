"""The process that computes UMAP, so that numba neither holds up the window nor is loaded into it.

Run as `python -m interpviz.engine.umap_child`. It reads one JSON line {points, dimensions, neighbours, seed}, then
the float32 points and their float32 starting positions; it writes JSON lines {epoch, epochs, bytes}, each followed by
that many bytes of float32 positions, the last with epoch = epochs; or {problem} where it fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

F4 = NDArray[np.float32]

# Seconds between two pictures of the moving map.
_PERIOD = 0.5


def serve(source: BinaryIO, answers: BinaryIO) -> None:
    """Answer the one job of this process."""
    job = json.loads(source.readline())
    shape = (job["points"], job["dimensions"])
    points = np.frombuffer(source.read(4 * shape[0] * shape[1]), np.float32).reshape(shape)
    start = np.frombuffer(source.read(8 * shape[0]), np.float32).reshape(-1, 2)
    try:
        _embed(points, start, job["neighbours"], job["seed"], answers)
    except Exception as problem:
        _tell(answers, {"problem": f"{type(problem).__name__}: {problem}"})


def _embed(points: F4, start: F4, neighbours: int, seed: int, answers: BinaryIO) -> None:
    """UMAP as `umap.UMAP` does it, but from `start`, with exact neighbours, and with the way there shown."""
    indices, distances = _nearest(points, neighbours)
    from umap import layouts, umap_

    _keep_compiled(umap_, "smooth_knn_dist", "compute_membership_strengths")
    _keep_compiled(layouts, "_nb_optimize_layout_euclidean_single_epoch")
    random = np.random.RandomState(seed)
    graph, *_ = umap_.fuzzy_simplicial_set(
        points, neighbours, random, "euclidean", knn_indices=indices, knn_dists=distances
    )
    epochs = 500 if len(points) <= 10_000 else 200
    graph = graph.tocoo()
    graph.data[graph.data < graph.data.max() / epochs] = 0.0
    graph.eliminate_zeros()
    positions = _spread(start, random)
    a, b = umap_.find_ab_params(1.0, 0.1)
    layouts.optimize_layout_euclidean(
        positions,
        positions,
        graph.row,
        graph.col,
        epochs,
        len(points),
        umap_.make_epochs_per_sample(graph.data, epochs),
        a,
        b,
        random.randint(-(2**31) + 1, 2**31 - 2, 3).astype(np.int64),
        tqdm_kwds=_watched(positions, epochs, answers),
        move_other=True,
    )
    _show(positions, epochs, epochs, answers)


def _nearest(points: F4, count: int) -> tuple[NDArray[np.intp], F4]:
    """The `count` nearest of each point and how far they are, itself first, as UMAP counts them."""
    from sklearn.neighbors import NearestNeighbors

    # Asked for the point itself too, the search would put any of its doubles in its place.
    distances, indices = NearestNeighbors(n_neighbors=count - 1, algorithm="brute").fit(points).kneighbors()
    own = np.arange(len(points))[:, None]
    return np.hstack([own, indices]), np.hstack([np.zeros_like(own), distances]).astype(np.float32)


def _watched(positions: F4, epochs: int, answers: BinaryIO) -> dict[str, Any]:
    """UMAP has no callback, but a progress bar that writes where it is told, with the positions moved in place."""
    return {
        "disable": False,
        "file": _Watched(positions, epochs, answers),
        "bar_format": "{n}",
        "mininterval": _PERIOD,
        "miniters": 1,
        "leave": False,
    }


def _keep_compiled(module: Any, *names: str) -> None:
    """Let numba keep these functions' machine code from process to process: 5 s of CPU to the map instead of 16."""
    import numba

    for name in names:
        # Where nothing can be kept, or the function is another in this version, it is compiled each time.
        with contextlib.suppress(RuntimeError, AttributeError):
            compiled = getattr(module, name)
            fastmath = compiled.targetoptions.get("fastmath", False)
            setattr(module, name, numba.njit(fastmath=fastmath, cache=True)(compiled.py_func))


class _Watched:
    """Where the progress bar writes: shows the positions at every epoch that it names."""

    def __init__(self, positions: F4, epochs: int, answers: BinaryIO) -> None:
        self._positions, self._epochs, self._answers = positions, epochs, answers

    def write(self, text: str) -> None:
        epoch = text.strip()
        if epoch.isdigit():
            _show(self._positions, int(epoch), self._epochs, self._answers)

    def flush(self) -> None:
        """Nothing is held back."""


def _spread(start: F4, random: np.random.RandomState) -> F4:
    """The start over a square of ten, as UMAP begins; doubles are set apart, or nothing would ever part them."""
    low, high = start.min(0), start.max(0)
    spread = 10 * (start - low) / np.where(high > low, high - low, 1)
    return np.ascontiguousarray(spread + random.normal(scale=1e-3, size=start.shape), np.float32)


def _show(positions: F4, epoch: int, epochs: int, answers: BinaryIO) -> None:
    _tell(answers, {"epoch": epoch, "epochs": epochs, "bytes": positions.nbytes}, positions.tobytes())


def _tell(answers: BinaryIO, message: dict[str, Any], payload: bytes = b"") -> None:
    answers.write(json.dumps(message).encode() + b"\n" + payload)
    answers.flush()


if __name__ == "__main__":
    with contextlib.suppress(AttributeError, OSError):
        os.nice(5)
    _answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    serve(sys.stdin.buffer, _answers)
