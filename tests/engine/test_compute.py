"""The engine: every request has an answer, models are kept, and faults of the user's are sentences."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from interpviz.core.document import Prompt
from interpviz.core.errors import InterpvizError, SiteMissing
from interpviz.core.interventions import Intervention
from interpviz.core.jobs import OpenModel
from interpviz.core.requests import Request, RunRequest, TokensRequest
from interpviz.engine import file_answers, model_answers
from interpviz.engine.compute import Engine
from interpviz.engine.lens import Model
from tests.engine import tiny
from tests.engine.pairs import Pair


def test_every_request_has_one_answer() -> None:
    assert model_answers.ANSWERS.keys() | file_answers.ANSWERS.keys() == set(get_args(Request))
    assert not model_answers.ANSWERS.keys() & file_answers.ANSWERS.keys()


def test_an_engine_costs_nothing_until_it_is_asked() -> None:
    script = "import sys, interpviz.engine.compute as c; c.Engine(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"


def test_facts_say_what_the_model_is(llama: Pair) -> None:
    facts = llama.facts
    assert (facts.layers, facts.heads, facts.kv_heads, facts.d_model, facts.d_mlp) == (3, 6, 2, 24, 40)
    assert (facts.vocab, facts.context) == (32, 32)


def test_a_model_that_is_open_is_not_loaded_again(llama: Pair) -> None:
    before = llama.model
    again = llama.engine.compute(OpenModel(llama.facts.source))
    assert again == llama.facts
    assert llama.model is before


def test_a_model_that_changed_on_disk_is_a_sentence(llama: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "changing"
    shutil.copytree(llama.facts.source, folder)
    facts = Engine().compute(OpenModel(str(folder)))
    tiny.save(tiny.llama(layers=2), folder)
    with pytest.raises(InterpvizError, match="has changed on disk since it was opened"):
        Engine().compute(TokensRequest(facts, Prompt("a")))


def test_a_model_of_another_shape_than_its_facts_say_is_a_sentence(llama: Pair) -> None:
    with pytest.raises(InterpvizError, match="has changed on disk since it was opened"):
        llama.engine.compute(TokensRequest(replace(llama.facts, heads=5), Prompt("a")))


def test_a_model_without_a_tokenizer_is_a_sentence(llama: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "mute"
    shutil.copytree(llama.facts.source, folder, ignore=shutil.ignore_patterns("tokenizer*"))
    with pytest.raises(InterpvizError, match=r"mute has no tokenizer that can be read"):
        Engine().compute(OpenModel(str(folder)))


def test_a_model_of_no_known_architecture_is_a_sentence(llama: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    shutil.copytree(llama.facts.source, folder)
    config = (folder / "config.json").read_text("utf-8").replace("LlamaFor", "OddFor").replace('"llama"', '"odd"')
    (folder / "config.json").write_text(config, "utf-8")
    with pytest.raises(InterpvizError, match=r"odd cannot be read as a language model"):
        Engine().compute(OpenModel(str(folder)))


@pytest.mark.parametrize(
    ("edit", "error", "sentence"),
    [
        ("L9H0", SiteMissing, r"has no L9H0: it has layers 0 to 2"),
        ("L0H7:mean", SiteMissing, r"has no L0H7"),
        ("L0M@5", InterpvizError, r"L0M:zero@5 is at position 5, but the prompt has 4 tokens: 0 to 3"),
        ("L0M@-5", InterpvizError, r"position -5"),
    ],
)
def test_an_edit_where_there_is_nothing_is_a_sentence(
    llama: Pair, edit: str, error: type[InterpvizError], sentence: str
) -> None:
    request = RunRequest(llama.facts, Prompt("a b c"), frozenset([Intervention.parse(edit)]))
    with pytest.raises(error, match=sentence):
        llama.engine.compute(request)


def test_running_out_of_memory_is_a_sentence_and_the_next_run_is_right(
    llama: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*given: object, **kept: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes")

    request = RunRequest(llama.facts, Prompt("a b d"), frozenset([Intervention.parse("L0H1")]))
    with monkeypatch.context() as patch:
        patch.setattr(Model, "forward", exhausted)
        with pytest.raises(InterpvizError, match="not enough memory"):
            llama.engine.compute(request)
    expected = llama.logits("a b d", Intervention.parse("L0H1"))
    assert torch.allclose(torch.from_numpy(llama.engine.compute(request).logits), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("num_hidden_layers", 4, r"lacks 9 of its weights, model\.layers\.3\.input_layernorm\.weight for one"),
        ("hidden_size", 25, r"cannot be read as a language model \(.*hidden size \(25\)"),
    ],
)
def test_a_config_that_does_not_fit_the_weights_is_a_sentence_and_no_weight_is_made_up(
    llama: Pair, tmp_path: Path, name: str, value: int, sentence: str
) -> None:
    folder = tmp_path / "torn"
    shutil.copytree(llama.facts.source, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {name: value}), "utf-8")
    with pytest.raises(InterpvizError, match=sentence):
        Engine().compute(OpenModel(str(folder)))


def test_loading_and_running_a_model_says_nothing_to_the_terminal(
    llama: Pair, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = Engine()
    facts = engine.compute(OpenModel(llama.facts.source))
    engine.compute(RunRequest(facts, Prompt("a b"), frozenset([Intervention.parse("L0H1")])))
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_ours_stays_a_fault(llama: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object, **kept: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Model, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        llama.engine.compute(RunRequest(llama.facts, Prompt("b a"), frozenset([Intervention.parse("L0H1")])))
