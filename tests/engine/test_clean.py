"""What a clean run keeps: enough to begin at an edit's layer, and no more than it may."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import torch

from interpviz.core.document import Prompt
from interpviz.core.interventions import Intervention
from interpviz.core.requests import RunRequest
from interpviz.engine import clean
from interpviz.engine.clean import CleanRun, CleanRuns, clean_run
from interpviz.engine.lens import Model
from tests.engine.pairs import Pair
from tests.engine.tiny import llama, save

LAYERS, WIDTH = 6, 24
PROMPT = Prompt("c e g c i")
LAYER_BYTES = 6 * WIDTH * 4  # of the prompt's six tokens


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Six layers that read 1,200 tokens."""
    model: Any = llama(layers=LAYERS)
    model.config.max_position_embeddings = 1200
    return Pair.open(save(model, tmp_path_factory.mktemp("deep")))


@pytest.mark.parametrize(
    ("room", "layers"),
    [
        (100 * LAYER_BYTES, [0, 1, 2, 3, 4, 5]),
        (6 * LAYER_BYTES, [0, 1, 2, 3, 4, 5]),
        (6 * LAYER_BYTES - 1, [0, 2, 4]),
        (3 * LAYER_BYTES, [0, 2, 4]),
        (2 * LAYER_BYTES, [0, 3]),
        (LAYER_BYTES * 6 // 5 + 1, [0, 5]),  # one too many
        (LAYER_BYTES, [0]),
        (1, [0]),
    ],
)
def test_of_more_than_there_is_room_for_every_second_layer_is_kept_or_every_third(
    deep: Pair, room: int, layers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "STREAM_BYTES", room)
    run = clean_run(deep.model, deep.model.tokens(PROMPT))
    assert list(run.stream) == layers
    assert kept_bytes(run) <= room + LAYER_BYTES
    for layer in range(LAYERS):
        start = run.start(layer)
        assert start is not None
        assert start.layer == max(kept for kept in layers if kept <= layer)
        assert start.stream is run.stream[start.layer]
    assert run.start(-1) is None  # an edit of the embedding begins at the tokens


def test_what_is_kept_of_a_layer_is_what_enters_it(deep: Pair) -> None:
    run = clean_run(deep.model, deep.model.tokens(PROMPT))
    with torch.no_grad():
        states = deep.plain(torch.tensor([deep.ids(PROMPT.text)]), output_hidden_states=True).hidden_states
    assert list(run.stream) == list(range(LAYERS))
    for layer, stream in run.stream.items():
        torch.testing.assert_close(stream, states[layer], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("room", [100 * LAYER_BYTES, 3 * LAYER_BYTES, 2 * LAYER_BYTES, 1])
@pytest.mark.parametrize("part", ["H1", "M", "R-"])
def test_an_edit_of_any_layer_gives_the_same_logits_wherever_the_run_begins(
    deep: Pair, part: str, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "STREAM_BYTES", room)
    monkeypatch.setattr(deep.engine.loaded(deep.facts), "clean", CleanRuns(deep.model))
    for layer in range(LAYERS):
        edit = Intervention.parse(f"L{layer}{part}")
        ours = deep.engine.compute(RunRequest(deep.facts, PROMPT, frozenset({edit}))).logits
        assert ours == pytest.approx(deep.logits(PROMPT.text, edit).numpy(), abs=2e-4)


def test_a_long_prompt_leaves_no_more_behind_than_it_may(deep: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    room, length = 250_000, 1000
    monkeypatch.setattr(clean, "STREAM_BYTES", room)
    run = clean_run(deep.model, deep.model.tokens(Prompt("", tokens=tuple(1 + n % 26 for n in range(length)))))
    layer_bytes = length * WIDTH * 4
    assert list(run.stream) == [0, 3]
    assert kept_bytes(run) <= room + layer_bytes
    sizes = {field.name: tensor_size(getattr(run, field.name)) for field in fields(CleanRun)}
    assert sizes.pop("norms") == 2 * LAYERS * length  # one number a token, not d_model
    assert {name for name, size in sizes.items() if size >= length} == set()


def test_every_tensor_owns_what_it_keeps_and_no_larger_one_behind_it(deep: Pair) -> None:
    run = clean_run(deep.model, deep.model.tokens(PROMPT))
    tensors = [getattr(run, field.name) for field in fields(CleanRun)]
    for tensor in [*(one for one in tensors if isinstance(one, torch.Tensor)), *run.stream.values()]:
        assert tensor.untyped_storage().nbytes() == tensor.nbytes


def test_a_run_with_edits_and_one_on_the_slow_road_keep_no_streams(deep: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = deep.model.tokens(PROMPT)
    assert clean_run(deep.model, tokens, edits={"blocks.0.hook_mlp_out": torch.zeros_like}).stream == {}
    monkeypatch.setattr(deep.model, "blocks", None)
    slow = clean_run(deep.model, tokens)
    assert slow.stream == {}
    assert slow.start(3) is None


def test_the_runs_of_the_last_four_prompts_are_kept_and_the_oldest_is_forgotten(
    deep: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwards, forward = [], Model.forward

    def counting(*given: Any, **named: Any) -> Any:
        forwards.append(given)
        return forward(*given, **named)

    monkeypatch.setattr(Model, "forward", counting)
    runs = CleanRuns(deep.model)
    first = runs.of(Prompt("a"))
    for text in ("b", "c", "d", "a"):  # a is used again, so b is now the oldest
        runs.of(Prompt(text))
    assert (runs.of(Prompt("a")), len(forwards)) == (first, 4)
    runs.of(Prompt("e"))
    assert [runs.of(Prompt(text)) is not None for text in ("a", "c", "d", "e")] == [True] * 4
    assert len(forwards) == 5
    runs.of(Prompt("b"))
    assert len(forwards) == 6


def kept_bytes(run: CleanRun) -> int:
    return sum(stream.untyped_storage().nbytes() for stream in run.stream.values())


def tensor_size(value: Any) -> int:
    """How many numbers a field holds; the streams are counted by themselves."""
    return value.numel() if isinstance(value, torch.Tensor) else 0
