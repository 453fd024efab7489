"""Acts on features, from a document to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from interpviz.core import commands
from interpviz.core import feature_commands as acts
from interpviz.core.document import Document, ModelFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.features import NOTHING_CHOSEN, DictionaryFacts, IndexFacts

MODEL = ModelFacts("toy", "toy", "aa", 2, 3, 3, 8, 16, 5, 64)
SAE = DictionaryFacts("sae", "/d/sae", "5a", "standard", "blocks.0.hook_resid_post", 8, 16)
OTHER = replace(SAE, name="other", source="/d/other", sha256="07", features=4)
INDEX = IndexFacts("sae.features.h5", "/d/sae.features.h5", "1d", "sae", "5a", "aa", "c.acts", "cc", 16, 6)
OPEN = Document(model=MODEL, dictionaries=(SAE, OTHER))


def test_the_dictionary_that_was_opened_last_is_shown_until_another_is_chosen():
    assert OPEN.dictionary == OTHER
    assert acts.choose_dictionary(OPEN, "sae").dictionary == SAE


def test_another_dictionary_has_other_features_so_the_choice_is_let_go():
    chosen = acts.show_list(acts.choose_feature(acts.choose_dictionary(OPEN, "sae"), 9, at=3), "names")
    assert (chosen.features.feature, chosen.features.at, chosen.features.list) == (9, 3, "names")
    view = acts.choose_dictionary(chosen, "other").features
    assert (view.feature, view.at, view.list) == (None, None, "")
    assert acts.choose_dictionary(chosen, "sae").features.feature == 9


def test_an_index_brings_its_dictionary_to_the_front_and_replaces_one_of_the_same_file():
    document = acts.open_index(OPEN, INDEX)
    assert (document.dictionary, document.index) == (SAE, INDEX)
    assert acts.open_index(replace(OPEN, panels=frozenset({"maps"})), INDEX).panels == {"maps", "features", "feature"}
    again = replace(INDEX, sha256="2d")
    assert acts.open_index(document, again).indices == (again,)


def test_an_index_of_a_dictionary_that_is_not_open_waits_for_it():
    stranger = replace(INDEX, dictionary_sha256="ff")
    document = acts.open_index(OPEN, stranger)
    assert (document.dictionary, document.index, document.indices) == (OTHER, None, (stranger,))


@pytest.mark.parametrize("feature", [-1, 4])
def test_a_feature_that_the_dictionary_has_not_is_refused(feature: int):
    with pytest.raises(InterpvizError, match=r"other has no feature .* from 0 to 3"):
        acts.choose_feature(OPEN, feature)


def test_without_a_dictionary_there_is_no_feature_to_choose():
    with pytest.raises(InterpvizError, match="Open a dictionary first"):
        acts.choose_feature(Document(), 0)
    with pytest.raises(InterpvizError, match="No dictionary gone is open"):
        acts.choose_dictionary(OPEN, "gone")


def test_a_filter_is_kept_as_written_and_a_wrong_one_refused():
    assert acts.filter_features(OPEN, " density < 1% ").features.filter == "density < 1%"
    assert acts.filter_features(OPEN, "").features.filter == ""
    with pytest.raises(InterpvizError, match="filter"):
        acts.filter_features(OPEN, "density <")
    with pytest.raises(InterpvizError, match="1,000 at most"):
        acts.filter_features(OPEN, "a" * 1001)


def test_sorting_ranking_and_trying_change_the_view_alone():
    view = acts.try_text(acts.rank_features(acts.sort_features(OPEN, "label", False), "direct"), "a dog").features
    assert (view.column, view.descending, view.ranking, view.tried) == ("label", False, "direct", "a dog")


@pytest.mark.parametrize(
    ("act", "value", "says"),
    [
        (acts.rank_features, "size", "not ranked by 'size'"),
        (acts.try_text, "a" * 20_001, "20,001 letters"),
        (acts.show_list, "a" * 61, "60 letters at most"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(act: Callable[..., Document], value: str, says: str):
    with pytest.raises(InterpvizError, match=says):
        act(OPEN, value)


def test_a_column_that_there_is_not_is_refused():
    with pytest.raises(InterpvizError, match="no column 'size'"):
        acts.sort_features(OPEN, "size", True)  # type: ignore[arg-type]


def test_a_dictionary_that_is_opened_is_shown_and_one_of_the_same_name_takes_its_place():
    chosen = acts.choose_feature(acts.choose_dictionary(OPEN, "sae"), 9)
    opened = commands.open_dictionary(chosen, replace(OTHER, name="third"))
    assert (opened.dictionary, opened.features.feature) == (replace(OTHER, name="third"), None)
    assert commands.open_dictionary(chosen, SAE).features.feature == 9


def test_another_model_drops_dictionaries_indices_and_what_was_shown_of_them():
    document = acts.choose_feature(acts.open_index(OPEN, INDEX), 3)
    other = commands.open_model(document, replace(MODEL, sha256="bb"))
    assert (other.dictionaries, other.indices, other.features) == ((), (), NOTHING_CHOSEN)
