"""How the window is driven with mouse and drops, how it is read, and what it is compared with."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from transformers import AutoModelForCausalLM, AutoTokenizer

from interpviz.app import Session
from interpviz.core.document import Document
from interpviz.core.interventions import Intervention
from interpviz.core.paths import resource
from interpviz.core.sites import Site
from interpviz.ui.panels.grid import Grid
from tests.engine import oracle
from tests.engine.plain_sae import FloatSAE

PATIENCE = 60_000


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


def drop(session: Session, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    place, action = QPointF(300, 300), Qt.DropAction.CopyAction
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(session.window, QDragEnterEvent(place.toPoint(), action, mime, button, keys))
    QApplication.sendEvent(session.window, QDropEvent(place, action, mime, button, keys, QEvent.Type.Drop))


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

    def clamped(self, layer: int, sae: FloatSAE, feature: int, value: float) -> float:
        """The logit difference with a feature of the stream after a layer at this value, at every token."""

        def edit(module: object, given: object, output: torch.Tensor) -> torch.Tensor:
            change = [value - sae.encode(x)[feature] for x in output[0]]
            return output + (torch.stack(change)[:, None] * sae.decoder[feature]).to(output)

        hook = self._model.eval().model.layers[layer].register_forward_hook(edit)
        with torch.no_grad():
            target, distractor = self._model(torch.tensor([self._ids])).logits[0, -1, self._pair]
        hook.remove()
        return float(target - distractor)

    def kl(self, *sites: Site) -> float:
        p, q = (logits.double().log_softmax(-1) for logits in (self.logits(), self.logits(*sites)))
        return float((p.exp() * (p - q)).sum())
