"""What mean ablation draws from: a cache of this model, else the bundled text; remembered, and named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from interpviz.core.document import CacheFacts, Prompt, Sources
from interpviz.core.interventions import Intervention
from interpviz.core.jobs import OpenCache
from interpviz.core.paths import resource
from interpviz.core.requests import RunRequest
from interpviz.core.results import RunResult
from interpviz.data import probe
from interpviz.data.manifest import Job
from interpviz.engine.lens import Model
from interpviz.engine.reference import MeanActivation
from tests.data.samples import write_one
from tests.engine.pairs import Pair

TEXT = "a b c d"
HOOK = "blocks.1.attn.hook_z"
MEAN = Intervention.parse("L1H2:mean")


@pytest.fixture(scope="module")
def cache(llama: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CacheFacts, NDArray[np.float32]]]:
    """A cache of rows that the model would not give by itself, so that one sees where means come from."""
    rows = np.random.default_rng(0).standard_normal((12, 6, 4)).astype(np.float16).astype(np.float32)
    folder = tmp_path_factory.mktemp("reference") / "small.acts"
    documents, positions = np.divmod(np.arange(12, dtype=np.int32), np.int32(4))
    write_one(folder, _job(llama), documents, positions, {HOOK: rows})
    yield llama.engine.compute(OpenCache(str(folder))), rows
    probe.end()


def test_a_cache_of_the_model_gives_its_means_with_position_0_apart(
    llama: Pair, cache: tuple[CacheFacts, NDArray[np.float32]]
) -> None:
    facts, rows = cache
    first = np.arange(12) % 4 == 0
    mean = torch.from_numpy(np.stack([rows[first].mean(0), rows[~first].mean(0)]).reshape(2, -1))
    result = _run(llama, facts)
    assert result.logits.tolist() == pytest.approx(llama.logits(TEXT, MEAN, mean).tolist(), abs=1e-4)
    assert result.reference is not None
    assert (result.reference.source, result.reference.tokens) == ("small", 12)
    assert result.reference.sha256 == facts.sha256


def test_a_cache_without_the_hook_is_passed_over_for_the_text(
    llama: Pair, cache: tuple[CacheFacts, NDArray[np.float32]], letters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama.engine.loaded(llama.facts), "_text", None)  # what another test has read
    result = _run(llama, cache[0], Intervention.parse("L1M:mean"))
    assert result.reference is not None
    assert (result.reference.source, result.reference.tokens) == ("letters.txt", 32 * 32)
    assert result.reference.sha256 == hashlib.sha256(letters.read_bytes()).hexdigest()


def test_means_of_a_text_are_computed_once_for_all_sites(
    llama: Pair, letters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(llama, None)
    forwards, forward = [], Model.forward

    def counting(*given: Any, **kept: Any) -> Any:
        forwards.append(given)
        return forward(*given, **kept)

    monkeypatch.setattr(Model, "forward", counting)
    _run(llama, None, Intervention.parse("L2R-:mean@1"))
    assert len(forwards) == 1


@pytest.mark.parametrize("shape", [(), (6, 4)])
def test_a_mean_that_lies_on_another_device_is_told_positions_all_the_same(shape: tuple[int, ...]) -> None:
    mean = MeanActivation(torch.zeros(shape, device="meta"), torch.ones(shape, device="meta"))
    at = mean.at(torch.arange(3))
    assert (at.device.type, at.shape) == ("meta", (3, *shape))


def test_a_run_without_mean_ablation_names_no_reference(llama: Pair) -> None:
    assert _run(llama, None, Intervention.parse("L1H2")).reference is None


@pytest.mark.slow
def test_the_bundled_text_gives_the_demo_32_contexts_of_64_tokens() -> None:
    pair = Pair.open(resource("demo/model"))
    reference = _run(pair, None).reference
    assert reference is not None
    assert (reference.source, reference.tokens) == ("reference.txt", 32 * 64)


def _run(pair: Pair, cache: CacheFacts | None, edit: Intervention = MEAN) -> RunResult:
    request = RunRequest(pair.facts, Prompt(TEXT), frozenset([edit]), sources=Sources(reference=cache))
    result: RunResult = pair.engine.compute(request)
    return result


def _job(pair: Pair) -> Job:
    return Job(
        model=pair.facts.name,
        model_sha256=pair.facts.sha256,
        tokenizer_sha256="b" * 64,
        numerics="huggingface",
        sites=(HOOK,),
        dtype="float16",
        context=4,
        tokens=12,
        texts=("c" * 64,),
        created="2026-01-01T00:00:00Z",
    )
