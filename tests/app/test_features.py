"""The browser of features in the real window: an index is built, a feature found, named, and turned down."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from interpviz.app import Session
from interpviz.core.document import Document
from interpviz.core.feature_requests import NotesRequest, WriteNotes
from interpviz.core.feature_results import Notes
from interpviz.core.report import Report
from interpviz.core.requests import Request
from interpviz.data import notes
from interpviz.ui.panels.feature_page import FeaturePagePanel
from interpviz.ui.panels.features import FeaturesPanel
from tests.app.driving import PATIENCE, differences, drop
from tests.engine.plain_sae import random_sae

SHA = "5a" * 32


@pytest.fixture
def table(session: Session) -> FeaturesPanel:
    session.actions("panel.show", "features", True)
    return cast(FeaturesPanel, session.window.panels["features"])


@pytest.fixture
def page(session: Session) -> FeaturePagePanel:
    session.actions("panel.show", "feature", True)
    return cast(FeaturePagePanel, session.window.panels["feature"])


@pytest.mark.slow
def test_a_feature_is_found_named_read_and_turned_down(
    session: Session, table: FeaturesPanel, page: FeaturePagePanel, tmp_path: Path, qtbot: QtBot
) -> None:
    random_sae(tmp_path / "book", "blocks.1.hook_resid_post", 192)
    drop(session, tmp_path / "book")
    qtbot.waitUntil(lambda: table.offer.isVisible() and table.offer.go.text() == "Build index", timeout=PATIENCE)
    table.offer.go.click()
    qtbot.waitUntil(lambda: session.store.document.index is not None, timeout=2 * PATIENCE)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert (tmp_path / "book.features.h5").exists()

    QTest.keyClick(table.table, Qt.Key.Key_Down)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    feature = table.table.rows.feature(0)
    assert session.store.document.features.feature == feature
    assert page.isVisible()
    name(session, page, feature, qtbot)
    assert table.table.rows.text(0, "label") == "found"
    turn_down(session, page, qtbot)
    open_strongest(session, page)


def name(session: Session, page: FeaturePagePanel, feature: int, qtbot: QtBot) -> None:
    """Type a label; it is in the file of notes."""
    dictionary = session.store.document.dictionary
    assert dictionary is not None
    QTest.keyClicks(page.label, "found")
    QTest.keyClick(page.label, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: notes.load(dictionary.sha256).label(feature) == "found", timeout=PATIENCE)


def turn_down(session: Session, page: FeaturePagePanel, qtbot: QtBot) -> None:
    """Drag the factor of the feature; the outputs follow and the clean run stays."""
    before = differences(session)[0]
    page.edit.mode.button("scale").click()
    value, start = page.edit.value, page.edit.value.rect().center()
    QTest.mousePress(value, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(value, start + QPoint(30, 0))
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    QTest.mouseRelease(value, Qt.MouseButton.LeftButton, pos=start + QPoint(30, 0))
    assert differences(session)[0] == before
    (edit,) = session.store.document.interventions
    assert (edit.site, edit.mode) == (page._shown and page._shown.site, "scale")
    assert edit.value is not None
    assert edit.value > 0.5


def open_strongest(session: Session, page: FeaturePagePanel) -> None:
    """Click on the token at which the feature is most active: its context is the prompt."""
    example = page.examples.rows.example(1)
    assert example is not None
    assert np.argmax(example.values) == example.at
    at = page.examples.token_box(1, example.at).center().toPoint()
    QTest.mouseClick(page.examples.viewport(), Qt.MouseButton.LeftButton, pos=at)
    document = session.store.document
    assert document.token == example.row
    assert document.prompt.tokens is not None
    assert document.prompt.tokens[-1] == int(example.ids[example.at])


def test_what_was_noted_as_the_window_closed_is_kept(qtbot: QtBot) -> None:
    def compute(request: Request, report: Report) -> Notes:
        if isinstance(request, WriteNotes):
            while True:  # as a slow disk, until the window's closing stops it
                report(0.0, "")
        return Notes()

    session = Session(compute)
    qtbot.addWidget(session.window)
    session.desk.learn(NotesRequest(SHA), Notes())
    session.actions("notes.bookmark", SHA, 3)
    session.actions("notes.label", SHA, 3, "late")
    session.window.close()
    session.close(keep=True)
    assert session.store.document == Document()
    assert notes.load(SHA) == Notes(labels=((3, "late"),), bookmarks=frozenset({3}))
