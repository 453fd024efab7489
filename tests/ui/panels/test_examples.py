from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from interpviz.core.feature_results import Example, ExampleGroup
from interpviz.ui.panels.examples import Examples
from interpviz.ui.panels.heat_ink import heat, ink_on, luminance
from interpviz.ui.theme import BOTH, colours_of
from tests.control.feature_samples import example, page
from tests.ui.conftest import Show, click, hover, pixel

Key = Qt.Key
GROUPS = page().groups


@pytest.fixture
def examples(on_screen: Show) -> Examples:
    made = Examples()
    on_screen(made, 420, 260)
    made.show_groups(GROUPS, 4.0)
    return made


def long(words: int = 200, at: int = 150) -> ExampleGroup:
    texts = tuple(f" word{place}" for place in range(words))
    values = np.zeros(words, np.float32)
    values[at] = 2.0
    one = Example(1000, at, np.arange(words, dtype=np.int32), texts, values, 3, at)
    return ExampleGroup("Long", 2.0, 2.0, (one,))


def test_groups_stand_under_headings_with_their_examples(examples: Examples) -> None:
    assert [row.example for row in examples.rows.rows] == [None, 0, 1, None, 0]
    assert examples.told(0, 0) == "Strongest  ·  3 – 4"
    assert examples.told(1, 2) == "·c⏎ 4 in: a b c⏎ d"


def test_a_token_has_the_colour_of_its_activation_and_an_inactive_one_none(examples: Examples) -> None:
    colours = colours_of(examples)
    for place, value in ((1, 1.0), (2, 4.0)):
        fill = heat(value / 4, colours)
        corner = examples.token_box(1, place).bottomLeft()
        corner.setX(corner.x() + 1)
        corner.setY(corner.y() - 4)
        assert pixel(examples.viewport(), corner) == (fill.red(), fill.green(), fill.blue())
    assert heat(0.25, colours) != heat(1.0, colours)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ink_can_be_read_on_every_heat(theme: str) -> None:
    for share in np.linspace(-1, 1, 81):
        ground = heat(float(share), BOTH[theme])
        bright, ink = sorted((luminance(ground) + 0.05, luminance(ink_on(ground)) + 0.05), reverse=True)
        assert bright / ink >= 4.5


def test_hover_says_which_token_is_pointed_at_and_leaving_that_none_is(examples: Examples, qtbot: QtBot) -> None:
    with qtbot.waitSignal(examples.pointed) as said:
        hover(examples.viewport(), examples.token_box(2, 3))
    assert said.args == [GROUPS[0].examples[1], 3]
    with qtbot.waitSignal(examples.pointed) as said:
        examples._hover(None)
    assert said.args == [None, -1]


def test_a_click_opens_the_token_under_the_mouse(examples: Examples, qtbot: QtBot) -> None:
    with qtbot.waitSignal(examples.opened) as said:
        click(examples.viewport(), examples.token_box(4, 1))
    assert said.args == [GROUPS[1].examples[0], 1]


def test_a_click_on_a_heading_closes_its_group_and_another_opens_it(examples: Examples) -> None:
    first = examples.rows.rows[0]
    at = examples.viewport().rect().toRectF().topLeft()
    at.setX(30)
    at.setY(first.top + first.height / 2)
    click(examples.viewport(), at)
    assert [row.example for row in examples.rows.rows] == [None, None, 0]
    click(examples.viewport(), at)
    assert len(examples.rows.rows) == 5


def test_what_was_closed_stays_closed_for_the_next_feature(examples: Examples) -> None:
    examples.fold(3)
    examples.show_groups(page(2).groups, 4.0)
    assert [row.example for row in examples.rows.rows] == [None, 0, 1, None]


def test_a_folded_example_shows_its_strongest_token_and_what_led_to_it(examples: Examples) -> None:
    examples.show_groups((long(),), 2.0)
    seen = dict(examples.rows.boxes(1))
    text = examples.rows.text_box(1)
    assert 150 in seen
    assert text.contains(seen[150])
    assert min(seen) < 148
    assert max(seen) > 150
    assert len(seen) < 20


def test_an_unfolded_example_shows_all_of_it_in_lines(examples: Examples) -> None:
    examples.show_groups((long(),), 2.0)
    click(examples.viewport(), examples.rows.tool_box(1, 1))
    boxes = dict(examples.rows.boxes(1))
    assert sorted(boxes) == list(range(200))
    text = examples.rows.text_box(1)
    assert all(text.left() <= box.left() and box.right() <= text.right() + 0.01 for box in boxes.values())
    assert boxes[199].top() > boxes[0].top() + 100


def test_arrow_keys_walk_rows_and_tokens_and_enter_opens(examples: Examples, qtbot: QtBot) -> None:
    for key in (Key.Key_Down, Key.Key_Down, Key.Key_Right):
        QTest.keyClick(examples, key)
    assert examples.accessibleDescription() == "·d 0 in: a b c⏎ d"
    with qtbot.waitSignal(examples.opened) as said:
        QTest.keyClick(examples, Key.Key_Return)
    assert said.args == [GROUPS[0].examples[0], 3]
    QTest.keyClick(examples, Key.Key_Space)
    assert examples.rows.is_unfolded(1)


def test_the_walk_stays_with_its_example_when_a_group_above_is_closed(examples: Examples) -> None:
    for _ in range(5):
        QTest.keyClick(examples, Key.Key_Down)
    assert examples.accessibleDescription() == "·c⏎ 2 in: a b c⏎ d"
    examples.fold(0)
    QTest.keyClick(examples, Key.Key_Left)
    assert examples.accessibleDescription() == "·b 0 in: a b c⏎ d"


def test_the_text_of_an_example_is_copied_as_it_is(examples: Examples) -> None:
    click(examples.viewport(), examples.rows.tool_box(1, 0))
    assert QGuiApplication.clipboard().text() == "a b c\n d"
    QGuiApplication.clipboard().clear()
    for _ in range(2):
        QTest.keyClick(examples, Key.Key_Down)
    QTest.keyClick(examples, Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "a b c\n d"


def test_markup_and_controls_are_shown_and_not_obeyed(examples: Examples) -> None:
    odd = replace(example(), texts=("<b>x</b>", "\u202e", "\n", " ש"))
    examples.show_groups((ExampleGroup("Odd", 1, 1, (odd,)),), 4.0)
    examples.viewport().grab()
    told = examples.told(1, 1)
    assert "<b>x</b>" in told
    assert "<202E>" in told
    assert "⏎" in told


def test_of_many_examples_only_those_in_view_are_laid_out(examples: Examples) -> None:
    many = tuple(replace(GROUPS[0], name=f"group {k}", examples=GROUPS[0].examples * 50) for k in range(20))
    examples.show_groups(many, 4.0)
    asked: set[int] = set()
    boxes = examples.rows.boxes
    examples.rows.boxes = lambda row: asked.add(row) or boxes(row)  # type: ignore[method-assign,func-returns-value]
    examples.viewport().grab()
    assert 0 < len(asked) < 30
