"""A recorded cache holds what plain transformers computes, token by token."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from interpviz.core.document import CacheFacts
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.jobs import Record
from interpviz.core.report import silent
from interpviz.core.sites import EMBED, Site
from interpviz.data import manifest, recorder
from interpviz.data.activations import Cache
from interpviz.data.check import check
from interpviz.engine import record as record_module
from interpviz.engine import shard_maker
from interpviz.engine.hands import local_hands
from interpviz.engine.record import record
from tests.engine.pairs import Pair

TEXT = "the cat sat on a mat and the dog sat too".replace("", " ")
CONTEXT = 12
SITES = (Site(1, "resid_post"), Site(0, "resid_pre"), Site(1, "head", 3), EMBED)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(f"{TEXT}\n\n{TEXT[9:]}\n")
    return path


@pytest.mark.slow
def test_rows_are_what_plain_transformers_computes(random_pair: Pair, text: Path, tmp_path: Path) -> None:
    facts = _record(random_pair, text, tmp_path, sites=SITES[:2])
    cache = Cache.open(facts.source)
    tokens = cache.tokens()
    starts = np.flatnonzero(tokens.position == 0)
    assert facts.sites == ("blocks.0.hook_resid_pre", "blocks.1.hook_resid_post")
    assert len(starts) > 4
    for start, stop in zip(starts, [*starts[1:], facts.tokens], strict=True):
        states = _hidden_states(random_pair, tokens.id[start:stop])
        for site, state in ((Site(0, "resid_pre"), states[0]), (Site(1, "resid_post"), states[2])):
            _assert_close(cache.rows(str(site), range(start, stop)), state)


def test_heads_are_the_inputs_of_the_output_projection(llama: Pair, text: Path, tmp_path: Path) -> None:
    facts = _record(llama, text, tmp_path, sites=(Site(1, "head", 3),))
    cache = Cache.open(facts.source)
    seen: list[Any] = []
    projection = llama.plain.model.layers[1].self_attn.o_proj
    taken = projection.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][0]))
    _hidden_states(llama, cache.tokens().id[:CONTEXT])
    taken.remove()
    _assert_close(cache.rows("L1H", range(CONTEXT)).reshape(CONTEXT, -1), seen[0].numpy())
    _assert_close(cache.rows("L1H3", range(CONTEXT)), seen[0].numpy().reshape(CONTEXT, 6, -1)[:, 3])


def test_neurons_and_queries_are_those_of_plain_transformers(llama: Pair, text: Path, tmp_path: Path) -> None:
    facts = _record(llama, text, tmp_path, sites=("L0N3", "L1Q2"))
    cache, seen = Cache.open(facts.source), list[Any]()
    layers = llama.plain.model.layers
    taken = (
        layers[0].mlp.down_proj.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][0])),
        layers[1].self_attn.q_proj.register_forward_hook(lambda module, inputs, output: seen.append(output[0])),
    )
    _hidden_states(llama, cache.tokens().id[:CONTEXT])
    for one in taken:
        one.remove()
    neurons, queries = (each.numpy() for each in seen)
    _assert_close(cache.rows("blocks.0.mlp.hook_post", range(CONTEXT)), neurons)
    _assert_close(cache.rows("L0N3", range(CONTEXT)), neurons[:, 3])
    _assert_close(cache.column("L0N3", 0)[:CONTEXT], neurons[:, 3])
    _assert_close(cache.rows("L1Q2", range(CONTEXT)), queries.reshape(CONTEXT, 6, -1)[:, 2])


def test_the_cache_says_what_made_it(llama: Pair, text: Path, tmp_path: Path) -> None:
    facts = _record(llama, text, tmp_path, tokens=40)
    cache = Cache.open(facts.source)
    assert (facts.model, facts.model_sha256, facts.tokens) == (llama.facts.name, llama.facts.sha256, 40)
    assert facts.sites == (
        "hook_embed", "blocks.0.hook_resid_pre", "blocks.1.attn.hook_z", "blocks.1.hook_resid_post",
    )  # fmt: skip
    tokens = cache.tokens()
    assert tokens.texts == {int(i): llama.tokenizer.decode([int(i)]) for i in np.unique(tokens.id)}
    assert tokens.id[tokens.context(30)].tolist()[:1] == llama.start
    assert check(facts.source).whole


def test_the_same_command_again_only_opens(llama: Pair, text: Path, tmp_path: Path) -> None:
    first = _record(llama, text, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "x.acts").iterdir()}
    assert _record(llama, text, tmp_path) == first
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "x.acts").iterdir()} == before


@pytest.mark.slow
def test_a_recording_that_is_cancelled_goes_on_where_it_was(
    llama: Pair, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _small_shards(monkeypatch)
    whole = _record(llama, text, tmp_path, "whole.acts")
    with pytest.raises(Cancelled):
        _record(llama, text, tmp_path, report=_cancel_from(0.9))
    assert 0 < Cache.open(tmp_path / "x.acts").facts.tokens < whole.tokens
    assert not check(str(tmp_path / "x.acts")).whole
    assert _record(llama, text, tmp_path).tokens == whole.tokens
    _assert_same_shards(tmp_path / "x.acts", tmp_path / "whole.acts")


def test_a_recording_that_is_cancelled_at_once_leaves_no_folder(llama: Pair, text: Path, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        _record(llama, text, tmp_path, report=_cancel_from(0.01))
    assert not (tmp_path / "x.acts").exists()


def test_progress_rises_to_one_and_names_the_speed(
    llama: Pair, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[float, str]] = []
    monkeypatch.setattr(shard_maker, "BATCH_TOKENS", CONTEXT)
    _record(llama, text, tmp_path, report=lambda fraction, text="", partial=None: said.append((fraction, text)))
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert any("tokens/s" in text and "GB to write" in text for _, text in said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tokens": 20}, "holds a cache of "),
        ({"sites": (Site(0, "mlp_out"),)}, "holds a cache of other sites"),
        ({"context": 10}, "holds a cache of "),
        ({"dtype": "bfloat16"}, "holds a cache of float16 numbers"),
    ],
)
def test_other_arguments_for_a_folder_that_exists_are_refused(
    llama: Pair, text: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    _record(llama, text, tmp_path)
    with pytest.raises(InterpvizError, match=said):
        _record(llama, text, tmp_path, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sites": ()}, "There is nothing to record"),
        ({"sites": (Site(7, "resid_post"),)}, "has no L7R"),
        ({"context": 33}, "reads contexts of 2 to 32 tokens"),
        ({"context": 1}, "reads contexts of 2 to 32 tokens"),
        ({"texts": ("/nowhere.txt",)}, "There is no|cannot be read"),
        ({"dictionaries": ("/nowhere",)}, "nowhere"),
        ({"sites": ("L1H0[3<2]",)}, r"L1H0\[3<2\] is one number of a pattern\. Name a whole activation"),
        ({"sites": ("sae/3",)}, "sae/3 is a feature, which --dictionary FOLDER keeps"),
    ],
)
def test_a_mistake_is_a_sentence_and_leaves_no_folder(
    llama: Pair, text: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InterpvizError, match=said):
        _record(llama, text, tmp_path, **changes)
    assert not (tmp_path / "x.acts").exists()


@pytest.mark.slow
def test_processes_make_the_bytes_of_this_one(
    llama: Pair, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "SHARD_TOKENS", 2 * CONTEXT)
    one = _record(llama, text, tmp_path, "one.acts", workers=1)
    monkeypatch.setattr(record_module, "local_hands", _processes_alone)
    two = _record(llama, text, tmp_path, "two.acts", workers=2)
    assert one.tokens == two.tokens
    _assert_same_shards(tmp_path / "two.acts", tmp_path / "one.acts")


def test_bfloat16_keeps_what_float32_had_to_eight_bits(llama: Pair, text: Path, tmp_path: Path) -> None:
    whole, short = _record(llama, text, tmp_path), _record(llama, text, tmp_path, "b.acts", dtype="bfloat16")
    wanted = Cache.open(whole.source).rows("L1R", range(40))
    np.testing.assert_allclose(Cache.open(short.source).rows("L1R", range(40)), wanted, rtol=2.0**-8, atol=1e-6)
    assert check(short.source).whole


def test_a_process_finds_a_model_that_was_named_from_this_folder(
    llama: Pair, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, named = llama.model, list[str]()
    monkeypatch.setattr(model, "facts", replace(model.facts, source=os.path.relpath(model.facts.source)))

    def hands(model: Any, job: Any, saes: Any, folder: Path, work: Any, count: int) -> Any:
        named.append(work["model"])
        return local_hands(model, job, saes, folder, work, 1)

    monkeypatch.setattr(record_module, "local_hands", hands)
    record(model, Record(model.facts.source, (str(text),), ("L0R",), str(tmp_path / "x.acts"), context=CONTEXT))
    assert named == [str(Path(llama.facts.source).resolve())]


def test_a_model_that_finds_no_memory_is_a_sentence(
    llama: Pair, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = llama.model.forward

    def failing(*given: Any, **more: Any) -> Any:
        if given[0].shape[1] > 1:
            raise MemoryError
        return forward(*given, **more)

    monkeypatch.setattr(llama.model, "forward", failing)
    with pytest.raises(InterpvizError, match="There is not enough memory to run the model"):
        _record(llama, text, tmp_path, workers=1)


def test_a_model_that_fails_is_a_sentence_and_what_was_recorded_stays(
    llama: Pair, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _small_shards(monkeypatch)
    forward, calls = llama.model.forward, iter(range(100))

    def failing(*given: Any, **more: Any) -> Any:
        if given[0].shape[1] > 1 and next(calls) >= 4:
            raise RuntimeError("the card fell out\nand much more")
        return forward(*given, **more)

    monkeypatch.setattr(llama.model, "forward", failing)
    with pytest.raises(
        InterpvizError, match=r"The model failed while it ran \(the card fell out\)\. What was recorded"
    ):
        _record(llama, text, tmp_path, workers=1)
    assert Cache.open(tmp_path / "x.acts").facts.tokens >= 2 * CONTEXT


def test_the_threads_of_torch_are_given_back(llama: Pair, text: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    _record(llama, text, tmp_path)
    assert torch.get_num_threads() == before


def _record(pair: Pair, text: Path, folder: Path, name: str = "x.acts", **more: Any) -> CacheFacts:
    report = more.pop("report", silent)
    sites = tuple(map(str, more.pop("sites", SITES)))
    fields: dict[str, Any] = {"texts": (str(text),), "context": CONTEXT} | more
    return record(pair.model, Record(pair.facts.source, sites=sites, out=str(folder / name), **fields), report)


def _processes_alone(model: Any, job: Any, saes: Any, folder: Path, work: Any, count: int) -> Any:
    return local_hands(model, job, saes, folder, work, count + 1)[1:]


def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "SHARD_TOKENS", 2 * CONTEXT)
    monkeypatch.setattr(shard_maker, "BATCH_TOKENS", CONTEXT)


def _assert_same_shards(folder: Path, other: Path) -> None:
    names = [line.file for line in manifest.read(other).shards]
    assert [line.file for line in manifest.read(folder).shards] == names
    for name in names:
        assert (folder / name).read_bytes() == (other / name).read_bytes()


def _cancel_from(share: float) -> Any:
    def report(fraction: float, text: str = "", partial: object = None) -> None:
        if fraction >= share:
            raise Cancelled

    return report


def _hidden_states(pair: Pair, ids: NDArray[np.int32]) -> list[NDArray[np.float32]]:
    """What enters layer 0, 1, ... of plain transformers, each (pos, d_model)."""
    with torch.no_grad():
        found = pair.plain(torch.tensor(ids.tolist())[None], output_hidden_states=True)
    return [state[0].numpy() for state in found.hidden_states]


def _assert_close(stored: NDArray[np.float32], computed: NDArray[np.float32]) -> None:
    """Equal but for what float16 loses."""
    np.testing.assert_allclose(stored, computed, rtol=2.0**-10, atol=1e-4 * float(np.abs(computed).max()))
