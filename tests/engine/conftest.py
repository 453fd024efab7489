"""Small random models, each loaded once."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from tests.engine import tiny
from tests.engine.pairs import Pair


@pytest.fixture(scope="session", params=["llama", "gpt2", "neox"])
def random_pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A random model of each architecture."""
    return Pair.open(tiny.save(getattr(tiny, request.param)(), tmp_path_factory.mktemp(request.param)))


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair.open(tiny.save(tiny.llama(), tmp_path_factory.mktemp("llama")))


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reference text that the small tokenizer can read, in the place of the bundled one."""
    draw = random.Random(1)
    text = tmp_path / "letters.txt"
    text.write_text(" ".join(draw.choice(string.ascii_lowercase) for _ in range(1100)), "utf-8")
    monkeypatch.setattr("interpviz.engine.loaded.resource", lambda name: text)
    return text
