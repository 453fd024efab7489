"""What one window leaves for the next: theme, recent files, layout and the session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from interpviz.app import Session, last_session
from interpviz.core.document import Document, Prompt
from interpviz.core.jobs import OpenModel
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


@pytest.mark.parametrize(("megabytes", "remembered"), [(16, [False, True]), (32, [True, True])])
def test_answers_are_remembered_up_to_the_memory_that_was_chosen(
    qtbot: QtBot, megabytes: int, remembered: list[bool]
) -> None:
    session = Session(nothing, Settings(memo_megabytes=megabytes))
    qtbot.addWidget(session.window)
    asked = OpenModel("a"), OpenModel("b")
    for request in asked:
        session.scheduler.answered.emit(request, np.zeros(10 << 20, np.int8))
    assert [session.desk.answer(request) is not None for request in asked] == remembered
    session.close()


def test_an_empty_window_leaves_no_session(opened: Session):
    opened.close(keep=True)
    assert not last_session().exists()
