"""Dictionaries in the real window: opened by a drop, edited by name, and missed when they are gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from interpviz.app import Session
from interpviz.core import commands, experiments
from interpviz.core.document import Document
from interpviz.data import dictionaries, sessions
from interpviz.ui.panels.interventions import InterventionsPanel
from tests.app.driving import PATIENCE, Plain, click, differences, drop, notice, told
from tests.data import sae_files
from tests.engine.plain_sae import FloatSAE, random_sae

pytestmark = pytest.mark.slow  # each opens the whole window on a model

LAYER, WIDTH = 1, 192


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "book"


@pytest.fixture
def book(folder: Path) -> FloatSAE:
    """A random dictionary of the demo's stream after layer 1."""
    return random_sae(folder, f"blocks.{LAYER}.hook_resid_post", WIDTH)


def write(session: Session, text: str) -> None:
    """Type an edit into the Interventions panel, in place of one that was refused."""
    panel = session.window.panels["interventions"]
    assert isinstance(panel, InterventionsPanel)
    panel.writing.selectAll()
    QTest.keyClicks(panel.writing, text)
    QTest.keyClick(panel.writing, Qt.Key.Key_Return)


def test_a_feature_of_a_dropped_dictionary_is_clamped_to_what_plain_transformers_says(
    session: Session, opening: Document, book: FloatSAE, folder: Path, qtbot: QtBot
) -> None:
    drop(session, folder)
    qtbot.waitUntil(lambda: bool(session.store.document.dictionaries), timeout=PATIENCE)
    write(session, "book/3:clamp:5")
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    plain = Plain(opening)
    clean, edited = differences(session)
    assert clean == pytest.approx(plain.difference(), abs=2e-3)
    assert edited == pytest.approx(plain.clamped(LAYER, book, 3, 5.0), abs=2e-3)
    assert abs(clean - edited) > 0.01


def test_a_dropped_folder_of_several_dictionaries_opens_them_all(session: Session, qtbot: QtBot) -> None:
    drop(session, sae_files.SAVED_BY_SPARSIFY / "transcoders")
    qtbot.waitUntil(lambda: len(session.store.document.dictionaries) == 3, timeout=PATIENCE)
    names = [one.name for one in session.store.document.dictionaries]
    assert names == ["layers.0.mlp", "layers.3.mlp", "layers.4"]


def test_a_feature_that_the_dictionary_has_not_and_one_of_none_are_sentences(
    session: Session, opening: Document, book: FloatSAE, folder: Path, qtbot: QtBot
) -> None:
    write(session, "book/3:clamp:5")
    assert "No dictionary book is open" in notice(session)
    drop(session, folder)
    qtbot.waitUntil(lambda: bool(session.store.document.dictionaries), timeout=PATIENCE)
    write(session, "book/16:clamp:5")
    assert "features 0 to 15" in notice(session)
    assert session.store.document.interventions == opening.interventions


def test_a_smaller_dictionary_of_the_same_name_says_which_feature_it_has_not(
    session: Session, opening: Document, book: FloatSAE, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    drop(session, folder)
    qtbot.waitUntil(lambda: bool(session.store.document.dictionaries), timeout=PATIENCE)
    write(session, "book/9:clamp:5")
    smaller = tmp_path / "other" / "book"
    random_sae(smaller, book.hook, WIDTH, features=8)
    drop(session, smaller)
    qtbot.waitUntil(lambda: session.store.document.dictionaries[0].features == 8, timeout=PATIENCE)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert "book has no book/9: it has features 0 to 7" in session.window.panels["outputs"].problem
    session.actions("edit.undo")
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert "book/9:clamp:5" in told(session)


def test_a_session_whose_dictionary_was_moved_says_so_and_the_window_lives(
    empty: Session, opening: Document, folder: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    random_sae(folder, f"blocks.{LAYER}.hook_resid_post", WIDTH, features=12)  # one that the engine has not read yet
    known = commands.open_dictionary(opening, dictionaries.facts(folder))
    kept = tmp_path / "kept.json"
    sessions.save(experiments.write_intervention(known, "book/3:clamp:5"), kept)
    folder.rename(tmp_path / "elsewhere")
    drop(empty, kept)
    qtbot.waitUntil(empty.settled, timeout=PATIENCE)
    outputs = empty.window.panels["outputs"]
    assert f"There is no folder {folder}" in outputs.problem
    click(empty, 1, 3)
    empty.actions("intervention.remove", next(e for e in empty.store.document.interventions if e.site.dictionary))
    qtbot.waitUntil(empty.settled, timeout=PATIENCE)
    assert outputs.problem == ""
    assert "L1H3:zero" in told(empty)
