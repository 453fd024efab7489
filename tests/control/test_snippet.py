"""The script that is copied: it compiles, and says what matters and nothing else."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

import pytest

from interpviz.control.snippet import snippet
from interpviz.core.document import Document, Prompt
from interpviz.core.features import DictionaryFacts
from interpviz.core.interventions import Intervention
from tests.control.desks import CACHE, DOCUMENT

BOOK = DictionaryFacts("book", "/dicts/book", "dd", "standard", "blocks.0.hook_resid_post", 8, 16)
OTHER = replace(BOOK, name="other", source="/dicts/other")


def edited(*texts: str, **changes: Any) -> Document:
    return replace(DOCUMENT, interventions=frozenset(map(Intervention.parse, texts)), **changes)


def arguments(document: Document) -> dict[str, str]:
    """What the script hands to `model.run`: the prompt under an empty name, each as source text."""
    calls = [node for node in ast.walk(ast.parse(snippet(document))) if isinstance(node, ast.Call)]
    call = next(one for one in calls if ast.unparse(one.func) == "model.run")
    return {"": ast.unparse(call.args[0])} | {str(word.arg): ast.unparse(word.value) for word in call.keywords}


def test_the_script_of_a_cut_head() -> None:
    assert snippet(edited("L1H2")) == (
        "from interpviz import api\n"
        "\n"
        "model = api.load('toy')\n"
        "run = model.run(\n"
        "    'a b',\n"
        "    ablate=['L1H2:zero'],\n"
        "    target=' x',\n"
        "    distractor=' y',\n"
        ")\n"
        "print(run.clean.logit_diff, run.edited.logit_diff, run.kl)\n"
    )


def test_edits_that_stand_by_and_what_no_edit_draws_from_are_left_out() -> None:
    off = frozenset({Intervention.parse("L0H0:mean")})
    document = edited("L1H2", off=off, cache=CACHE, contrast=Prompt("a c"), dictionaries=(BOOK,))
    assert set(arguments(document)) == {"", "ablate", "target", "distractor"}


@pytest.mark.parametrize(
    ("document", "name", "value"),
    [
        (edited("L1H2:patch", contrast=Prompt("a c")), "contrast", "'a c'"),
        (edited("L1H2:mean", cache=CACHE), "reference", "api.open('c.acts')"),
        (edited("book/3:add:2", dictionaries=(BOOK, OTHER)), "dictionaries", "['/dicts/book']"),
        (edited("L0R:add:2:other/3", dictionaries=(BOOK, OTHER)), "dictionaries", "['/dicts/other']"),
        (edited("L1H2", freeze=True), "freeze", "True"),
        (edited("L1H2", prompt=Prompt("a b", bos=False)), "bos", "False"),
        (edited("L1H2", prompt=Prompt("a b", (0, 7, 9))), "tokens", "(0, 7, 9)"),
        (edited("L1H2", prompt=Prompt("a", (7,))), "tokens", "(7,)"),
    ],
)
def test_what_changes_the_numbers_is_said(document: Document, name: str, value: str) -> None:
    said = arguments(document)
    assert said[name] == value
    assert set(said) == {"", "ablate", "target", "distractor", name}


def test_a_cache_of_another_model_is_no_reference() -> None:
    stranger = replace(CACHE, model_sha256="zz")
    assert "reference" not in arguments(edited("L1H2:mean", cache=stranger))


def test_frozen_attention_without_an_edit_changes_nothing() -> None:
    assert set(arguments(replace(DOCUMENT, freeze=True))) == {"", "target", "distractor"}


@pytest.mark.parametrize(
    ("document", "printed"),
    [
        (DOCUMENT, "print(run.clean.logit_diff)"),
        (replace(DOCUMENT, target="", distractor=""), "print(run.clean.top[0])"),
        (edited("L1H2", target="", distractor=""), "print(run.clean.top[0], run.edited.top[0], run.kl)"),
    ],
)
def test_only_what_there_is_is_printed(document: Document, printed: str) -> None:
    assert snippet(document).splitlines()[-1] == printed


@pytest.mark.parametrize("text", ['it\'s "so"\\', "a\nb\t", "\u202eevil", "\ud800", "😀 שלום", "'''", "{x}"])
def test_any_text_survives(text: str) -> None:
    document = replace(DOCUMENT, prompt=Prompt(text), target=text)
    said = arguments(document)
    assert ast.literal_eval(said[""]) == text
    assert ast.literal_eval(said["target"]) == text


def test_every_edit_means_the_same_when_it_is_read_again() -> None:
    texts = ("L10H1:mean@2-5,7", "L2N3:clamp:-0.30000000000000004", "L1H0[3<1]:scale:0.5", "L1R:add:4:a b/c.npy@-1")
    document = edited(*texts, *(f"L{layer}H{head}" for layer in range(3) for head in range(9)))
    listed = ast.literal_eval(arguments(document)["ablate"])
    assert frozenset(map(Intervention.parse, listed)) == document.interventions
    assert len(listed) == len(document.interventions)
    assert max(map(len, snippet(document).splitlines())) < 120


def test_without_a_model_there_is_no_script() -> None:
    assert snippet(Document()) == ""
