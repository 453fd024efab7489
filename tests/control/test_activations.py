"""Features on the prompt stand in the order that is asked for, with what is known of them and why the rest is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interpviz.control.activations import ActivationsController, ActivationsPicture
from interpviz.control.plan import NEEDS
from interpviz.core.document import Document, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_commands import choose_feature, rank_features, try_text
from interpviz.core.feature_requests import FeatureTableRequest, NotesRequest, PromptFeaturesRequest, TryFeature
from interpviz.core.feature_results import FeatureTable, Notes, PromptFeatures, TriedText
from interpviz.core.features import DictionaryFacts, IndexFacts
from interpviz.core.interventions import Intervention
from interpviz.core.requests import SweepRequest, TargetRequest
from interpviz.core.results import Effects, Target, Tokens
from interpviz.core.sites import Site
from tests.control.desks import DOCUMENT, MODEL, Bench, Engine, View

SAE = DictionaryFacts("sae", "/sae", "dd", "standard", "blocks.0.hook_resid_post", 8, 9)
INDEX = IndexFacts("sae", "/sae.features.h5", "ii", "sae", "dd", "aa", "c.acts", "cc", 9, 6)
TOKENS = Tokens(np.array([0, 1, 2], np.int32), ("<s>", "a", " b"))
VALUES = np.array([[0, 4, 1], [0, 0, 3], [0, 2, 0]], np.float32)
FOUND = PromptFeatures(
    tokens=TOKENS,
    features=np.array([7, 2, 5], np.int32),
    values=VALUES,
    direct=np.array([[0, 9, 0.5], [0, 0, -2], [0, 1, 0]], np.float32),
    considered=40,
    quantiles=np.array([[np.nan, 0.2, 0.1], [np.nan, np.nan, 0.9], [np.nan, 0.5, np.nan]], np.float32),
)
TABLE = FeatureTable(
    density=np.zeros(9, np.float32),
    maximum=np.arange(9, dtype=np.float32),
    top_token=("x",) * 9,
    label=("",) * 5 + ("at John",) + ("",) * 3,
    score=np.zeros(9, np.float32),
)
EFFECTS = Effects(
    tuple(Site(-1, "feature", k, dictionary="sae") for k in (2, 7)), np.array([-0.5, 0.25], np.float32), 1.0
)
ANSWERS: dict[Any, Any] = {
    PromptFeaturesRequest: FOUND,
    FeatureTableRequest: TABLE,
    NotesRequest: Notes(labels=((2, "mine"),)),
    SweepRequest: EFFECTS,
    TargetRequest: Target(1, 2),
    TryFeature: TriedText(TOKENS, np.array([0, 0, 1], np.float32)),
}
OPEN = replace(DOCUMENT, dictionaries=(SAE,), indices=(INDEX,), panels=frozenset({"activations"}))


class Shown(Bench):
    """A panel of features on the prompt on an engine."""

    def __init__(self, document: Document, answers: dict[Any, Any] | None = None) -> None:
        super().__init__(Engine(ANSWERS | (answers or {})), document)
        self.view = View()
        self.desk.attach("activations", ActivationsController(self.desk, self.view))
        self.desk.refresh()

    def __enter__(self) -> Shown:
        return self

    def settle(self) -> Shown:
        self.pump.until(lambda: self.desk.settled)
        self.pump.drain()
        return self

    @property
    def picture(self) -> ActivationsPicture:
        found: ActivationsPicture = self.view.pictures[-1]
        return found


@pytest.fixture
def shown() -> Iterator[Shown]:
    with Shown(OPEN) as made:
        yield made.settle()


def test_features_stand_strongest_first_with_their_labels_a_person_s_before_the_index_s(shown: Shown) -> None:
    assert [(row.feature, row.label, row.strongest) for row in shown.picture.rows] == [
        (7, "", 4.0),
        (2, "mine", 3.0),
        (5, "at John", 2.0),
    ]
    assert shown.picture.values.tolist() == VALUES.tolist()
    assert [row.maximum for row in shown.picture.rows] == [7, 2, 5]
    assert (shown.picture.considered, shown.picture.problem, shown.picture.lacking) == (40, "", {})


@pytest.mark.parametrize(
    ("ranking", "order", "figures"),
    [
        ("activation", [7, 2, 5], [4, 3, 2]),
        ("quantile", [2, 5, 7], [0.9, 0.5, 0.2]),
        ("direct", [2, 7, 5], [-2, 0.5, 0]),
        ("ablation", [2, 7, 5], [-0.5, 0.25, np.nan]),
    ],
)
def test_they_are_ordered_by_what_is_asked_largest_size_first(
    shown: Shown, ranking: Any, order: list[int], figures: list[float]
) -> None:
    shown.store.apply(rank_features, ranking)
    shown.settle()
    assert [row.feature for row in shown.picture.rows] == order
    assert shown.picture.figures.tolist() == pytest.approx(figures, nan_ok=True)
    places = [FOUND.features.tolist().index(feature) for feature in order]
    assert shown.picture.values.tolist() == VALUES[places].tolist()


def test_effects_are_measured_only_while_features_are_ordered_by_them(shown: Shown) -> None:
    assert not any(isinstance(request, SweepRequest) for request in shown.engine.asked)
    shown.store.apply(rank_features, "ablation")
    before, after = shown.picture, shown.settle().picture
    assert (before.measuring, after.measuring) == (True, False)
    assert [request.kind for request in shown.engine.asked if isinstance(request, SweepRequest)] == ["feature"]


def test_without_index_and_target_it_says_why_other_orders_cannot_be_had() -> None:
    bare = replace(OPEN, indices=(), target="", distractor="")
    bare = rank_features(bare, "direct")
    with Shown(bare, {PromptFeaturesRequest: replace(FOUND, quantiles=None, direct=None)}) as shown:
        picture = shown.settle().picture
    assert picture.ranking == "activation"
    assert "Build one of this dictionary" in picture.lacking["quantile"]
    assert "Type a target beside the prompt" in picture.lacking["direct"]
    assert "Type a target beside the prompt" in picture.lacking["ablation"]
    assert np.isnan(picture.rows[0].direct)
    assert np.isnan(picture.rows[0].maximum)


def test_the_chosen_feature_is_edited_and_tried_on_another_text(shown: Shown) -> None:
    shown.store.apply(choose_feature, 5, 1)
    shown.store.apply(try_text, "b a")
    chosen = shown.settle().picture.chosen
    assert chosen is not None
    assert (chosen.at, str(chosen.site), chosen.label) == (1, "sae/5", "at John")
    assert (chosen.edit, chosen.maximum, chosen.trying) == (None, 5.0, "b a")
    assert chosen.tried is ANSWERS[TryFeature]
    assert (shown.picture.marked, shown.picture.edited) == (2, frozenset())
    assert TryFeature(MODEL, Prompt("b a"), SAE, 5) in shown.engine.asked
    edit = Intervention(chosen.site, "scale", 2.0)
    shown.store.apply(lambda document: replace(document, interventions=frozenset({edit})))
    assert shown.picture.edited == frozenset({5})
    assert shown.picture.chosen is not None
    assert shown.picture.chosen.edit == edit


def test_a_feature_may_be_chosen_that_is_not_active_on_the_prompt(shown: Shown) -> None:
    shown.store.apply(choose_feature, 8)
    assert shown.picture.marked is None
    assert str(shown.picture.chosen and shown.picture.chosen.site) == "sae/8"


def test_a_target_that_is_no_token_is_said_beside_the_features() -> None:
    wrong = InterpvizError("' xy' is 2 tokens. Give one token.")
    with Shown(OPEN, {TargetRequest: wrong}) as shown:
        assert shown.settle().picture.problem == str(wrong)
        assert len(shown.picture.rows) == 3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dictionaries": ()}, "Open a dictionary of this model"),
        ({"model": None}, "Open the model of sae"),
        ({"prompt": Prompt("")}, "Type a prompt to see which features of sae are active"),
    ],
)
def test_where_something_is_missing_it_says_what_to_do(changes: dict[str, Any], sentence: str) -> None:
    document = replace(OPEN, **changes)
    assert NEEDS["activations"](document) == ()
    with Shown(document) as shown:
        assert shown.view.sentences[-1].startswith(sentence)


def test_a_dictionary_that_does_not_fit_the_model_is_a_sentence() -> None:
    wrong = InterpvizError("sae reads 8 numbers, but the model has 9. Open a dictionary of this model.")
    with Shown(OPEN, {PromptFeaturesRequest: wrong}) as shown:
        shown.settle()
        assert shown.view.sentences[-1] == str(wrong)
        assert not shown.view.pictures


def test_a_prompt_on_which_nothing_is_active_is_a_sentence() -> None:
    none = replace(FOUND, features=FOUND.features[:0], values=VALUES[:0], direct=None, quantiles=None, considered=0)
    with Shown(OPEN, {PromptFeaturesRequest: none}) as shown:
        shown.settle()
        assert shown.view.sentences[-1].startswith("No feature of sae is active on this prompt")
