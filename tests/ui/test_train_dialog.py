"""The form of a training, filled in with keys and mouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from interpviz.control import training
from interpviz.control.training import TrainForm
from interpviz.core.document import CacheFacts
from interpviz.core.feature_requests import Train
from interpviz.ui.text import Label
from interpviz.ui.theme import Theme
from interpviz.ui.train_dialog import TrainDialog

STREAM, READS, WRITES = "blocks.1.hook_resid_post", "blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out"

Open = Callable[..., TrainDialog]


@pytest.fixture
def started() -> list[Train]:
    return []


@pytest.fixture
def cache(tmp_path: Path) -> CacheFacts:
    sites = (STREAM, READS, WRITES)
    return CacheFacts("walks", str(tmp_path / "walks.acts"), "a", "toy", "b", "huggingface", sites, 100_000)


@pytest.fixture
def opened(qtbot: QtBot, theme: Theme, started: list[Train], tmp_path: Path, cache: CacheFacts) -> Open:
    theme.choose("light")
    parent = QWidget()
    qtbot.addWidget(parent)

    def open_dialog(form: TrainForm | None = None, on: CacheFacts = cache) -> TrainDialog:
        dialog = TrainDialog(form or training.first_form(on), on, str(tmp_path), started.append, parent)
        with qtbot.waitExposed(dialog):
            dialog.open()
        return dialog

    return open_dialog


def pick(chooser: QWidget, key: Qt.Key, times: int = 1) -> None:
    for _ in range(times):
        QTest.keyClick(chooser, key)


def test_it_opens_ready_to_start_beside_its_cache(opened: Open, started: list[Train], tmp_path: Path) -> None:
    dialog = opened()
    assert dialog.foot.missing.text() == ""
    assert dialog.place.field.text() == str(tmp_path / "walks-L1R-1024")
    dialog.foot.go.click()
    assert started == [
        Train(str(tmp_path / "walks.acts"), STREAM, 1024, "topk", str(tmp_path / "walks-L1R-1024"), k=32)
    ]
    assert not dialog.isVisible()


def test_a_transcoder_reads_one_site_and_writes_another(opened: Open, started: list[Train]) -> None:
    dialog = opened()
    assert not dialog.skip.isEnabled()
    pick(dialog.site, Qt.Key.Key_Down)
    pick(dialog.to, Qt.Key.Key_Down, 3)
    dialog.skip.click()
    dialog.width_field.setValue(64)
    assert Path(dialog.place.field.text()).name == "walks-L1Min-L1M-64"
    dialog.foot.go.click()
    assert (started[0].site, started[0].to, started[0].skip) == (READS, WRITES, True)


def test_k_is_asked_only_of_the_kinds_that_count(opened: Open) -> None:
    dialog = opened()
    assert dialog.counted.isVisible()
    pick(dialog.kind, Qt.Key.Key_Down, 3)
    assert dialog.kind.key == "jumprelu"
    assert not dialog.counted.isVisible()
    assert dialog.says.text().startswith("a threshold for every feature")


def test_what_is_wrong_stands_at_the_foot(opened: Open, cache: CacheFacts) -> None:
    dialog = opened(on=replace(cache, tokens=8192))
    assert dialog.foot.missing.text().startswith("walks has 8,192 tokens; this takes at least 20,480.")
    assert not dialog.foot.go.isEnabled()


def test_a_place_that_was_chosen_stays_when_the_width_changes(opened: Open, tmp_path: Path) -> None:
    dialog = opened()
    dialog.place.take(str(tmp_path / "mine"))
    dialog.width_field.setValue(64)
    assert dialog.place.field.text() == str(tmp_path / "mine")
    assert dialog.form.out == str(tmp_path / "mine")


def test_titles_stand_beside_their_fields_however_high_the_form_is(opened: Open) -> None:
    dialog = opened()
    for height in (500, 800):
        dialog.resize(600, height)
        for field in (dialog.width_field, dialog.rows, dialog.seed, dialog.place.field):
            title = next(label for label in dialog.findChildren(Label) if label.buddy() is field)
            text = title.mapTo(dialog, title.contentsRect().center()).y()
            assert abs(text - field.mapTo(dialog, field.rect().center()).y()) <= 3
