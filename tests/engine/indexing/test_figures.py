"""Figures of features are those that numpy gives one by one."""

from __future__ import annotations

import numpy as np
import pytest

from interpviz.data.feature_index_file import BINS
from interpviz.engine.indexing.figures import figures
from interpviz.engine.indexing.stripes import Bucket, ranking

COUNTS = [0, 1, 2, 7, 500, 0]


@pytest.fixture(params=["positive", "of both signs", "all alike", "negative", "at the edges"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    draw = np.random.default_rng(0).standard_normal(sum(COUNTS))
    values = {"positive": np.abs(draw) * 1e-3, "all alike": np.full(len(draw), 0.3), "negative": -np.abs(draw)}
    ptr = np.concatenate([[0], np.cumsum(COUNTS)])
    values["at the edges"] = np.random.default_rng(1).integers(1, BINS + 1, len(draw)) * np.float32(0.7 / BINS)
    found = values.get(request.param, draw).astype(np.float32)
    return Bucket(0, ptr, np.arange(len(draw), dtype=np.uint32), found)


def test_the_figures_of_each_feature_are_those_of_its_values(bucket: Bucket):
    found = figures(bucket.ranked())
    for feature, (low, high) in enumerate(zip(bucket.ptr[:-1], bucket.ptr[1:], strict=True)):
        values = bucket.values[low:high]
        if not len(values):
            assert found.maximum[feature] == found.mean[feature] == found.histogram[feature].sum() == 0
            continue
        assert found.maximum[feature] == values.max()
        assert found.mean[feature] == pytest.approx(values.astype(np.float64).mean(), rel=1e-6)
        np.testing.assert_allclose(
            found.quantiles[feature],
            np.quantile(values.astype(np.float64), np.linspace(0, 1, 101)),
            rtol=1e-5,
            atol=1e-7,
        )
        edges = np.linspace(min(values.min(), 0), max(values.max(), 0), BINS + 1).astype(np.float32)
        np.testing.assert_array_equal(found.histogram[feature], np.histogram(values, edges)[0])


def test_values_fall_and_of_equal_ones_the_earlier_comes_first():
    rng = np.random.default_rng(0)
    group, values = rng.integers(0, 3, 200), rng.integers(-3, 4, 200).astype(np.float32)
    expected = sorted(range(200), key=lambda at: (group[at], -values[at], at))
    assert ranking(group, values).tolist() == expected
