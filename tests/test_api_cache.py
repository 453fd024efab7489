"""A recorded cache from Python gives what was recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from interpviz import api
from tests.data.samples import CODES, RESIDUAL, TEXTS, Sample, Z, record


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return record(tmp_path_factory.mktemp("api") / "x.acts", (100, 60), dictionaries=(CODES,))


def test_rows_columns_and_codes_are_those_that_were_recorded(made: Sample) -> None:
    cache = api.open(made.folder)
    np.testing.assert_array_equal(cache.rows("L0H1", [3, 120]), made.rows[Z][[3, 120], 1])
    np.testing.assert_array_equal(cache.rows("L0R", slice(90, 110)), made.rows[RESIDUAL][90:110])
    np.testing.assert_array_equal(cache.column("L0R", 4), made.rows[RESIDUAL][:, 4])
    np.testing.assert_array_equal(cache.codes("sae", [3, 120]).index, made.rows["sae/index"][[3, 120]])
    assert cache.facts.codes == ("sae",)


def test_mean_and_variance_leave_position_zero_apart(made: Sample) -> None:
    cache, rest = api.open(made.folder), made.rows[RESIDUAL][made.rows["position"] > 0]
    np.testing.assert_allclose(cache.mean("L0R").rest, rest.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(cache.variance("L0R").rest, rest.var(axis=0), rtol=1e-4)


def test_the_context_of_a_row_is_its_words(made: Sample) -> None:
    context = api.open(made.folder).context(105)
    assert context.first == 100
    assert context.texts == tuple(TEXTS[i] for i in made.rows["id"][100:120].tolist())


def test_an_epoch_in_blocks_has_every_row_once(made: Sample) -> None:
    blocks = list(api.open(Path(made.folder)).shuffled("L0R", 30, seed=0))
    rows = np.concatenate([block.rows for block in blocks])
    np.testing.assert_array_equal(np.sort(rows), np.arange(160))
    np.testing.assert_array_equal(np.concatenate([block.values["L0R"] for block in blocks]), made.rows[RESIDUAL][rows])
