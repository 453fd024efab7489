"""The real window on the real demo, driven with mouse and keys, against plain transformers without our engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from transformers import AutoModelForCausalLM, AutoTokenizer

from interpviz.app import Session
from interpviz.core.document import CloudView, Document, Intervention
from interpviz.core.paths import resource
from interpviz.core.report import Report
from interpviz.core.requests import Request, RunRequest
from interpviz.core.sites import Site
from interpviz.data import sessions
from interpviz.engine.compute import Engine
from interpviz.ui.panels.grid import Grid
from interpviz.ui.panels.token_row import TokenRow
from tests.engine import oracle, tiny

pytestmark = pytest.mark.slow  # each opens the whole window on a model
PATIENCE = 60_000


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture
def opening() -> Document:
    """The bundled session; the cloud by PCA, which is there at once."""
    return replace(sessions.load(resource("demo/session.json")), cloud=CloudView(method="pca"))


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


def grid(session: Session) -> Grid:
    found = session.window.panels["components"].findChild(Grid)
    assert found is not None
    return found


def cell(session: Session, layer: int, column: int) -> QPoint:
    return grid(session).cell_box((layer, column)).center().toPoint()


def click(session: Session, layer: int, column: int) -> None:
    QTest.mouseClick(grid(session), Qt.MouseButton.LeftButton, pos=cell(session, layer, column))


def told(session: Session) -> str:
    return session.window.panels["outputs"].accessibleDescription()


def differences(session: Session) -> tuple[float, float]:
    """Clean and edited logit difference as the outputs panel tells them."""
    found = re.search(r"logit difference clean ([+-][\d.]+) edited ([+-][\d.]+)", told(session))
    assert found, told(session)
    return float(found[1]), float(found[2])


def kl(session: Session) -> float:
    found = re.search(r"KL ([\d.]+) nats", told(session))
    assert found, told(session)
    return float(found[1])


def notice(session: Session) -> str:
    return "" if session.window.notice.isHidden() else session.window.notice.label.text()


class Plain:
    """The demo as plain transformers runs it, on the opening's prompt."""

    def __init__(self, opening: Document) -> None:
        folder = resource("demo/model")
        tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
        self._ids = [tokenizer.bos_token_id, *tokenizer(opening.prompt.text, add_special_tokens=False)["input_ids"]]
        self._pair = [tokenizer.encode(t, add_special_tokens=False)[0] for t in (opening.target, opening.distractor)]

    def logits(self, *sites: Site) -> torch.Tensor:
        edits: list[tuple[Intervention, torch.Tensor | None]] = [(Intervention(site), None) for site in sites]
        return oracle.edited_logits(self._model.eval(), self._ids, edits)[-1]

    def difference(self, *sites: Site) -> float:
        target, distractor = self.logits(*sites)[self._pair]
        return float(target - distractor)

    def kl(self, *sites: Site) -> float:
        p, q = (logits.double().log_softmax(-1) for logits in (self.logits(), self.logits(*sites)))
        return float((p.exp() * (p - q)).sum())


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


def drop(session: Session, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    place, action = QPointF(300, 300), Qt.DropAction.CopyAction
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(session.window, QDragEnterEvent(place.toPoint(), action, mime, button, keys))
    QApplication.sendEvent(session.window, QDropEvent(place, action, mime, button, keys, QEvent.Type.Drop))


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


def foreign_hdf5(folder: Path) -> Path:
    with h5py.File(folder / "foreign.h5", "w") as file:
        file["numbers"] = np.arange(3)
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
    click(session, 1, 3)
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert "fault of ours" in session.window.panels["outputs"].problem
    session.actions("edit.undo")
    qtbot.waitUntil(session.settled, timeout=PATIENCE)
    assert session.window.panels["outputs"].problem == ""
    session.window.close()
    session.close()
