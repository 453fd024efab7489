"""What the panel of the paths is told: the paths as text and parts, and their effects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interpviz.control.paths import PathsController, PathsPicture, example
from interpviz.control.plan import plan
from interpviz.core import commands
from interpviz.core.document import Document, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.path_patching import check_paths, parse_paths
from interpviz.core.requests import PathRequest
from interpviz.core.results import PathEffects
from interpviz.core.sites import Site
from tests.control.desks import DOCUMENT, MODEL, Bench, Engine, View

EFFECTS = PathEffects(1.5, -0.5, 0.25, 3.25, "fast", 0.02)
FOLLOWED = commands.follow_paths(DOCUMENT, "L0H1 > L1H2 > logits, L0H1 > L1M > logits", "mean")


def told(document: Document, answer: Any = EFFECTS) -> View:
    """Everything the panel was told until all that the document needs was answered."""
    view = View()
    document = replace(document, panels=frozenset({"paths"}))
    with Bench(Engine({PathRequest: answer}), document) as bench:
        bench.desk.attach("paths", PathsController(bench.desk, view))
        ended: set[Any] = set()
        bench.scheduler.ended.connect(lambda request: ended.add(request))
        bench.desk.refresh()
        bench.pump.until(lambda: ended >= set(plan(document)))
    return view


def last(document: Document, answer: Any = EFFECTS) -> PathsPicture:
    shown: PathsPicture = told(document, answer).pictures[-1]
    return shown


def test_the_followed_paths_stand_as_text_and_in_parts_with_their_effects():
    picture = last(FOLLOWED)
    assert (picture.paths, picture.mode) == ("L0H1 > L1H2 > logits, L0H1 > L1M > logits", "mean")
    assert picture.chains == (("L0H1", "L1H2", "logits"), ("L0H1", "L1M", "logits"))
    assert (picture.effects, picture.pending, picture.hint) == (EFFECTS, False, "")


def test_effects_on_their_way_are_told_as_such():
    first = told(FOLLOWED).pictures[0]
    assert (first.effects, first.pending) == (None, True)


def test_a_path_that_cannot_be_followed_leaves_its_sentence():
    picture = last(FOLLOWED, InterpvizError("patch needs a contrast prompt. Type one."))
    assert (picture.problem, picture.pending) == ("patch needs a contrast prompt. Type one.", False)
    assert picture.effects is None


def test_without_paths_there_is_an_example_that_the_model_has():
    picture = last(DOCUMENT)
    assert (picture.effects, picture.pending, picture.chains) == (None, False, ())
    assert picture.hint.endswith("such as L0H2 > L1H0 > logits.")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "L0H2 > L1H0 > logits"),
        ({"layers": 1}, "L0H0 > L0M > logits"),
        ({"layers": 1, "d_mlp": 0}, "L0H0 > logits"),
    ],
)
def test_every_model_has_the_example(changes: dict[str, Any], text: str):
    model = replace(MODEL, **changes)
    assert example(model) == text
    check_paths(parse_paths(text), model)


@pytest.mark.parametrize(
    ("selected", "sender"),
    [
        ([], ""),
        ([Site(1, "head", 2)], "L1H2"),
        ([Site(0, "mlp_out")], "L0M"),
        ([Site(0, "resid_post"), Site(0, "head", 1)], "L0H1"),
    ],
)
def test_a_selected_component_is_offered_as_sender(selected: list[Site], sender: str):
    assert last(commands.select(DOCUMENT, selected)).sender == sender


@pytest.mark.parametrize(("distractor", "metric"), [(" y", "logit difference"), ("", "log-probability of the target")])
def test_the_metric_is_named(distractor: str, metric: str):
    assert last(replace(FOLLOWED, distractor=distractor)).metric == metric


def test_without_model_prompt_or_target_the_panel_says_what_to_do():
    assert told(Document()).sentences[-1].startswith("Open a model")
    assert told(replace(DOCUMENT, prompt=Prompt(""))).sentences[-1].startswith("Type a prompt")
    assert told(replace(DOCUMENT, target="", distractor="")).sentences[-1].startswith("Name a target token")
