"""Clouds of small recorded arrays, beside an SVD and worked-out pictures."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.report import Report
from interpviz.core.results import F4, Cloud
from interpviz.engine import clouds, projection, umap_child, umap_stream
from interpviz.engine.clouds import cloud, unit_box
from interpviz.engine.projection import principal
from interpviz.engine.umap_stream import Moving
from tests.engine.recorded import SITE, Recorded

RANDOM = np.random.default_rng(2)
GROUP = np.arange(300) % 3
GROUPS = (RANDOM.normal(size=(3, 12)) * 6)[GROUP] + RANDOM.normal(size=(300, 12))


@pytest.mark.parametrize("whole", [5, 1024])
def test_pca_is_the_singular_value_decomposition_whatever_the_pieces(
    whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "BLOCK", 64)
    monkeypatch.setattr(projection, "_WHOLE", whole)
    cache = Recorded(GROUPS + 40)
    exact = cache.values.astype(np.float64) - cache.values.astype(np.float64).mean(0)
    _, _, axes = np.linalg.svd(exact, full_matrices=False)
    found = principal(cache, SITE, np.arange(300), 4)
    for axis in range(4):
        along = exact @ axes[axis]
        if axes[axis][np.abs(axes[axis]).argmax()] < 0:
            along = -along
        assert np.allclose(found.values[:, axis], along, atol=1e-3)
    assert max(cache.read) == 64


def test_a_cloud_lies_in_the_unit_box_with_the_shape_of_its_plane() -> None:
    drawn = cloud(Recorded(GROUPS), Recorded(GROUPS).request("pca"))
    plane = principal(Recorded(GROUPS), SITE, np.arange(300), 2).values
    assert drawn.xy.dtype == np.float32
    assert (drawn.xy >= 0).all()
    assert (drawn.xy <= 1).all()
    widths = np.ptp(drawn.xy, axis=0) / np.ptp(plane, axis=0)
    assert widths[0] == pytest.approx(widths[1], rel=1e-4)
    assert np.ptp(drawn.xy, axis=0).max() == pytest.approx(1.0)
    assert drawn.ids.tolist() == list(range(300))
    assert drawn.method == "pca"
    assert drawn.quality is not None
    assert drawn.quality.queries == 300


def test_rows_that_are_not_finite_are_left_out_and_the_ids_say_so() -> None:
    broken = GROUPS.copy()
    broken[7, 3], broken[100, 0], broken[299, 11] = np.nan, np.inf, -np.inf
    cache = Recorded(broken)
    drawn = cloud(cache, cache.request("pca"))
    assert drawn.ids.tolist() == [row for row in range(300) if row not in (7, 100, 299)]
    assert np.isfinite(drawn.xy).all()


def test_wild_rows_turn_no_axis_and_collapse_no_view() -> None:
    wild = GROUPS.copy()
    wild[::50] = 30_000 * np.eye(12)[0]
    cache = Recorded(wild)
    drawn = cloud(cache, cache.request("pca"))
    tame = np.arange(300) % 50 != 0
    alone = cloud(Recorded(GROUPS[tame]), Recorded(GROUPS[tame]).request("pca"))
    assert np.allclose(drawn.xy[tame], alone.xy, atol=1e-3)
    assert set(drawn.xy[~tame].ravel().tolist()) <= {0.0, 1.0}


def test_a_point_far_off_in_a_map_is_drawn_at_the_border() -> None:
    positions = RANDOM.normal(size=(5000, 2)).astype(np.float32)
    positions[9] = 1e6, 0
    box = unit_box(positions)
    assert box[9, 0] == 1.0
    assert box[:, 1].std() > 0.1


def test_all_points_in_one_spot_lie_in_the_middle() -> None:
    cache = Recorded(np.ones((20, 4)))
    assert (cloud(cache, cache.request("pca")).xy == 0.5).all()


@pytest.mark.parametrize("shape", [(1, 4), (2, 1), (5, 3, 4)])
def test_few_tokens_few_dimensions_and_heads_are_drawn_too(shape: tuple[int, ...]) -> None:
    cache = Recorded(RANDOM.normal(size=shape))
    assert cloud(cache, cache.request("pca")).xy.shape == (shape[0], 2)


def test_a_site_without_finite_numbers_is_explained() -> None:
    cache = Recorded(np.full((10, 4), np.nan))
    with pytest.raises(InterpvizError, match="No token of tiny.acts has finite numbers"):
        cloud(cache, cache.request("pca"))


def test_the_map_is_shown_before_it_is_measured() -> None:
    seen: list[Cloud] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if partial is not None:
            seen.append(partial)

    cache = Recorded(GROUPS)
    final = cloud(cache, cache.request("pca"), report)
    assert [partial.quality for partial in seen] == [None]
    assert (seen[0].xy == final.xy).all()


def test_umap_of_three_tokens_is_explained() -> None:
    cache = Recorded(GROUPS[:3])
    with pytest.raises(InterpvizError, match="UMAP needs more than the 3 tokens"):
        cloud(cache, cache.request("umap"))


@pytest.mark.slow
def test_umap_moves_from_the_plane_to_groups_and_is_the_same_again() -> None:
    cache = Recorded(GROUPS)
    seen: list[tuple[float, Cloud]] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if partial is not None:
            seen.append((fraction, partial))

    final = cloud(cache, cache.request("umap", seed=4), report)
    assert len(seen) >= 2
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    centres = np.array([final.xy[group == GROUP].mean(0) for group in range(3)])
    nearest = np.linalg.norm(final.xy[:, None] - centres, axis=2).argmin(1)
    assert (nearest == GROUP).all()
    assert final.method == "umap"
    assert final.quality is not None
    assert final.quality.neighbours_kept > 0.4
    assert final.quality.trustworthiness > 0.9
    assert (cloud(cache, cache.request("umap", seed=4)).xy == final.xy).all()


def test_a_large_cache_is_mapped_by_a_sample_that_the_ids_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def settled(points: F4, start: F4, seed: int, report: Report) -> Iterator[Moving]:
        yield Moving(start * 7, 5, 5)

    monkeypatch.setattr(umap_stream, "maps", settled)
    monkeypatch.setattr(clouds, "UMAP_POINTS", 50)
    cache = Recorded(GROUPS)
    drawn = cloud(cache, cache.request("umap"))
    assert len(drawn.xy) == len(drawn.ids) == 50
    assert (np.diff(drawn.ids) > 0).all()
    assert drawn.ids[-1] > 100


def test_a_cancelled_umap_ends_its_process_within_a_quarter_second(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    class Remembered(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Remembered)
    asked: list[float] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if text == "starting UMAP":
            asked.append(time.monotonic())
            if len(asked) == 4:
                raise Cancelled

    cache = Recorded(GROUPS)
    with pytest.raises(Cancelled):
        cloud(cache, cache.request("umap"), report)
    assert time.monotonic() - asked[-1] < 0.25
    assert np.median(np.diff(asked)) < 0.25
    assert started[0].poll() is not None


def test_a_umap_whose_process_dies_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    cache = Recorded(GROUPS)
    with pytest.raises(InterpvizError, match=r"UMAP could not map these tokens \(its process ended\)\. Choose PCA"):
        cloud(cache, cache.request("umap"))


def test_the_process_answers_what_it_cannot_map_with_the_problem() -> None:
    job = {"points": 20, "dimensions": 2, "neighbours": 15, "seed": 0}
    points = np.full((20, 4), np.nan, np.float32).tobytes()
    answers = io.BytesIO()
    umap_child.serve(io.BytesIO(json.dumps(job).encode() + b"\n" + points), answers)
    assert json.loads(answers.getvalue())["problem"].startswith("ValueError: Input X contains NaN")
