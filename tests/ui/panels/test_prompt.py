from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from interpviz.core.results import Tokens
from interpviz.ui.panels.prompt import PromptPanel
from tests.ui.conftest import Show, shows
from tests.ui.fakes import WORDS, Acts, prompt, tokens

EDIT, DIFFERENT, LINE = (0xB5, 0x40, 0x0D), (0x22, 0x57, 0xC5), (0xD9, 0xDD, 0xE4)


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> PromptPanel:
    made = PromptPanel(acts)
    on_screen(made, 700, 260)
    made.show(prompt())
    return made


def edge(panel: PromptPanel, row: int, position: int) -> QPointF:
    """A place on the lower border of a chip."""
    box = panel.tokens.chip_box(row, position)
    return QPointF(box.center().x(), int(box.bottom()) - 0.5)


def test_enter_runs_the_prompt(panel: PromptPanel, acts: Acts) -> None:
    panel.prompt.selectAll()
    QTest.keyClicks(panel.prompt, "Hi")
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    assert acts.done == [("prompt.set", "Hi")]


def test_a_pause_in_typing_runs_the_prompt_once(panel: PromptPanel, acts: Acts, qtbot: QtBot) -> None:
    panel.prompt.selectAll()
    QTest.keyClicks(panel.prompt, "Hey you")
    qtbot.waitUntil(lambda: bool(acts.done))
    assert acts.done == [("prompt.set", "Hey you")]


def test_a_prompt_entered_is_a_step_of_undo_of_its_own(panel: PromptPanel, acts: Acts) -> None:
    for _ in range(2):
        QTest.keyClicks(panel.prompt, "x")
        QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    assert len(set(acts.merges)) == 2


def test_target_and_distractor_keep_their_spaces(panel: PromptPanel, acts: Acts) -> None:
    panel.target.selectAll()
    QTest.keyClicks(panel.target, " Ann")
    QTest.keyClick(panel.target, Qt.Key.Key_Return)
    assert acts.done == [("target.set", " Ann", " John")]


def test_line_ends_survive_the_field(panel: PromptPanel, acts: Acts) -> None:
    text = "def f():\n\treturn 1\n# ⏎ is a sign"
    panel.show(prompt(text=text))
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    assert acts.done == [("prompt.set", text)]


def test_what_the_user_types_is_not_overwritten_by_an_answer(panel: PromptPanel) -> None:
    panel.prompt.selectAll()
    QTest.keyClicks(panel.prompt, "Half a sent")
    panel.show(prompt(text="When Mary and"))
    assert panel.prompt.typed() == "Half a sent"


def test_a_position_that_is_edited_is_marked_on_its_token(panel: PromptPanel) -> None:
    panel.show(prompt(edited=frozenset({2})))
    assert shows(panel.tokens.viewport(), edge(panel, 0, 2), EDIT)
    assert not shows(panel.tokens.viewport(), edge(panel, 0, 1), EDIT)


def test_the_contrast_lies_below_and_shows_where_it_differs(panel: PromptPanel) -> None:
    panel.show(prompt(contrast_tokens=tokens("<bos>", "When", " Joanna", " and")))
    assert panel.tokens.chip_box(1, 2).left() == panel.tokens.chip_box(0, 2).left()
    assert shows(panel.tokens.viewport(), edge(panel, 1, 2), DIFFERENT)
    assert not shows(panel.tokens.viewport(), edge(panel, 1, 3), DIFFERENT)


def test_how_the_contrast_is_aligned_stands_beneath_it_and_takes_no_room_without_one(panel: PromptPanel) -> None:
    alone = panel.height()
    panel.show(prompt(contrast_tokens=tokens(*WORDS)))
    two_rows = panel.height()
    panel.show(prompt(contrast_tokens=tokens(*WORDS), alignment="Aligned: 0 of 4 tokens differ."))
    assert (panel.alignment.isVisible(), panel.alignment.text()) == (True, "Aligned: 0 of 4 tokens differ.")
    assert two_rows < panel.height() <= two_rows + 20
    panel.show(prompt())
    assert (panel.alignment.isHidden(), panel.height()) == (True, alone)


def test_tokens_can_be_read_as_text_with_their_spaces(panel: PromptPanel) -> None:
    assert panel.tokens.accessibleDescription() == "0 '<bos>' 1 'When' 2 '·Mary' 3 '·and'"


def test_a_hundred_thousand_tokens_are_painted_at_once(panel: PromptPanel, qtbot: QtBot) -> None:
    many = Tokens(np.zeros(100_000, np.int32), WORDS * 25_000)
    panel.show(prompt(tokens=many))
    panel.tokens.horizontalScrollBar().setValue(panel.tokens.horizontalScrollBar().maximum())
    box = panel.tokens.chip_box(0, 99_999)
    assert box.right() <= panel.tokens.viewport().width()
    assert shows(panel.tokens.viewport(), edge(panel, 0, 99_999), LINE)
