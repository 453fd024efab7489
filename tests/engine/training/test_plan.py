"""What cannot be trained is said before anything is written, and the defaults are what they are said to be."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from interpviz.core.errors import InterpvizError
from interpviz.engine.training.plan import planned
from interpviz.engine.training.train import train
from tests.data.samples import RESIDUAL
from tests.engine.training.learning import MLP_OUT, toy_cache, toy_job


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_cache(tmp_path_factory.mktemp("toy"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"width": 1}, "at least 2 features"),
        ({"batch": 1}, "at least 2 rows"),
        ({"k": 65}, r"Of 64 features 65 cannot be active\. Give --k from 1 to 64"),
        ({"k": 0}, "0 cannot be active"),
        ({"k": None, "width": 31}, "Of 31 features 32 cannot be active"),
        ({"kind": "relu"}, "relu needs no --k"),
        ({"kind": "sparse"}, "no kind 'sparse'. Choose relu, topk"),
        ({"seed": -1}, "is no seed. Give --seed from 0"),
        ({"seed": 2**64}, "is no seed. Give --seed from 0"),
        ({"out": "somewhere/an:odd@name"}, "Give the folder a plain name"),
        ({"sparsity": 1.0}, "topk needs no --sparsity"),
        ({"kind": "relu", "k": None, "sparsity": -1.0}, "a number from 0 on"),
        ({"rows": 63}, "63 rows are no batch of 64"),
        ({"rows": 10**23}, "Give fewer --rows"),
        ({"seed": 2**63}, "is no seed"),
        ({"seed": -1}, "is no seed"),
        ({"rate": 0.0}, "between 0 and 1"),
        ({"rate": float("nan")}, "between 0 and 1"),
        ({"launch": 3}, "3 processes cannot share batches of 64 rows evenly"),
        ({"skip": True}, "is a transcoder's"),
        ({"site": "L9R"}, "holds no L9R"),
        ({"site": "L0H1"}, "L0H1 is a part of an activation"),
        ({"to": "L9R"}, "holds no L9R"),
        ({"to": RESIDUAL}, "Leave --to out"),
        ({"to": MLP_OUT}, "a topk transcoder from 32 to 24 numbers"),
        ({"to": MLP_OUT, "kind": "gated", "k": None}, "a gated transcoder"),
        ({"width": 4001}, "4,000 rows: too few to train 4,001 features"),
        ({"batch": 401}, "in batches of 401 on, which wants 4,010"),
        ({"cache": "nowhere.acts"}, "There is no nowhere.acts"),
    ],
)
def test_what_cannot_be_trained_is_said_at_once(
    cache: Path, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InterpvizError, match=sentence):
        planned(replace(toy_job(cache, tmp_path / "sae"), **changes))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_said_before_the_first_step(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=5e8))
    with pytest.raises(InterpvizError, match=r"has 0\.5 GB free, but 0\.5 GB are wanted\. Make room"):
        train(toy_job(cache, tmp_path / "sae"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("said", ["", "[]", '{"metadata": 3}', '{"metadata": {"interpviz": {}}}', '{"interpviz": 3}'])
def test_what_no_training_has_made_is_left_alone(cache: Path, tmp_path: Path, said: str) -> None:
    (tmp_path / "sae").mkdir()
    (tmp_path / "sae" / "cfg.json").write_text(said, "utf-8")
    with pytest.raises(InterpvizError, match=r"something else at .*sae\. Choose another name after --out"):
        train(toy_job(cache, tmp_path / "sae"))
    assert (tmp_path / "sae" / "cfg.json").read_text("utf-8") == said


def test_rows_are_the_cache_once_but_at_least_two_million(cache: Path, tmp_path: Path) -> None:
    plan = planned(replace(toy_job(cache, tmp_path / "sae"), rows=None))
    assert plan.steps * 64 == 2_000_000
