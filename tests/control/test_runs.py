"""Which runs a document asks for, and what these draw from: exactly what their edits need."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interpviz.control.runs import continuation, edited_run, experiment_run, generate_requests, sources
from interpviz.core import commands, experiments
from interpviz.core.document import NO_MODEL, Document, Prompt, Sources
from interpviz.core.features import DictionaryFacts
from interpviz.core.interventions import Intervention
from interpviz.core.requests import RunRequest
from tests.control.desks import CACHE, DOCUMENT, MODEL

BOOK, CODE = (DictionaryFacts(n, n, n, "standard", "blocks.0.hook_resid_post", 8, 16) for n in ("book", "code"))
CONTRAST = Prompt("a c")
FULL = replace(DOCUMENT, cache=CACHE, contrast=CONTRAST, dictionaries=(BOOK, CODE))


def drawn(*edits: str, document: Document = FULL) -> Sources:
    return sources(document, map(Intervention.parse, edits))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("L1H2", Sources()),
        ("L1H2:scale:0.5", Sources()),
        ("L0N3:clamp:2", Sources()),
        ("L0N3:add:2", Sources()),
        ("L1H2[1<0]", Sources()),
        ("L1H2:mean", Sources(reference=CACHE)),
        ("L1H2:resample", Sources(reference=CACHE)),
        ("L1H2:patch", Sources(contrast=CONTRAST)),
        ("L1H2[1<0]:patch", Sources(contrast=CONTRAST)),
        ("book/3", Sources(dictionaries=(BOOK,))),
        ("code/3:clamp:2", Sources(dictionaries=(CODE,))),
        ("code/3:mean", Sources(reference=CACHE, dictionaries=(CODE,))),
        ("book/3:patch", Sources(contrast=CONTRAST, dictionaries=(BOOK,))),
        ("L1R:add:4:code/7", Sources(dictionaries=(CODE,))),
        ("L1R:add:4:refusal.npy", Sources()),
        ("L1R:add:4:book/refusal.npy", Sources()),  # a file in a folder of that name
        ("L1R:add:4:book/12.npy", Sources()),
        ("other/3", Sources()),
    ],
)
def test_an_edit_draws_from_what_it_needs_and_from_nothing_else(edit: str, expected: Sources):
    assert drawn(edit) == expected


def test_several_edits_draw_from_what_any_of_them_needs():
    assert drawn("L1H2:mean", "L0M:patch", "code/1", "L1R:add:1:book/2") == Sources(CACHE, CONTRAST, (BOOK, CODE))
    assert drawn() == Sources()


def test_the_order_of_edits_does_not_matter_and_dictionaries_stand_as_they_were_opened():
    assert drawn("code/1", "book/2") == drawn("book/2", "code/1") == Sources(dictionaries=(BOOK, CODE))


@pytest.mark.parametrize("mode", ["mean", "resample"])
def test_a_cache_of_another_model_is_drawn_from_by_nothing(mode: str):
    stranger = replace(FULL, cache=replace(CACHE, model_sha256="bb"))
    assert drawn(f"L1H2:{mode}", document=stranger) == Sources()
    assert drawn(f"L1H2:{mode}", document=replace(FULL, cache=None)) == Sources()


def test_without_a_contrast_patch_has_none():
    assert drawn("L1H2:patch", document=replace(FULL, contrast=None)) == Sources()


def test_equal_documents_ask_the_same_however_they_came_about():
    edits = [Intervention.parse(text) for text in ("L1H2:mean", "code/1", "L0M:patch@1")]
    made = [FULL, FULL]
    for one, other in zip(edits, edits[::-1], strict=True):
        made = [experiments.add_intervention(made[0], one), experiments.add_intervention(made[1], other)]
    asked = [edited_run(replace(document, selection=FULL.selection)) for document in made]
    assert asked[0] == asked[1]
    assert hash(asked[0]) == hash(asked[1])
    assert asked[0] is not None
    assert asked[0].sources == Sources(CACHE, CONTRAST, (CODE,))


@pytest.mark.parametrize(
    "elsewhere",
    [
        lambda d: replace(d, contrast=Prompt("b c")),
        lambda d: replace(d, cache=None),
        lambda d: replace(d, dictionaries=()),
        lambda d: replace(d, target="", distractor=""),
        lambda d: commands.colour_components(d, "ablation"),
        lambda d: commands.set_continuation(d, 5, 1.0, 3),
        lambda d: experiments.freeze_attention(commands.toggle_intervention(d, MODEL.components()[0]), False),
    ],
)
def test_what_an_edit_does_not_draw_from_changes_no_request(elsewhere: object):
    document = commands.toggle_intervention(FULL, MODEL.components()[0])
    changed = elsewhere(document)  # type: ignore[operator]
    assert experiment_run(changed, "clean") == experiment_run(document, "clean") == RunRequest(MODEL, FULL.prompt)
    if changed.interventions:
        assert edited_run(changed) == edited_run(document)


def test_frozen_attention_asks_another_run_only_where_something_is_edited():
    frozen = experiments.freeze_attention(FULL, True)
    assert edited_run(frozen) == RunRequest(MODEL, FULL.prompt)
    cut = edited_run(commands.toggle_intervention(frozen, MODEL.components()[0]))
    assert cut is not None
    assert cut.freeze
    assert not continuation(frozen, "").freeze


def test_edits_that_stand_by_are_not_run():
    cut = experiments.add_intervention(FULL, Intervention.parse("L1H2:patch"))
    off = experiments.switch_intervention(cut, Intervention.parse("L1H2:patch"))
    assert edited_run(off) == RunRequest(MODEL, FULL.prompt)


def test_a_kept_experiment_is_run_with_its_own_edits_and_sources():
    kept = experiments.save_experiment(experiments.add_intervention(FULL, Intervention.parse("book/3")), "features")
    kept = experiments.clear_interventions(kept)
    asked = experiment_run(kept, "features")
    assert asked is not None
    assert (asked.interventions, asked.sources) == (
        frozenset({Intervention.parse("book/3")}),
        Sources(dictionaries=(BOOK,)),
    )
    assert edited_run(kept) == RunRequest(MODEL, FULL.prompt)


def test_the_continuation_is_asked_once_where_both_sides_are_the_same():
    assert [request.interventions for request in generate_requests(FULL)] == [frozenset()]
    cut = experiments.add_intervention(FULL, Intervention.parse("L1H2:patch"))
    clean, edited = generate_requests(cut)
    assert (clean.sources, edited.sources) == (Sources(), Sources(contrast=CONTRAST))


@pytest.mark.parametrize("document", [Document(), replace(FULL, model=None), replace(FULL, prompt=Prompt(""))])
def test_without_model_or_prompt_there_is_nothing_to_run(document: Document):
    assert (edited_run(document), experiment_run(document, "clean"), generate_requests(document)) == (None, None, ())


@pytest.mark.parametrize(
    ("fact", "value"), [("numerics", "folded"), ("model_sha256", NO_MODEL), ("model_sha256", "bb")]
)
def test_nothing_is_drawn_from_a_cache_that_is_not_of_the_open_model(fact: str, value: str):
    strange = replace(FULL, cache=replace(CACHE, **{fact: value}))  # type: ignore[arg-type]
    assert drawn("L1H2:mean", "L1H2:resample", document=strange) == Sources()
