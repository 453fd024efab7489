"""A recorded cache holds what plain transformers computes, token by token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from interpviz.core.document import CacheFacts
from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.sites import EMBED, Site
from interpviz.data import manifest
from interpviz.data.activations import Cache
from interpviz.data.check import check
from interpviz.engine import record as recording
from interpviz.engine.record import record
from tests.engine.pairs import Pair

TEXT = "the cat sat on a mat and the dog sat too".replace("", " ")
CONTEXT = 12
SITES = [Site(1, "resid_post"), Site(0, "resid_pre"), Site(1, "head", 3), EMBED]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(f"{TEXT}\n\n{TEXT[9:]}\n")
    return path


@pytest.mark.slow
def test_rows_are_what_plain_transformers_computes(random_pair: Pair, text: Path, tmp_path: Path) -> None:
    facts = record(random_pair.model, [text], SITES[:2], tmp_path / "x.acts", context=CONTEXT)
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
    facts = record(llama.model, [text], [Site(1, "head", 3)], tmp_path / "x.acts", context=CONTEXT)
    cache = Cache.open(facts.source)
    seen: list[Any] = []
    projection = llama.plain.model.layers[1].self_attn.o_proj
    taken = projection.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][0]))
    _hidden_states(llama, cache.tokens().id[:CONTEXT])
    taken.remove()
    _assert_close(cache.rows("L1H", range(CONTEXT)).reshape(CONTEXT, -1), seen[0].numpy())
    _assert_close(cache.rows("L1H3", range(CONTEXT)), seen[0].numpy().reshape(CONTEXT, 6, -1)[:, 3])


def test_the_cache_says_what_made_it(llama: Pair, text: Path, tmp_path: Path) -> None:
    facts = record(llama.model, [text], SITES, tmp_path / "x.acts", tokens=40, context=CONTEXT)
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
    monkeypatch.setattr(recording, "SHARD_TOKENS", 2 * CONTEXT)
    monkeypatch.setattr(recording, "BATCH_TOKENS", CONTEXT)
    whole = _record(llama, text, tmp_path, "whole.acts")
    with pytest.raises(Cancelled):
        _record(llama, text, tmp_path, report=_cancel_from(0.6))
    assert 0 < Cache.open(tmp_path / "x.acts").facts.tokens < whole.tokens
    assert not check(str(tmp_path / "x.acts")).whole
    assert _record(llama, text, tmp_path).tokens == whole.tokens
    for number in range(len(manifest.read(tmp_path / "x.acts").shards)):
        name = manifest.shard_name(number)
        assert (tmp_path / "x.acts" / name).read_bytes() == (tmp_path / "whole.acts" / name).read_bytes()


def test_a_recording_that_is_cancelled_at_once_leaves_no_folder(llama: Pair, text: Path, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        _record(llama, text, tmp_path, report=_cancel_from(0.01))
    assert not (tmp_path / "x.acts").exists()


def test_progress_rises_to_one_and_names_the_speed(
    llama: Pair, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[float, str]] = []
    monkeypatch.setattr(recording, "BATCH_TOKENS", CONTEXT)
    _record(llama, text, tmp_path, report=lambda fraction, text="", partial=None: said.append((fraction, text)))
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert any("tokens/s" in text for _, text in said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tokens": 20}, "holds a cache of "),
        ({"sites": [Site(0, "mlp_out")]}, "holds a cache of other sites"),
        ({"context": 10}, "holds a cache of "),
    ],
)
def test_other_arguments_for_a_folder_that_exists_are_refused(
    llama: Pair, text: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    _record(llama, text, tmp_path)
    with pytest.raises(InterpvizError, match=said):
        record(llama.model, [text], **(_arguments(tmp_path) | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sites": []}, "There is no site to record"),
        ({"sites": [Site(7, "resid_post")]}, "has no L7R"),
        ({"context": 33}, "reads contexts of 2 to 32 tokens"),
        ({"context": 1}, "reads contexts of 2 to 32 tokens"),
        ({"files": [Path("/nowhere.txt")]}, "cannot be read"),
    ],
)
def test_a_mistake_is_a_sentence_and_leaves_no_folder(
    llama: Pair, text: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InterpvizError, match=said):
        record(llama.model, **({"files": [text]} | _arguments(tmp_path) | changes))
    assert not (tmp_path / "x.acts").exists()


def _arguments(folder: Path) -> dict[str, Any]:
    return {"sites": SITES, "out": folder / "x.acts", "context": CONTEXT}


def _record(pair: Pair, text: Path, folder: Path, name: str = "x.acts", **more: Any) -> CacheFacts:
    return record(pair.model, [text], SITES, folder / name, context=CONTEXT, **more)


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
