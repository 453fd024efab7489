"""GGUF files, opened and converted, beside the model that they were written from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from interpviz.core.document import Prompt
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.jobs import OpenModel
from interpviz.core.requests import RunRequest
from interpviz.engine.compute import Engine
from interpviz.engine.convert import convert_gguf
from tests.engine import gguf_file, tiny


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny.llama()


@pytest.fixture(scope="module")
def gguf(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gguf_file.write(model, tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.mark.slow
def test_a_gguf_file_and_the_folder_made_of_it_say_what_the_model_says(model: Any, gguf: Path, tmp_path: Path) -> None:
    convert_gguf(gguf, tmp_path / "tiny")
    with torch.no_grad():
        expected = model(torch.tensor([[0, 28, 3]])).logits[0, -1].tolist()
    for source in (gguf, tmp_path / "tiny"):
        engine = Engine()
        facts = engine.compute(OpenModel(str(source)))
        found = engine.compute(RunRequest(facts, Prompt("abc")))
        assert found.tokens.ids.tolist() == [0, 28, 3]
        assert found.logits.tolist() == pytest.approx(expected, abs=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_conversion_that_is_stopped_leaves_nothing(gguf: Path, tmp_path: Path) -> None:
    def stop(fraction: float, text: str = "", partial: Any = None) -> None:
        if fraction >= 0.8:
            raise Cancelled

    with pytest.raises(Cancelled):
        convert_gguf(gguf, tmp_path / "tiny", stop)
    assert list(tmp_path.iterdir()) == []


def test_what_stands_where_the_folder_should_go_is_kept(gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    with pytest.raises(InterpvizError, match="There is something at .* already"):
        convert_gguf(gguf, tmp_path / "tiny")


def test_a_file_that_is_not_a_language_model_is_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(45))
    with pytest.raises(InterpvizError):
        convert_gguf(broken, tmp_path / "tiny")
    assert list(tmp_path.iterdir()) == [broken]
