"""A session file gives the document back, and a hostile one a sentence."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpviz.core.document import (
    PANELS,
    CacheFacts,
    CloudView,
    ComponentsView,
    ContinuationView,
    Document,
    Experiment,
    GraphView,
    ModelFacts,
    PatchingView,
    PathsView,
    Prompt,
    Selection,
)
from interpviz.core.errors import InterpvizError
from interpviz.core.features import DictionaryFacts
from interpviz.core.interventions import Intervention
from interpviz.core.sites import EMBED, Site
from interpviz.data import sessions
from interpviz.data.session_file import SessionFile
from interpviz.data.sessions import BadSession

MODEL = ModelFacts("demo", "demo", "a" * 64, 4, 6, 6, 192, 512, 4096, 128)
HOOKS = ("blocks.1.hook_resid_post", "blocks.3.hook_resid_post")
CACHE = CacheFacts("held-out", "/data/held-out.acts", "b" * 64, "demo", "a" * 64, "huggingface", HOOKS, 8192)

SAE = DictionaryFacts("sae", "/data/sae", "c" * 64, "standard", HOOKS[0], 192, 16)

layers, heads = st.integers(0, 3), st.integers(0, 5)
whole = st.builds(Site, layers, st.sampled_from(["resid_pre", "heads", "attn_out", "mlp_out", "resid_post"]))
sites = st.one_of(
    st.just(EMBED),
    whole,
    st.builds(Site, layers, st.sampled_from(["head", "query", "key", "value", "neuron"]), heads),
    st.builds(Site, st.just(-1), st.just("feature"), heads, dictionary=st.just("sae")),
)
positions = st.none() | st.lists(st.integers(-5, 127), min_size=1, unique=True).map(lambda found: tuple(sorted(found)))
prompts = st.builds(Prompt, st.text(), st.none() | st.lists(st.integers(0, 4095)).map(tuple), st.booleans())
edits = st.frozensets(
    st.builds(Intervention, sites, st.sampled_from(["zero", "mean", "resample", "patch"]), positions=positions)
    | st.builds(Intervention, sites, st.just("scale"), st.floats(-9, 9), positions=positions)
    | st.builds(Intervention, whole, st.just("add"), st.floats(-9, 9), st.just("refusal.npy"), positions),
    max_size=5,
)
documents = st.builds(
    Document,
    st.just(MODEL),
    st.sampled_from([CACHE, replace(CACHE, codes=("L0", "L1"), tokens=2**33)]),
    prompts,
    st.none() | prompts,
    st.text(max_size=10),
    st.text(max_size=10),
    edits,
    st.builds(Selection, st.lists(sites, max_size=4).map(tuple)),
    st.none() | st.integers(0, 8191),
    st.sampled_from(["direct", "attributed", "ablation"]),
    st.builds(
        CloudView, st.text(max_size=10), st.sampled_from(["pca", "umap"]), st.sampled_from(["document", "position"])
    ),
    st.builds(GraphView, st.floats(0, 1)),
    st.frozensets(st.sampled_from(PANELS)),
    dictionaries=st.just((SAE,)),
    off=edits,
    freeze=st.booleans(),
    experiments=st.builds(Experiment, st.just("kept"), edits, st.booleans()).map(lambda one: (one,)),
    compared=st.sampled_from([None, ("clean", ""), ("", "kept")]),
    components=st.builds(ComponentsView, st.sampled_from(["grid", "table"]), st.just("direct"), st.booleans()),
    patching=st.builds(PatchingView, st.sampled_from(["resid", "attn", "mlp"]), st.booleans()),
    continuation=st.builds(ContinuationView, st.integers(1, 1000), st.floats(0, 9), st.integers(0, 99)),
    paths=st.builds(PathsView, st.just("L0H2 > logits"), st.sampled_from(["zero", "patch"])),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(documents)
def test_what_is_saved_is_what_is_opened(tmp_path_factory: pytest.TempPathFactory, document: Document) -> None:
    path = tmp_path_factory.getbasetemp() / "some.session.json"
    sessions.save(document, path)
    assert sessions.load(path) == document


def test_a_session_of_the_first_version_opens(tmp_path: Path) -> None:
    _write(tmp_path, {"version": 1, "interventions": [{"site": "L1H4", "mode": "mean", "positions": [2]}]})
    edits = sessions.load(tmp_path / "s.json").interventions
    assert edits == {Intervention(Site(1, "head", 4), "mean", positions=(2,))}


def test_an_empty_document_comes_back(tmp_path: Path) -> None:
    sessions.save(Document(), tmp_path / "s.json")
    assert sessions.load(tmp_path / "s.json") == Document()


def test_every_field_of_a_document_is_saved() -> None:
    assert {field.name for field in fields(Document)} == set(SessionFile.model_fields) - {"format", "version"}


def test_half_characters_are_made_visible(tmp_path: Path) -> None:
    sessions.save(Document(prompt=Prompt("a\ud800b")), tmp_path / "s.json")
    assert sessions.load(tmp_path / "s.json").prompt.text == "a\ufffdb"


def test_what_lies_below_the_session_moves_with_it(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "moved"
    home.mkdir()
    inside = replace(CACHE, source=str(home / "acts" / "x.acts"))
    outside = replace(MODEL, source=str(tmp_path / "model"))
    sessions.save(Document(model=outside, cache=inside), home / "s.json")
    home.rename(elsewhere)
    opened = sessions.load(elsewhere / "s.json")
    assert opened.cache is not None
    assert opened.model is not None
    assert opened.cache.source == str(elsewhere / "acts" / "x.acts")
    assert opened.model.source == str(tmp_path / "model")


def test_a_bundled_name_stays_a_name(tmp_path: Path) -> None:
    sessions.save(Document(model=MODEL), tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text())["model"]["source"] == "demo"
    assert sessions.load(tmp_path / "s.json").model == MODEL


def test_what_is_no_longer_there_is_listed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    document = Document(model=replace(MODEL, source=str(tmp_path / "model")), cache=CACHE)
    assert sessions.missing(document) == ("/data/held-out.acts",)


def test_a_place_that_cannot_be_written_is_a_sentence_and_the_old_file_stands(tmp_path: Path) -> None:
    with pytest.raises(InterpvizError, match="cannot be written"):
        sessions.save(Document(), tmp_path / "gone" / "s.json")


def test_a_newer_session_is_refused_by_its_version(tmp_path: Path) -> None:
    _write(tmp_path, {"version": 7})
    with pytest.raises(InterpvizError, match=r"s\.json was saved by a newer interpviz \(version 7\)\. Update"):
        sessions.load(tmp_path / "s.json")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "other"}, "it was not saved by interpviz"),
        ({"version": "1"}, "its version is not valid"),
        ({"version": None}, "its version is not valid"),
        ({"prompt": {"text": 5}}, r"its prompt\.text is not valid"),
        ({"prompt": {"text": "", "tokens": [-1]}}, r"its prompt\.tokens\.0 is not valid"),
        ({"prompt": {"text": "", "tokens": [10**9]}}, "tokens that its model has not"),
        ({"prompt": {"text": "x" * 1_000_001}}, "is not valid"),
        ({"model": {"name": "x"}}, "is not valid"),
        ({"selection": ["L9H0"]}, "demo has no L9H0"),
        ({"selection": ["L1H4[7>3]"]}, "names no part of a model"),
        ({"interventions": [{"site": "L1H4", "mode": "explode"}]}, r"its interventions\.0\.mode is not valid"),
        ({"interventions": [{"site": "<b>x</b>"}]}, "names no part"),
        ({"interventions": [{"site": "L1H4", "mode": "scale"}]}, "scale needs a value"),
        ({"interventions": [{"site": "L1H4", "mode": "scale", "value": float("inf")}]}, "is not valid"),
        ({"off": [{"site": "L9H4"}]}, "demo has no L9H4"),
        ({"experiments": [{"name": "clean", "interventions": []}]}, "one is called clean"),
        ({"experiments": [{"name": "x", "interventions": []}] * 2}, "two of its experiments have one name"),
        ({"paths": {"paths": "L9H0 > logits"}}, "demo has no L9H0"),
        ({"experiments": [{"name": "x", "interventions": [{"site": "sae/3"}]}]}, "No dictionary sae is open"),
        ({"compared": ["clean", "lost"]}, "No experiment is called 'lost'"),
        ({"paths": {"paths": "L0H2 > L1H0"}}, "does not end at the logits"),
        ({"continuation": {"tokens": 0}}, r"its continuation\.tokens is not valid"),
        ({"interventions": [{"site": "L1H4", "positions": []}]}, r"its interventions\.0\.positions is not valid"),
        ({"model": None, "selection": ["L0M"]}, "parts of no model"),
        ({"token": 8192}, "a token that its cache has not"),
        ({"token": True}, "its token is not valid"),
        ({"graph": {"threshold": 1.5}}, "is not valid"),
        ({"graph": {"threshold": 10**400}}, "is not valid"),
        ({"panels": ["prompt", "secrets"]}, "a panel that there is not"),
        ({"panels": "prompt"}, "its panels is not valid"),
    ],
)
def test_what_a_session_may_not_say_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    _write(tmp_path, changes)
    with pytest.raises(InterpvizError, match=said):
        sessions.load(tmp_path / "s.json")


@pytest.mark.parametrize("number", [2**31, 10**30, -1, 0, 1.5, True, "4", None])
def test_a_model_of_impossible_size_is_refused(tmp_path: Path, number: object) -> None:
    _write(tmp_path, {"model": vars(MODEL) | {"layers": number}})
    with pytest.raises(BadSession, match=r"its model\.layers is not valid"):
        sessions.load(tmp_path / "s.json")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"NaN", b"9" * 10_000, b"{} {}"]
)
def test_what_is_no_session_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.json").write_bytes(content)
    with pytest.raises(BadSession, match=r"s\.json cannot be opened as a session"):
        sessions.load(tmp_path / "s.json")


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "s.json").open("wb") as file:
        file.truncate(2**34)
    with pytest.raises(BadSession, match="far longer than any session"):
        sessions.load(tmp_path / "s.json")


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_spoiled_session_is_judged_and_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "spoiled.json"
    document = Document(MODEL, CACHE, interventions=frozenset({Intervention(Site(1, "head", 4))}), token=3)
    sessions.save(document, path)
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    path.write_bytes(whole)
    try:
        assert isinstance(sessions.load(path), Document)
    except InterpvizError:
        return


def test_a_session_that_was_changed_by_a_letter_is_refused(tmp_path: Path) -> None:
    sessions.save(Document(MODEL, prompt=Prompt("to the store")), tmp_path / "s.json")
    changed = (tmp_path / "s.json").read_text().replace("the store", "the stove")
    (tmp_path / "s.json").write_text(changed)
    with pytest.raises(BadSession, match="damaged or changed"):
        sessions.load(tmp_path / "s.json")


def _write(folder: Path, changes: dict[str, Any]) -> None:
    """A session of the demo and its cache with some fields changed."""
    sessions.save(Document(MODEL, CACHE), folder / "s.json")
    content = json.loads((folder / "s.json").read_text()) | changes
    del content["crc32"]
    (folder / "s.json").write_text(json.dumps({**content, "crc32": sessions.checksum(content)}))
