"""Broken files and mistakes in the real window: a sentence each, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from pytestqt.qtbot import QtBot

from interpviz.app import Session, lazy_compute
from interpviz.core.document import Document
from interpviz.core.interventions import Intervention
from interpviz.core.report import Report
from interpviz.core.requests import Request, RunRequest
from interpviz.core.sites import Site
from interpviz.engine.compute import Engine
from tests.app.driving import PATIENCE, click, drop, notice, told
from tests.engine import tiny

pytestmark = pytest.mark.slow  # each opens the whole window on a model


def foreign_hdf5(folder: Path) -> Path:
    """A stranger's file that leads out of itself."""
    with h5py.File(folder / "foreign.h5", "w") as file:
        file["numbers"] = np.ones((3, 2), np.float32)
        file["others"] = h5py.ExternalLink("/etc/passwd", "/numbers")
    return folder / "foreign.h5"


def hollow_gguf(folder: Path) -> Path:
    """49 bytes that declare 2^63 entries."""
    path = folder / "hollow.gguf"
    path.write_bytes((b"GGUF" + (3).to_bytes(4, "little") + (2**63).to_bytes(8, "little") * 2).ljust(49, b"\0"))
    return path


def cut_safetensors(folder: Path) -> Path:
    whole = tiny.save(tiny.llama(), folder / "cut")
    weights = whole / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    return whole


def bare_folder(folder: Path) -> Path:
    (folder / "bare").mkdir()
    return folder / "bare"


@pytest.mark.parametrize(
    "broken", [foreign_hdf5, hollow_gguf, cut_safetensors, bare_folder, lambda folder: folder / "nowhere"]
)
def test_a_broken_file_is_one_sentence_and_nothing_is_lost(
    session: Session, opening: Document, broken: Callable[[Path], Path], tmp_path: Path, qtbot: QtBot
):
    drop(session, broken(tmp_path))
    qtbot.waitUntil(lambda: notice(session) != "", timeout=PATIENCE)
    assert notice(session).endswith(".")
    assert "Traceback" not in notice(session)
    assert session.store.document == opening
    click(session, 1, 3)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert "L1H3:zero" in told(session)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (("prompt.set", "the " * 400), "128"),
        (("prompt.set", ""), "Type a prompt"),
        (("target.set", " Mary had", ""), " had"),
        (("intervention.set", Intervention(Site(1, "head", 3), positions=(99,))), "99"),
    ],
)
def test_a_mistake_is_one_sentence_in_its_panel(session: Session, act: tuple[object, ...], said: str, qtbot: QtBot):
    session.actions(*act)  # type: ignore[arg-type]
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    outputs = session.window.panels["outputs"]
    assert said.strip() in (outputs.sentence or outputs.problem)
    session.actions("edit.undo")
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert outputs.sentence == outputs.problem == ""


def test_a_site_that_the_model_has_not_is_refused_in_a_notice(session: Session, opening: Document):
    session.actions("intervention.toggle", Site(9, "head", 0))
    assert "layers 0 to 3" in notice(session)
    assert session.store.document == opening


def test_a_device_that_is_not_there_is_a_sentence_in_a_notice(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    session = Session(lazy_compute("cuda"))
    qtbot.addWidget(session.window)
    session.window.show()
    session.actions("model.open", "demo")
    qtbot.waitUntil(lambda: notice(session) != "", timeout=PATIENCE)
    assert notice(session) == "No CUDA card is to be found. Set the device to auto or cpu."
    session.window.close()
    session.close()


def test_a_fault_in_the_engine_leaves_the_window_alive(engine: Engine, opening: Document, qtbot: QtBot):
    def broken(request: Request, report: Report) -> object:
        if isinstance(request, RunRequest) and request.interventions:
            raise RuntimeError("a shape that no one expected")
        return engine.compute(request, report)

    session = Session(broken)
    qtbot.addWidget(session.window)
    session.window.show()
    session.store.replace(opening)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    session.actions("intervention.write", "L1H3:scale:0.5")  # a click's cut, a sweep has answered already
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert "fault of ours" in session.window.panels["outputs"].problem
    session.actions("edit.undo")
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert session.window.panels["outputs"].problem == ""
    session.window.close()
    session.close()
