"""An index of something else than what is open is told by its sha256s."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from interpviz.core.document import CacheFacts, Document, ModelFacts
from interpviz.core.features import DictionaryFacts, IndexFacts

MODEL = ModelFacts("toy", "toy", "a" * 64, 2, 2, 2, 8, 16, 50, 32)
CACHE = CacheFacts("notes", "notes.acts", "b" * 64, "toy", "a" * 64, "huggingface", ("blocks.0.hook_resid_post",), 100)
SAE = DictionaryFacts("sae", "sae", "c" * 64, "standard", "blocks.0.hook_resid_post", 8, 16)
INDEX = IndexFacts("sae", "sae.features.h5", "d" * 64, "sae", "c" * 64, "a" * 64, "notes", "b" * 64, 16, 100)
OPEN = Document(MODEL, CACHE, dictionaries=(SAE,), indices=(INDEX,))


def test_an_index_of_all_that_is_open_is_shown_without_a_word():
    assert OPEN.index_apart == ""
    assert Document().index_apart == ""


def test_other_weights_of_the_dictionary_are_told():
    other = replace(OPEN, dictionaries=(replace(SAE, sha256="e" * 64),))
    assert other.index is None
    assert other.index_apart == "sae is an index of sae, which is not open. Open it."
    assert replace(OPEN, dictionaries=()).index_apart == other.index_apart


def test_an_index_of_an_open_dictionary_that_is_not_shown_is_no_stranger():
    both = replace(OPEN, dictionaries=(SAE, replace(SAE, name="other", sha256="e" * 64)))
    assert (both.index, both.index_apart) == (None, "")


def test_another_model_and_another_cache_are_told():
    assert "built with another model than toy" in replace(OPEN, model=replace(MODEL, sha256="e" * 64)).index_apart
    other = replace(CACHE, name="letters", sha256="e" * 64)
    assert replace(OPEN, cache=other).index_apart == "The examples are from notes, not from letters, which is open."


def test_an_index_lies_beside_the_dictionarys_folder_and_never_in_it(tmp_path: Path):
    (tmp_path / "run" / "sae").mkdir(parents=True)
    (tmp_path / "run" / "layer_2.safetensors").touch()
    folder = replace(SAE, source=str(tmp_path / "run" / "sae"))
    layer = replace(SAE, name="run-layer_2", source=str(tmp_path / "run" / "layer_2.safetensors"))
    assert folder.index_place == str(tmp_path / "run" / "sae.features.h5")
    assert layer.index_place == str(tmp_path / "run-layer_2.features.h5")
