"""What one window leaves for the next: theme, recent files, layout and the session."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from interpviz.app import Session, last_session
from interpviz.core.document import Document, Prompt
from interpviz.core.report import Report
from interpviz.core.requests import Request
from interpviz.data import sessions, settings
from interpviz.data.settings import Settings


def nothing(request: Request, report: Report) -> object:
    raise AssertionError("an empty window asks for nothing")


@pytest.fixture
def opened(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    for folder in ("DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{folder}_HOME", str(tmp_path / folder))
    session = Session(nothing, Settings(theme="light"))
    qtbot.addWidget(session.window)
    session.window.show()
    session.keep()
    return session


def test_theme_recent_files_and_layout_are_kept(opened: Session):
    opened.window.theme.choose("dark")
    opened.actions.opened.emit("demo")
    opened.close(keep=True)
    kept = settings.load()
    assert (kept.theme, kept.recent) == ("dark", ("demo",))
    assert kept.layout == opened.window.layout_text()


def test_the_session_is_kept_for_the_next_window(opened: Session):
    opened.store.replace(Document(prompt=Prompt("half a thought")))
    opened.close(keep=True)
    assert sessions.load(last_session()).prompt == Prompt("half a thought")


def test_an_empty_window_leaves_no_session(opened: Session):
    opened.close(keep=True)
    assert not last_session().exists()
