"""Acts by name: done, or refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interpviz.control.actions import Actions
from interpviz.control.runs import edited_run
from interpviz.core import commands, experiments
from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.core.jobs import ContentsRequest, Foreign, Import, LookInto, OpenCache, OpenModel, Record
from interpviz.core.requests import CacheTokensRequest
from interpviz.core.sites import Site
from tests.control.desks import CACHE, DOCUMENT, MODEL, Bench, Engine
from tests.control.test_panels import cache_tokens

HEAD = Site(1, "head", 2)
RECORD = Record("toy", ("a.txt",), ("L0R",), "/new.acts")
FOREIGN = Foreign("strange.h5", "a group a layer", 3, ())


def actions_on(bench: Bench) -> tuple[Actions, list[str]]:
    said: list[str] = []
    actions = Actions(bench.store, bench.scheduler, bench.desk, bench.pump.post)
    actions.problem.connect(lambda text: said.append(text))
    return actions, said


def test_a_click_on_a_head_cuts_it_and_a_second_one_puts_it_back():
    with Bench(Engine(), DOCUMENT) as bench:
        actions, _ = actions_on(bench)
        actions("intervention.toggle", HEAD)
        assert bench.store.document.interventions == {Intervention(HEAD)}
        actions("intervention.toggle", HEAD)
        assert bench.store.document.interventions == frozenset()


def test_a_refused_act_is_a_sentence_and_nothing_changes():
    with Bench(Engine(), DOCUMENT) as bench:
        actions, said = actions_on(bench)
        actions("intervention.toggle", Site(1, "head", 9))
        assert said == ["toy has no L1H9: it has layers 0 to 1, heads 0 to 2. Choose a site inside that."]
        assert bench.store.document == DOCUMENT


def test_a_dropped_path_is_opened_by_what_it_holds():
    answers: dict[Any, Any] = {ContentsRequest: "model", OpenModel: replace(MODEL, name="other", sha256="bb")}
    with Bench(Engine(answers), DOCUMENT) as bench:
        actions, _ = actions_on(bench)
        opened: list[str] = []
        actions.opened.connect(lambda path: opened.append(path))
        actions("paths.open", ["folder"])
        bench.pump.until(lambda: bool(opened))
        assert bench.store.document.model == answers[OpenModel]
        assert bench.store.document.prompt == DOCUMENT.prompt


def test_a_model_that_cannot_be_opened_leaves_the_old_one_and_says_why():
    with Bench(Engine({OpenModel: InterpvizError("There is no folder x.")}), DOCUMENT) as bench:
        actions, said = actions_on(bench)
        actions("model.open", "x")
        bench.pump.until(lambda: bool(said))
        assert (said, bench.store.document) == (["There is no folder x."], DOCUMENT)


def test_a_click_in_the_cloud_makes_the_context_the_prompt_without_its_bos():
    with Bench(Engine({CacheTokensRequest: cache_tokens()}), Document()) as bench:
        actions, _ = actions_on(bench)
        bench.store.replace(commands.open_cache(DOCUMENT, CACHE))
        bench.pump.until(lambda: bench.desk.answer(CacheTokensRequest(CACHE)) is not None)
        actions("token.choose", 5)
        prompt = bench.store.document.prompt
        assert (prompt.text, prompt.tokens) == (" a a", (0, 1, 1))


def test_the_steps_of_a_drag_wait_for_the_answer_and_only_the_last_is_made() -> None:
    half, third, quarter = (Intervention(HEAD, "scale", value) for value in (0.5, 0.33, 0.25))
    engine, asked = Engine(), edited_run(experiments.add_intervention(DOCUMENT, half))
    assert asked is not None
    begun, go = engine.hold(asked)
    with Bench(engine, DOCUMENT) as bench:
        actions, _ = actions_on(bench)
        actions("intervention.set", half, merge="drag")
        assert begun.wait(20)
        for edit in (third, quarter):
            actions("intervention.set", edit, merge="drag")
        assert bench.store.document.interventions == {half}
        go.set()
        bench.pump.until(lambda: bench.store.document.interventions == {quarter})
        assert all(third not in getattr(one, "interventions", ()) for one in engine.asked)
        actions("edit.undo")
        assert bench.store.document == DOCUMENT


def test_another_act_makes_the_step_that_waits_before_it() -> None:
    half, quarter = (Intervention(HEAD, "scale", value) for value in (0.5, 0.25))
    engine = Engine()
    document = experiments.add_intervention(DOCUMENT, half)
    asked = edited_run(document)
    assert asked is not None
    engine.hold(asked)
    with Bench(engine, document) as bench:
        actions, _ = actions_on(bench)
        bench.desk.refresh()
        actions("panel.show", "cloud", False, merge="drag")
        actions("intervention.set", quarter, merge="drag")
        assert bench.store.document.interventions == {half}
        actions("prompt.set", "another")
        assert bench.store.document.interventions == {quarter}
        assert bench.store.document.prompt.text == "another"


def test_what_is_typed_waits_for_nothing_and_no_drag_waits_for_what_no_panel_asks() -> None:
    engine, asked = Engine(), edited_run(DOCUMENT)
    assert asked is not None
    engine.hold(asked)
    with Bench(engine, DOCUMENT) as bench:
        actions, _ = actions_on(bench)
        bench.desk.refresh()
        for text in ("T", "Th", "The"):
            actions("prompt.set", text, merge="typing")
        assert bench.store.document.prompt.text == "The"
    closed = replace(DOCUMENT, panels=frozenset({"prompt", "maps"}))
    with Bench(Engine(), closed) as bench:
        actions, _ = actions_on(bench)
        bench.desk.refresh()
        for factor in (0.5, 0.25):
            actions("intervention.set", Intervention(HEAD, "scale", factor), merge="drag")
        assert bench.store.document.interventions == {Intervention(HEAD, "scale", 0.25)}


def test_a_step_that_waits_is_made_before_a_model_is_shown() -> None:
    half, quarter = (Intervention(HEAD, "scale", value) for value in (0.5, 0.25))
    other = replace(MODEL, name="other", sha256="bb")
    engine, asked = Engine({OpenModel("other"): other}), edited_run(experiments.add_intervention(DOCUMENT, half))
    assert asked is not None
    engine.hold(asked)
    with Bench(engine, experiments.add_intervention(DOCUMENT, half)) as bench:
        actions, said = actions_on(bench)
        bench.desk.refresh()
        actions("intervention.set", half, merge="drag")
        actions("intervention.set", quarter, merge="drag")
        actions("model.open", "other")
        engine.held[asked].set()
        bench.pump.until(lambda: bench.store.document.model == other)
        assert bench.store.document.interventions == frozenset()
        assert said == []


@pytest.mark.parametrize(("act", "job"), [("cache.record", RECORD), ("cache.import", Import("x.h5", "/new.acts"))])
def test_a_cache_that_was_recorded_or_imported_is_opened(act: str, job: Record | Import) -> None:
    new = replace(CACHE, name="new.acts", source="/new.acts", sha256="dd")
    with Bench(Engine({job: new, OpenCache("/new.acts"): new}), DOCUMENT) as bench:
        actions, _ = actions_on(bench)
        actions(act, job)
        assert job in bench.scheduler.jobs
        bench.pump.until(lambda: bench.store.document.cache == new)
        assert not bench.scheduler.jobs


def test_a_recording_that_fails_says_why_and_opens_nothing() -> None:
    with Bench(Engine({RECORD: InterpvizError("The disk is full. Make room.")}), DOCUMENT) as bench:
        actions, said = actions_on(bench)
        actions("cache.record", RECORD)
        bench.pump.until(lambda: bool(said))
        assert (said, bench.store.document) == (["The disk is full. Make room."], DOCUMENT)


def test_a_recording_that_is_stopped_says_how_it_goes_on() -> None:
    engine = Engine()
    begun, _ = engine.hold(RECORD)
    with Bench(engine, DOCUMENT) as bench:
        actions, said = actions_on(bench)
        actions("cache.record", RECORD)
        assert begun.wait(20)
        bench.scheduler.cancel(RECORD)
        assert said == ["Stopped. What is committed stays; the same again into the same place goes on from there."]
        assert not bench.scheduler.jobs


@pytest.mark.parametrize(("act", "given"), [("paths.open", ["strange.h5"]), ("foreign.open", "strange.h5")])
def test_what_strangers_recorded_is_looked_into_and_the_user_asked(act: str, given: Any) -> None:
    engine = Engine({ContentsRequest: "foreign", LookInto("strange.h5"): FOREIGN})
    with Bench(engine, DOCUMENT) as bench:
        actions, _ = actions_on(bench)
        found: list[Foreign] = []
        actions.foreign.connect(lambda one: found.append(one))
        actions(act, given)
        bench.pump.until(lambda: bool(found))
        assert found == [FOREIGN]
