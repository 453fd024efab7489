"""The real window, driven with mouse and keys, against plain transformers without our engine."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from interpviz.app import Session
from interpviz.core.document import Document
from interpviz.core.interventions import Intervention
from interpviz.core.paths import resource
from interpviz.core.requests import Request, RunRequest
from interpviz.core.sites import Site
from interpviz.data import sessions
from interpviz.engine.compute import Engine
from interpviz.ui.panels.token_row import TokenRow
from tests.app.driving import PATIENCE, Plain, cell, click, differences, drop, grid, kl, told
from tests.engine import tiny

pytestmark = pytest.mark.slow  # each opens the whole window on a model


def test_a_click_on_a_head_moves_the_outputs_to_what_plain_transformers_says(
    session: Session, opening: Document, qtbot: QtBot
):
    plain = Plain(opening)
    click(session, 1, 3)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    cut = Site(1, "head", 3)
    assert differences(session) == pytest.approx((plain.difference(), plain.difference(cut)), abs=2e-3)
    assert kl(session) == pytest.approx(plain.kl(cut), abs=1e-3)
    assert session.store.document.selection.sites == (cut,)


def test_a_second_click_or_undo_brings_the_clean_outputs_back(session: Session, qtbot: QtBot):
    before = told(session)
    for back in (
        lambda: click(session, 2, 6),
        lambda: QTest.keyClick(session.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier),
    ):
        click(session, 2, 6)
        qtbot.waitUntil(session.settled, timeout=PATIENCE)
        assert "L2M:zero" in told(session)
        back()
        qtbot.waitUntil(session.settled, timeout=PATIENCE)
        assert told(session).split("; ", 1)[0] == before.split("; ", 1)[0]
        assert session.store.document.interventions == frozenset()


def test_a_drag_over_heads_cuts_them_all_in_one_step_of_undo(session: Session, opening: Document, qtbot: QtBot):
    view, places = grid(session), [cell(session, 1, head) for head in (0, 1, 2)]
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=places[0])
    for place in places[1:]:
        QTest.mouseMove(view, place)
        qtbot.waitUntil(lambda: True)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=places[-1])
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    cut = [Site(1, "head", head) for head in (0, 1, 2)]
    assert {edit.site for edit in session.store.document.interventions} == set(cut)
    assert differences(session)[1] == pytest.approx(Plain(opening).difference(*cut), abs=2e-3)
    session.actions("edit.undo")
    assert session.store.document.interventions == frozenset()


def test_one_selection_is_followed_by_grid_map_and_circuit(session: Session, qtbot: QtBot):
    session.actions("selection.set", [Site(1, "head", 0)])
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert "L1H0" in session.window.panels["maps"].accessibleDescription()
    assert "L1H0" in session.window.panels["circuit"].accessibleDescription()
    assert re.search(r"L1H0: [^;]*selected", grid(session).table())


def test_typing_a_prompt_shows_its_tokens_and_what_follows(session: Session, qtbot: QtBot):
    session.actions("prompt.set", "A beagle is a kind of")
    session.actions("target.set", " dog", "")
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    row = session.window.panels["prompt"].findChild(TokenRow)
    assert row is not None
    assert "5 '·kind'" in row.told()
    assert "dog" in told(session)


def test_a_point_of_the_cloud_becomes_the_prompt(session: Session, qtbot: QtBot):
    row = 200
    session.actions("token.choose", row)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    tokens = session.store.document.prompt.tokens
    assert tokens is not None
    with h5py.File(resource("demo/demo.acts") / "shard-00000.h5") as shard:
        ids, positions = shard["tokens/id"][:], shard["tokens/position"][:]
    assert list(tokens) == list(ids[row - positions[row] : row + 1])
    assert "cache" in session.window.panels["maps"].accessibleDescription()


def test_a_dropped_model_folder_takes_the_place_of_the_model(session: Session, tmp_path: Path, qtbot: QtBot):
    folder = tiny.save(tiny.llama(), tmp_path / "letters")
    session.actions("prompt.set", "a b c")
    session.actions("target.set", "", "")
    drop(session, folder)
    qtbot.waitUntil(lambda: session.store.document.model != sessions.load(resource("demo/session.json")).model)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert session.store.document.model is not None
    assert session.store.document.model.layers == 3
    assert not session.store.document.cache_fits
    assert "shown apart" in session.window.panels["cloud"].problem


def test_the_window_can_be_closed_during_a_run(empty: Session, opening: Document, engine: Engine, qtbot: QtBot):
    began: list[Request] = []
    empty.scheduler.begun.connect(lambda request: began.append(request))
    empty.store.replace(replace(opening, interventions=frozenset({Intervention(Site(0, "attn_out"))})))
    qtbot.waitUntil(lambda: any(isinstance(request, RunRequest) for request in began), timeout=PATIENCE)
    empty.window.close()
    empty.close()
    assert not empty.window.isVisible()
