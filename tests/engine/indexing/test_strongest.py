"""The strongest of a stream are those of all of it at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interpviz.core.feature_results import IndexSoFar
from interpviz.core.results import CacheTokens
from interpviz.engine.indexing import so_far
from interpviz.engine.indexing.stripes import Entries
from interpviz.engine.indexing.strongest import Strongest

FEATURES, K = 13, 4


@pytest.mark.parametrize("step", [1, 7, 500])
def test_the_strongest_are_those_of_a_dense_topk(step: int):
    dense = np.random.default_rng(0).standard_normal((500, FEATURES)).astype(np.float32) - 1
    found = Strongest(FEATURES, K)
    for low in range(0, 500, step):
        found.add(_entries(dense, low, low + step))
    expected = torch.topk(torch.from_numpy(dense), K, dim=0)
    np.testing.assert_array_equal(found.values, expected.values.T.clamp_min(0))
    there = found.values > 0
    np.testing.assert_array_equal(found.rows[there], expected.indices.T.numpy()[there])
    assert (found.rows[~there] == -1).all()


def test_of_equal_values_the_earlier_stay():
    dense = np.ones((30, 2), np.float32)
    found = Strongest(2, K)
    for low in range(0, 30, 3):
        found.add(_entries(dense, low, low + 3))
    np.testing.assert_array_equal(found.rows, [[0, 1, 2, 3]] * 2)


def test_a_feature_with_fewer_has_empty_places_behind():
    found = Strongest(3, K)
    found.add(Entries(np.array([5, 9]), np.array([1, 1], np.int32), np.array([2, 3], np.float32)))
    np.testing.assert_array_equal(found.values[1], [3, 2, 0, 0])
    np.testing.assert_array_equal(found.rows, [[-1] * 4, [9, 5, -1, -1], [-1] * 4])


def test_what_is_known_so_far_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(so_far, "EVERY", -1.0)
    ids, zeros = np.array([0, 1, 2, 1], np.int32), np.zeros(4, np.int32)
    known = so_far.SoFar(3, CacheTokens(ids, zeros, zeros, {0: "a", 1: "b", 2: "c"}))
    told: list[IndexSoFar] = []

    def report(fraction: float, text: str = "", partial: object = None) -> None:
        assert (fraction, text) == (0.75, "3 of 4 tokens")
        assert isinstance(partial, IndexSoFar)
        told.append(partial)

    known.tell(Entries(np.array([1, 2, 2]), np.array([2, 0, 2], np.int32), np.array([4, 1, 5], np.float32)), report)
    assert told == [IndexSoFar(3, 2, ((2, 5.0, ("c", "b")), (0, 1.0, ("c",))))]


def _entries(dense: np.ndarray, low: int, high: int) -> Entries:
    row, feature = np.nonzero(dense[low:high] > 0)
    return Entries(row + low, feature.astype(np.int32), dense[low:high][row, feature])
