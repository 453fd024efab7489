"""Norms of the rows of a cache, beside the rows that went into it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import OpenCache
from interpviz.core.requests import CacheTokensRequest, RowsRequest
from interpviz.data import probe
from interpviz.engine.compute import Engine
from tests.data.samples import RESIDUAL, TEXTS, Sample, Z, record


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    yield record(tmp_path_factory.mktemp("rows") / "small.acts", (100, 60))
    probe.end()


def test_norms_of_cache_rows_are_those_of_the_recorded_vectors(sample: Sample) -> None:
    engine = Engine()
    facts = engine.compute(OpenCache(str(sample.folder)))
    found = engine.compute(RowsRequest(facts, 95, 104))
    expected = [np.linalg.norm(sample.rows[site][95:105].reshape(10, -1), axis=1) for site in facts.sites]
    assert facts.sites == (RESIDUAL, Z)
    assert found.values == pytest.approx(np.stack(expected), rel=1e-5)
    assert found.rows == ("L0R", "L0H")
    assert found.columns == tuple(TEXTS[token] for token in sample.rows["id"][95:105])


def test_tokens_of_a_cache_are_those_that_were_recorded(sample: Sample) -> None:
    engine = Engine()
    tokens = engine.compute(CacheTokensRequest(engine.compute(OpenCache(str(sample.folder)))))
    assert tokens.id.tolist() == sample.rows["id"].tolist()


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (5, 160), (7, 6)])
def test_rows_that_the_cache_has_not_are_a_sentence(sample: Sample, first: int, last: int) -> None:
    engine = Engine()
    facts = engine.compute(OpenCache(str(sample.folder)))
    with pytest.raises(InterpvizError, match="holds tokens 0 to 159"):
        engine.compute(RowsRequest(facts, first, last))
