"""Figures of a map's truth, beside scikit-learn's and a loop by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from interpviz.core.errors import Cancelled
from interpviz.core.results import F4
from interpviz.engine import quality as module
from interpviz.engine.quality import quality

RANDOM = np.random.default_rng(5)
POINTS = RANDOM.normal(size=(120, 8)).astype(np.float32)
MAP = (POINTS[:, :2] + RANDOM.normal(scale=0.5, size=(120, 2))).astype(np.float32)


def test_trustworthiness_is_scikit_learn_s() -> None:
    measured = quality(POINTS, MAP)
    assert measured.queries == 120
    assert measured.trustworthiness == pytest.approx(trustworthiness(POINTS, MAP, n_neighbors=15), abs=1e-9)


def test_neighbours_kept_is_what_a_loop_counts() -> None:
    def nearest(space: F4, query: int) -> set[int]:
        order = np.argsort(np.linalg.norm(space - space[query], axis=1))
        return {int(i) for i in order[1:16]}

    kept = [len(nearest(POINTS, query) & nearest(MAP, query)) / 15 for query in range(120)]
    assert quality(POINTS, MAP).neighbours_kept == pytest.approx(np.mean(kept))


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = quality(POINTS, MAP)
    monkeypatch.setattr(module, "_STEP", 1.0)
    assert vars(quality(POINTS, MAP)) == vars(whole)


def test_a_map_that_is_the_truth_is_perfect_and_a_shuffled_one_is_chance() -> None:
    plane = RANDOM.normal(size=(1200, 2)).astype(np.float32)
    perfect, chance = quality(plane, 7 * plane + 1), quality(plane, RANDOM.permutation(plane))
    assert perfect.queries == 1200
    assert min(perfect.neighbours_kept, perfect.trustworthiness) > 0.999
    assert chance.neighbours_kept == pytest.approx(15 / 1199, abs=0.004)
    assert chance.trustworthiness == pytest.approx(0.5, abs=0.02)


def test_queries_are_a_fair_sample_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUERIES", 300)
    points = RANDOM.normal(size=(900, 6)).astype(np.float32)
    sampled = quality(points, points[:, :2])
    assert sampled.queries == 300
    assert sampled.trustworthiness == pytest.approx(trustworthiness(points, points[:, :2], n_neighbors=15), abs=0.01)


@pytest.mark.parametrize(("points", "queries"), [(1, 0), (2, 0), (3, 3), (16, 16)])
def test_a_few_points_are_measured_with_fewer_neighbours(points: int, queries: int) -> None:
    assert quality(POINTS[:points], POINTS[:points, :2]).queries == queries


def test_points_in_one_spot_are_measured() -> None:
    double = np.repeat(POINTS[:40], 3, axis=0)
    measured = quality(double, double[:, :2])
    assert 0 <= measured.neighbours_kept <= 1
    assert vars(quality(np.zeros((60, 4), np.float32), np.zeros((60, 2), np.float32)))["trustworthiness"] == 1.0


def test_measuring_can_be_cancelled() -> None:
    def stop(fraction: float, text: str = "", partial: Any = None) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        quality(POINTS, MAP, report=stop)
