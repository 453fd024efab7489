"""A small recorded cache, made once by the real writer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from interpviz.data import probe
from tests.data.samples import Sample, record


@pytest.fixture(scope="session", autouse=True)
def _no_child_is_left() -> Iterator[None]:
    yield
    probe.end()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Two shards of 100 and 60 rows; look, do not touch."""
    return record(tmp_path_factory.mktemp("recorded") / "small.acts", (100, 60))


@pytest.fixture
def sample(recorded: Sample, tmp_path: Path) -> Sample:
    """A copy of the recorded cache, to be spoiled."""
    folder = tmp_path / recorded.folder.name
    shutil.copytree(recorded.folder, folder)
    return Sample(folder, recorded.job, recorded.rows)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
