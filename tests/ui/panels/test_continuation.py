from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from interpviz.control.continuation import ContinuationPicture, Side
from interpviz.core.results import Continuation
from interpviz.ui.panels.continuation import ContinuationPanel
from interpviz.ui.panels.steps import tip
from tests.ui.conftest import Show, click, hover, pixel, shows
from tests.ui.fakes import Acts

CLEAN, EDIT, LINE = (0x8B, 0x94, 0xA3), (0xB5, 0x40, 0x0D), (0xD9, 0xDD, 0xE4)


def said(*texts: str, chance: float = 0.5) -> Continuation:
    """Tokens whose ids are the lengths of their words, each the likeliest of its step with a logit of 10."""
    ids, steps = np.array([len(text) for text in texts], np.int32), len(texts)
    others = np.tile(np.arange(100, 109, dtype=np.int32), (steps, 1))
    return Continuation(
        ids=ids,
        texts=texts,
        top_ids=np.concatenate([ids[:, None], others], axis=1),
        top_texts=tuple((text, *(f" o{rank}" for rank in range(1, 10))) for text in texts),
        top_logits=np.tile(np.arange(10, 0, -1, dtype=np.float32), (steps, 1)),
        log_probability=np.full(steps, np.log(chance), np.float32),
        ended=False,
        seconds=0.1,
        road="fast",
    )


LEFT = Side("clean", said(" Mary", " went", " home"), False)
RIGHT = Side("edited", said(" Mary", " stays", " here", chance=0.25), False)


def picture(*sides: Side, **changes: Any) -> ContinuationPicture:
    shown = {
        "sides": sides or (LEFT, RIGHT), "differs": None if sides else 1, "tokens": 24, "temperature": 0.0, "seed": 0,
        "status": "clean: 3 of 24 tokens", "slow": False, "hint": "", "problem": "",
    }  # fmt: skip
    return ContinuationPicture(**{**shown, **changes})


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> ContinuationPanel:
    made = ContinuationPanel(acts)
    on_screen(made, 760, 300)
    made.show(picture())
    return made


@pytest.mark.parametrize(("side", "share", "colour"), [(0, 0.5, CLEAN), (1, 0.25, EDIT)])
def test_the_bar_under_a_token_is_as_long_as_its_probability(
    panel: ContinuationPanel, side: int, share: float, colour: tuple[int, int, int]
) -> None:
    chip, bar = panel.steps.chip_box(side, 2), panel.steps.bar_box(side, 2)
    assert bar.width() == pytest.approx(share * (chip.width() - 12), abs=0.1)
    assert shows(panel.steps.viewport(), bar.center(), colour)
    assert not shows(panel.steps.viewport(), QPointF(bar.right() + 4, bar.center().y()), colour)


def test_the_same_step_stands_under_the_same(panel: ContinuationPanel) -> None:
    above, below = panel.steps.chip_box(0, 2), panel.steps.chip_box(1, 2)
    assert (above.left(), above.right()) == (below.left(), below.right())
    assert above.bottom() < below.top()


def edge(panel: ContinuationPanel, side: int, step: int) -> QPointF:
    """A place on the lower border of a chip."""
    box = panel.steps.chip_box(side, step)
    return QPointF(box.center().x(), int(box.bottom()) - 0.5)


def test_edited_tokens_that_are_not_the_same_are_marked(panel: ContinuationPanel) -> None:
    assert shows(panel.steps.viewport(), edge(panel, 1, 1), EDIT)
    assert not shows(panel.steps.viewport(), edge(panel, 1, 0), EDIT)


def test_the_first_difference_carries_a_badge(panel: ContinuationPanel) -> None:
    badge = panel.steps.chip_box(0, 1).topLeft() + QPointF(3, -9)
    assert pixel(panel.steps.viewport(), badge) == EDIT
    panel.show(picture(LEFT, RIGHT, differs=2))
    assert pixel(panel.steps.viewport(), badge) != EDIT


def test_a_side_that_is_behind_is_not_yet_said_to_differ(panel: ContinuationPanel) -> None:
    panel.show(picture(Side("clean", said(" Mary"), True), Side("edited", said(" Mary", " and"), True)))
    assert not shows(panel.steps.viewport(), edge(panel, 1, 1), EDIT)
    panel.show(picture(Side("clean", said(" Mary"), False), Side("edited", said(" Mary", " and"), True)))
    assert shows(panel.steps.viewport(), edge(panel, 1, 1), EDIT)


def test_the_list_starts_where_the_sides_differ_and_follows_the_pointer(panel: ContinuationPanel) -> None:
    assert "·went" in panel.likeliest.accessibleDescription()
    hover(panel.steps.viewport(), panel.steps.chip_box(0, 2))
    assert "·home" in panel.likeliest.accessibleDescription()
    assert "·here" in panel.likeliest.accessibleDescription()
    assert "·went" not in panel.likeliest.accessibleDescription()


def test_a_click_keeps_a_step_when_the_pointer_leaves(panel: ContinuationPanel) -> None:
    click(panel.steps.viewport(), panel.steps.chip_box(1, 0))
    hover(panel.steps.viewport(), QPointF(1, 1))
    assert panel.steps.step == 0


@pytest.mark.parametrize(
    ("keys", "step"),
    [
        ([Qt.Key.Key_Right], 2),
        ([Qt.Key.Key_Left, Qt.Key.Key_Left], 0),
        ([Qt.Key.Key_Home], 0),
        ([Qt.Key.Key_End, Qt.Key.Key_Right], 2),
        ([Qt.Key.Key_Down], 1),
    ],
)
def test_the_keyboard_walks_from_step_to_step(panel: ContinuationPanel, keys: list[Qt.Key], step: int) -> None:
    for key in keys:
        QTest.keyClick(panel.steps, key)
    assert panel.steps.step == step
    assert f"step {step + 1} " in panel.steps.accessibleDescription()


def test_a_token_tells_its_probability_and_the_ten_likeliest_with_their_logits() -> None:
    lines = tip(Side("edited", said(" Mary", "\n<s>"), False), 1).split("\n")
    assert lines[0] == "⏎<s>  p 50.0 %"
    assert lines[1].startswith("edited, step 2 · id 4 · U+000A")
    assert lines[3:] == ["10.000  ⏎<s>", *(f"{10 - rank}.000  ·o{rank}" for rank in range(1, 10))]


def test_a_logarithm_that_is_no_number_is_no_bar(panel: ContinuationPanel) -> None:
    panel.show(picture(Side("clean", said(" Mary", chance=float("nan")), False)))
    assert panel.steps.bar_box(0, 0).width() == 0


def test_settings_are_acts_and_what_is_typed_in_one_go_is_one_step_of_undo(
    panel: ContinuationPanel, acts: Acts
) -> None:
    panel.tokens.selectAll()
    QTest.keyClicks(panel.tokens, "50")
    QTest.keyClick(panel.tokens, Qt.Key.Key_Return)
    panel.temperature.setValue(0.7)
    assert acts.done == [("continuation.set", *settings) for settings in ((5, 0.0, 0), (50, 0.0, 0), (50, 0.7, 0))]
    assert acts.merges[0] == acts.merges[1] != acts.merges[2]


def test_the_fields_show_the_document_and_tell_nobody(panel: ContinuationPanel, acts: Acts) -> None:
    panel.show(picture(tokens=7, temperature=0.5, seed=3))
    assert [field.text() for field in (panel.tokens, panel.temperature, panel.seed)] == ["7 tokens", "T 0.50", "seed 3"]
    assert acts.done == []


def test_at_temperature_0_it_is_greedy_and_needs_no_seed(panel: ContinuationPanel) -> None:
    assert panel.temperature.text() == "greedy"
    assert panel.seed.isHidden()
    panel.show(picture(temperature=0.5))
    assert not panel.seed.isHidden()


def test_the_slow_path_is_named_and_explained(panel: ContinuationPanel) -> None:
    assert panel.slow.isHidden()
    panel.show(picture(slow=True))
    assert not panel.slow.isHidden()
    assert "without a cache of keys and values" in panel.slow.toolTip()


def test_a_lone_side_stands_with_its_sentence(panel: ContinuationPanel) -> None:
    panel.show(picture(LEFT, hint="Nothing is edited."))
    assert (panel.hint.text(), panel.hint.isHidden()) == ("Nothing is edited.", False)
    panel.show(picture())
    assert panel.hint.isHidden()


def test_both_sides_can_be_read_as_text(panel: ContinuationPanel) -> None:
    assert panel.steps.told() == "clean: '·Mary' '·went' '·home'; edited: '·Mary' '·stays' '·here'"


def test_the_list_gives_way_where_there_is_no_room(panel: ContinuationPanel) -> None:
    panel.window().resize(400, 260)
    assert panel.likeliest.isHidden()
    panel.window().resize(400, 600)
    assert not panel.likeliest.isHidden()
    assert panel.likeliest.y() > panel.steps.y()


def test_without_room_for_the_list_the_keyboard_brings_it_as_a_tool_tip(panel: ContinuationPanel, qtbot: QtBot) -> None:
    panel.window().resize(400, 260)
    with qtbot.waitActive(panel.window()):
        panel.window().activateWindow()
    panel.steps.setFocus()
    QTest.keyClick(panel.steps, Qt.Key.Key_Right)
    shown = [widget for widget in QApplication.topLevelWidgets() if widget.inherits("QTipLabel")]
    assert "clean, step 3" in QToolTip.text()
    assert "edited, step 3" in QToolTip.text()
    for widget in shown:
        widget.close()
        widget.deleteLater()


def test_a_problem_stands_above_what_there_is(panel: ContinuationPanel) -> None:
    panel.show(picture(LEFT, Side("edited", None, False), problem="The prompt is too long."))
    assert (panel.sentence, panel.problem) == ("", "The prompt is too long.")


def long(steps: int, pending: bool = False) -> ContinuationPicture:
    words = tuple(f" w{step % 9}" for step in range(steps))
    return picture(Side("clean", said(*words), pending), Side("edited", said(*words), pending))


def test_a_thousand_tokens_wrap_and_the_last_can_be_reached(panel: ContinuationPanel) -> None:
    panel.show(long(1000))
    assert panel.steps.verticalScrollBar().value() == 0
    QTest.keyClick(panel.steps, Qt.Key.Key_End)
    box = panel.steps.chip_box(1, 999)
    assert panel.steps.viewport().rect().contains(box.toAlignedRect())
    assert shows(panel.steps.viewport(), panel.steps.bar_box(1, 999).center(), EDIT)


def test_the_view_follows_what_is_produced_unless_the_user_scrolled_away(panel: ContinuationPanel) -> None:
    bar = panel.steps.verticalScrollBar()
    for steps in (2, 60, 70):
        panel.show(long(steps, pending=True))
    assert bar.value() == bar.maximum() > 0
    bar.setValue(0)
    panel.show(long(90, pending=True))
    assert bar.value() == 0
