"""The real window on the real demo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from interpviz.app import Session
from interpviz.core.document import CloudView, Document
from interpviz.core.features import NOTHING_CHOSEN
from interpviz.core.paths import resource
from interpviz.data import sessions
from interpviz.engine.compute import Engine
from tests.app.driving import PATIENCE


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture
def opening() -> Document:
    """The bundled session without its dictionaries and their panels; the cloud by PCA, which is there at once."""
    shown = replace(sessions.load(resource("demo/session.json")), cloud=CloudView(method="pca"))
    panels = shown.panels - {"features", "feature", "activations", "fit"}
    return replace(shown, panels=panels, dictionaries=(), indices=(), features=NOTHING_CHOSEN)


@pytest.fixture
def empty(engine: Engine, qtbot: QtBot) -> Iterator[Session]:
    session = Session(engine.compute)
    qtbot.addWidget(session.window)
    with qtbot.waitExposed(session.window):
        session.window.show()
    session.window.activateWindow()
    yield session
    session.window.close()
    session.close()


@pytest.fixture
def session(empty: Session, opening: Document, qtbot: QtBot) -> Session:
    empty.store.replace(opening)
    qtbot.waitUntil(empty.settled, timeout=PATIENCE)
    return empty
