"""A training ends in a dictionary that opens, is the same however often it was stopped, and says how far it is."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.feature_requests import Train
from interpviz.core.feature_results import TrainingPoint
from interpviz.core.features import DictionaryKind
from interpviz.core.results import F4
from interpviz.data import dictionaries
from interpviz.data.activations import Cache
from interpviz.engine.compute import Engine
from interpviz.engine.dictionaries import SAE
from interpviz.engine.training import train as training
from interpviz.engine.training.coder import Coder
from interpviz.engine.training.figures import Figures
from interpviz.engine.training.finish import fold
from interpviz.engine.training.rows import Frame
from interpviz.engine.training.train import train
from tests.data.samples import CONTEXT, RESIDUAL, Z
from tests.engine.training.learning import MLP_OUT, TRUE, toy_cache, toy_job, true_features

KINDS: tuple[DictionaryKind, ...] = ("relu", "topk", "batchtopk", "jumprelu", "gated", "matryoshka")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_cache(tmp_path_factory.mktemp("toy"))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes threads wait for each other."""
    monkeypatch.setattr(training, "_processors", lambda: 1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_ends_as_a_dictionary_of_the_site(cache: Path, tmp_path: Path, kind: DictionaryKind) -> None:
    facts = train(toy_job(cache, tmp_path / "sae", kind=kind, rows=640))
    assert (facts.name, facts.hook, facts.d_in, facts.features) == ("sae", RESIDUAL, 32, 64)
    x = torch.from_numpy(Cache.open(cache).rows(RESIDUAL, range(1, 9)))
    sae = SAE(dictionaries.load(tmp_path / "sae"))
    assert torch.isfinite(sae.decode(sae.encode(x), x)).all()
    assert not (tmp_path / "sae.training").exists()


@pytest.mark.parametrize("kind", ["relu", "jumprelu", "batchtopk", "matryoshka", "topk"])
@pytest.mark.parametrize("skip", [False, True])
def test_transcoders_write_what_they_were_trained_to(
    cache: Path, tmp_path: Path, kind: DictionaryKind, skip: bool
) -> None:
    # topk is written as sparsify does, which knows one width alone
    site, to = ("L0H", MLP_OUT) if kind == "topk" else (RESIDUAL, Z)
    facts = train(toy_job(cache, tmp_path / "sae", kind=kind, rows=640, site=site, to=to, skip=skip))
    assert facts.hook_out == (MLP_OUT if kind == "topk" else Z)
    assert facts.written[1] == 24
    assert (dictionaries.load(tmp_path / "sae").W_skip is not None) == skip


def test_a_skip_alone_learns_what_is_linear(tmp_path: Path, cache: Path) -> None:
    points = _points(toy_job(cache, tmp_path / "sae", kind="batchtopk", k=1, width=2, to=MLP_OUT, skip=True, rate=3e-2))
    assert points[-1].fvu < 0.2  # the one site's rows are a linear map of the other's


def test_what_is_written_stands_outside_of_the_frames() -> None:
    rng = np.random.default_rng(0)
    shapes = {"W_enc": (4, 6), "W_dec": (6, 3), "b_enc": (6,), "b_dec": (3,), "W_skip": (3, 4), "threshold": (6,)}
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    arrays["threshold"] = np.abs(arrays["threshold"])
    read, written = Frame(torch.tensor([1.0, -2, 3, 0]), 2.5), Frame(torch.tensor([10.0, 20, -30]), 0.5)
    x = rng.standard_normal((50, 4)).astype(np.float32) * 3
    inside = (x - read.centre.numpy()) / read.spread
    wanted = _jump(inside, arrays) @ arrays["W_dec"] + arrays["b_dec"] + inside @ arrays["W_skip"].T
    folded = fold(arrays, read, written)
    found = _jump(x - folded["b_in"], folded) @ folded["W_dec"] + folded["b_dec"] + x @ folded["W_skip"].T
    np.testing.assert_allclose(found, wanted * written.spread + written.centre.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(folded["W_dec"], arrays["W_dec"])


def test_the_configuration_says_what_it_was_trained_on(cache: Path, tmp_path: Path) -> None:
    train(toy_job(cache, tmp_path / "sae", rows=640))
    said = json.loads((tmp_path / "sae" / "cfg.json").read_text())
    assert (said["architecture"], said["k"], said["normalize_activations"]) == ("topk", 3, "none")
    metadata = said["metadata"]
    assert (metadata["model_name"], metadata["context_size"], metadata["hook_name"]) == ("toy", CONTEXT, RESIDUAL)
    assert metadata["seqpos_slice"] == [1, None]
    assert metadata["interpviz"]["cache_sha256"] == Cache.open(cache).facts.sha256
    assert metadata["interpviz"]["arguments"]["rows"] == 640


def test_points_say_where_it_stands(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "NEWS_SECONDS", -1.0)
    said: list[tuple[float, str, Any]] = []
    train(toy_job(cache, tmp_path / "sae"), report=lambda *news: said.append(news))
    points = [news[2] for news in said if len(news) > 2 and news[2] is not None]
    assert [point.step for point in points] == list(range(1, 101))
    assert {(point.steps, point.l0) for point in points} == {(100, 3.0)}
    assert points[-1].fvu < 0.6 < points[0].fvu
    assert points[-1].loss < points[0].loss
    assert said[-1][0] == 1.0
    assert said[-1][1].startswith("step 100 of 100, loss ")


def test_a_stopped_training_goes_on_to_the_same_weights(cache: Path, tmp_path: Path) -> None:
    pressed = {"kind": "relu", "sparsity": 30.0, "rate": 3e-2}  # most features die and are revived
    for changes in ({"kind": "topk"}, {"kind": "matryoshka"}, pressed):
        job = toy_job(cache, tmp_path / f"whole-{changes['kind']}", rows=12800, **changes)
        train(job)
        parts = replace(job, out=str(tmp_path / f"parts-{job.kind}"))
        for steps in (30, 1, 90):  # in its first epoch of 59 batches, at once again, and in its third
            with pytest.raises(Cancelled):
                train(parts, report=_until(steps))
        train(parts)
        assert _bytes(parts) == _bytes(job)


def test_what_a_stopped_training_had_learnt_can_be_kept(cache: Path, tmp_path: Path) -> None:
    """What is written are the decoder rows of the last checkpoint."""
    job = toy_job(cache, tmp_path / "kept", rows=12800)
    with pytest.raises(InterpvizError, match="Nothing was learnt for .*kept yet"):
        train(replace(job, keep=True))
    with pytest.raises(Cancelled):
        train(job, report=_until(30))
    tensors = _checkpointed(tmp_path / "kept.training")
    facts = train(replace(job, keep=True))
    said = json.loads((tmp_path / "kept" / "cfg.json").read_text("utf-8"))["metadata"]["interpviz"]
    rows = dictionaries.load(facts.source).W_dec
    assert said["steps"] == 30
    assert np.allclose(rows, tensors["coder.decoder"], atol=1e-6)
    assert not (tmp_path / "kept.training").exists()
    assert train(replace(job, keep=True)) == facts
    with pytest.raises(InterpvizError, match="holds what this training had learnt when it was stopped at step 30"):
        train(job)


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_weights(cache: Path, tmp_path: Path) -> None:
    job = toy_job(cache, tmp_path / "whole", rows=6400)
    train(job)
    parts = replace(job, out=str(tmp_path / "parts"))
    folder = tmp_path / "parts.training"
    child = subprocess.Popen([sys.executable, "-c", _KILLED, json.dumps(vars(parts))])
    while len(list(folder.glob("*.safetensors"))) < 2:
        assert child.poll() is None
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "parts").exists()
    train(parts)
    assert _bytes(parts) == _bytes(job)
    assert not folder.exists()


def test_dead_features_of_relu_are_revived(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    revive = Coder.revive

    def counted(coder: Coder, features: torch.Tensor, *others: Any) -> None:
        seen.append(len(features))
        revive(coder, features, *others)

    monkeypatch.setattr(Coder, "revive", counted)
    train(toy_job(cache, tmp_path / "sae", kind="relu", sparsity=30.0, rate=3e-2))  # which presses all of them dead
    assert max(seen) > 10


def test_the_same_again_only_says_what_is_there(cache: Path, tmp_path: Path) -> None:
    job = toy_job(cache, tmp_path / "sae", rows=640)
    first = train(job)
    before = _bytes(job)
    said: list[Any] = []
    assert train(job, report=lambda *news: said.append(news)) == first
    assert said == []
    assert _bytes(job) == before


def test_another_training_leaves_what_is_there(cache: Path, tmp_path: Path) -> None:
    job = toy_job(cache, tmp_path / "sae", rows=640)
    train(job)
    with pytest.raises(InterpvizError, match=r"sae holds a training with seed 0\. Give the arguments"):
        train(replace(job, seed=1))
    with pytest.raises(InterpvizError, match="holds a training with width 64"):
        train(replace(job, width=32))
    with pytest.raises(Cancelled):
        train(replace(job, out=str(tmp_path / "other")), report=_until(3))
    with pytest.raises(InterpvizError, match=r"other\.training holds a training with k 3"):
        train(replace(job, out=str(tmp_path / "other"), k=4))


def test_a_folder_of_other_things_is_left_alone(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "sae").mkdir()
    (tmp_path / "sae" / "letters.txt").write_text("dear")
    with pytest.raises(InterpvizError, match="There is something else at"):
        train(toy_job(cache, tmp_path / "sae", rows=640))
    assert [path.name for path in (tmp_path / "sae").iterdir()] == ["letters.txt"]


def test_a_clock_that_has_not_moved_since_the_last_point_stops_nothing() -> None:
    figures = Figures(width=4, d_out=2, dead_after=10, device="cpu")
    figures.add(torch.ones(5 + 2 + 4, dtype=torch.float64))
    assert figures.point(1, 1, 0.0).rows_a_second > 0


@pytest.mark.slow
def test_a_job_of_the_window_trains_in_a_process_of_its_own(cache: Path, tmp_path: Path) -> None:
    points: list[TrainingPoint] = []

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        points.extend([partial] if partial else [])

    facts = Engine("cpu").compute(toy_job(cache, tmp_path / "sae"), report)
    assert (facts.name, facts.features) == ("sae", 64)
    assert points[-1].step == 100
    assert points[-1].fvu < 0.6


@pytest.mark.slow
def test_two_processes_train_what_one_does(cache: Path, tmp_path: Path) -> None:
    alone = toy_job(cache, tmp_path / "alone", rows=1280)
    shared = replace(alone, out=str(tmp_path / "shared"), launch=2)
    train(alone)
    train(shared)
    one, two = (dictionaries.load(job.out) for job in (alone, shared))
    np.testing.assert_allclose(two.W_dec, one.W_dec, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_known_features_in_superposition_are_found(tmp_path: Path, kind: DictionaryKind) -> None:
    cache = toy_cache(tmp_path, 20_000)
    train(toy_job(cache, tmp_path / "sae", kind=kind, rows=200_000, batch=256, rate=5e-3))
    found = dictionaries.load(tmp_path / "sae").W_dec
    cosines = (found / np.linalg.norm(found, axis=1, keepdims=True)) @ true_features().T
    assert cosines.max(0).mean() > 0.9
    assert cosines.shape == (64, TRUE)


def _until(steps: int) -> Any:
    """A report that cancels once so many more steps are done."""
    count = itertools.count()  # the first call comes before the first step

    def report(fraction: float, text: str = "", partial: Any = None) -> None:
        if next(count) == steps:
            raise Cancelled

    return report


def _checkpointed(folder: Path) -> dict[str, Any]:
    """The tensors of the latest of the two checkpoints."""
    latest = max(folder.glob("?.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    return dict(load_file(latest))


def _points(job: Train) -> list[TrainingPoint]:
    points: list[TrainingPoint] = []
    train(job, report=lambda fraction, text="", partial=None: points.extend([partial] if partial else []))
    return points


def _bytes(job: Train) -> list[bytes]:
    return [(Path(job.out) / name).read_bytes() for name in ("cfg.json", "sae_weights.safetensors")]


def _jump(x: F4, arrays: dict[str, F4]) -> F4:
    pre: F4 = x @ arrays["W_enc"] + arrays["b_enc"]
    active: F4 = pre * (pre > arrays["threshold"])
    return active


_KILLED = """
import json, sys
from interpviz.core.feature_requests import Train
from interpviz.engine.training import train
train.CHECKPOINT_SECONDS = 0.0
train._processors = lambda: 1
train.train(Train(**json.loads(sys.argv[1])))
"""
