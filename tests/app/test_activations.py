"""Features on the prompt in the real window: a map of a real dictionary, a click, a drag, another text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from interpviz.app import Session
from interpviz.core.document import Document
from interpviz.core.interventions import Intervention
from interpviz.data import dictionaries
from interpviz.ui.panels.activations import ActivationsPanel
from tests.app.driving import PATIENCE, Plain, differences
from tests.engine.plain_sae import FloatSAE, random_sae
from tests.ui.conftest import click

pytestmark = pytest.mark.slow  # each opens the whole window on a model

LAYER, WIDTH = 1, 192


@pytest.fixture
def book(tmp_path: Path) -> FloatSAE:
    """A random dictionary of the demo's stream after layer 1."""
    return random_sae(tmp_path / "book", f"blocks.{LAYER}.hook_resid_post", WIDTH)


@pytest.fixture
def panel(session: Session, book: FloatSAE, tmp_path: Path, qtbot: QtBot) -> ActivationsPanel:
    session.actions("panel.show", "activations", True)
    session.actions("dictionary.open", str(tmp_path / "book"))
    qtbot.waitUntil(lambda: session.store.document.dictionary is not None, timeout=PATIENCE)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    found = session.window.panels["activations"]
    assert isinstance(found, ActivationsPanel)
    session.window.board.dock("activations").raise_()
    qtbot.waitUntil(found.map.isVisible, timeout=PATIENCE)
    return found


def test_a_click_chooses_and_a_clamp_moves_the_outputs_to_what_plain_transformers_says(
    session: Session, opening: Document, panel: ActivationsPanel, book: FloatSAE, qtbot: QtBot
) -> None:
    click(panel.map.viewport(), panel.map.places.box(1, 3))
    chosen = session.store.document.features
    assert chosen.at == 3
    assert chosen.feature is not None
    session.actions("intervention.set", Intervention.parse(f"book/{chosen.feature}:clamp:5"))
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    clean, edited = differences(session)
    assert edited == pytest.approx(Plain(opening).clamped(LAYER, book, chosen.feature, 5.0), abs=2e-3)
    assert abs(clean - edited) > 0.01
    panel.edit.value.setFocus()
    QTest.keyClick(panel.edit.value, Qt.Key.Key_Right)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    (edit,) = (one for one in session.store.document.interventions if one.site.kind == "feature")
    assert edit.value == pytest.approx(5.1)
    expected = Plain(opening).clamped(LAYER, book, chosen.feature, 5.1)
    assert differences(session)[1] == pytest.approx(expected, abs=2e-3)


def test_another_text_shows_the_feature_as_its_dictionary_sees_it(
    session: Session, panel: ActivationsPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    click(panel.map.viewport(), panel.map.places.box(0, 2))
    panel.text.setFocus()
    QTest.keyClicks(panel.text, "Sarah gave it")
    QTest.keyClick(panel.text, Qt.Key.Key_Return)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert panel.tried.isVisible()
    assert session.store.document.features.tried == "Sarah gave it"
    facts = dictionaries.facts(tmp_path / "book")
    assert panel.name_label.text().startswith(f"{facts.name}/{session.store.document.features.feature}")
    assert np.isfinite(panel.map.places.pitch)
