from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from interpviz.control.feature_page import Kin, PagePicture
from interpviz.control.notes import LONGEST_NOTE
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site
from interpviz.ui.panels.feature_page import FeaturePagePanel
from tests.control.feature_samples import SAE, page
from tests.ui.conftest import Show, click, hover
from tests.ui.fakes import Acts

Key = Qt.Key
SITE = Site(-1, "feature", 1, dictionary="sae")
CONTROL = Qt.KeyboardModifier.ControlModifier


def feature(number: int = 1, **changes: Any) -> PagePicture:
    shown = {
        "dictionary": SAE, "feature": number, "page": page(number), "waiting": False, "own": "animals",
        "automatic": "at ' cat'", "score": 0.875, "note": "look again", "bookmarked": True, "lists": ("pets",),
        "known": ("pets",), "neighbours": (Kin(0, 0.75, "at ' dog'"), Kin(3, 0.5, "")),
        "together": (Kin(5, 0.25, "<b>"),), "edit": None, "editable": True, "apart": "",
        "source": "6 tokens of c.acts", "problem": "",
    }  # fmt: skip
    return PagePicture(**{**shown, **changes})


@pytest.fixture
def panel(acts: Acts, on_screen: Show) -> FeaturePagePanel:
    made = FeaturePagePanel(acts)
    on_screen(made, 620, 520)
    made.show(feature())
    return made


def test_the_head_says_what_the_feature_is(panel: FeaturePagePanel) -> None:
    assert panel.name_label.text() == "sae/1"
    assert (panel.label.text(), panel.mark.text()) == ("animals", "★")
    assert panel.facts.text() == "active at 1 % · max 4 · “at ' cat'” scores 0.88"
    panel.show(feature(own="", bookmarked=False))
    assert (panel.label.text(), panel.label.placeholderText(), panel.mark.text()) == ("", "at ' cat'", "☆")
    assert panel.facts.text() == "active at 1 % · max 4 · label scores 0.88"


def test_a_dead_feature_is_said_to_be(panel: FeaturePagePanel) -> None:
    nothing = np.zeros(0, np.float32)
    dead = page(1, active=0, density=0.0, maximum=0.0, groups=(), edges=nothing, counts=nothing.astype(np.int32))
    panel.show(feature(page=dead, automatic=""))
    panel.side.histogram.grab()
    assert panel.facts.text() == "never active in this cache"


def test_an_own_label_is_kept_by_enter(panel: FeaturePagePanel, acts: Acts) -> None:
    panel.label.selectAll()
    QTest.keyClicks(panel.label, "pets")
    QTest.keyClick(panel.label, Key.Key_Return)
    assert acts.done == [("notes.label", "5a", 1, "pets")]


def test_what_was_written_on_one_feature_is_kept_when_another_is_shown(panel: FeaturePagePanel, acts: Acts) -> None:
    QTest.keyClick(panel.label, Key.Key_End)
    QTest.keyClicks(panel.label, "!")
    panel.written.note.insertPlainText("see 7. ")
    panel.show(feature(2, own="", note=""))
    assert acts.done == [("notes.label", "5a", 1, "animals!"), ("notes.text", "5a", 1, "see 7. look again")]
    assert (panel.label.text(), panel.written.note.toPlainText()) == ("", "")


def test_a_note_is_kept_by_control_enter_and_brought_back_by_escape(panel: FeaturePagePanel, acts: Acts) -> None:
    note = panel.written.note
    note.insertPlainText("x")
    QTest.keyClick(note, Key.Key_Escape)
    assert (note.toPlainText(), acts.done) == ("look again", [])
    note.insertPlainText("x")
    QTest.keyClick(note, Key.Key_Return, CONTROL)
    assert acts.done == [("notes.text", "5a", 1, "xlook again")]


def test_a_note_is_kept_when_the_window_goes(panel: FeaturePagePanel, acts: Acts) -> None:
    panel.written.note.insertPlainText("x")
    panel.window().hide()
    assert acts.done == [("notes.text", "5a", 1, "xlook again")]


def test_note_and_lists_are_in_sight_on_a_low_page_and_a_note_has_room_while_it_is_written(
    panel: FeaturePagePanel, on_screen: Show, qtbot: QtBot
) -> None:
    on_screen(panel, 500, 300)
    for part in (panel.written.note, panel.written.list, panel.written.lists):
        assert panel.rect().contains(part.mapTo(panel, part.rect().center()))
        assert not part.visibleRegion().isEmpty()
    with qtbot.waitActive(panel):
        panel.activateWindow()
    low = panel.written.note.height()
    panel.written.note.setFocus()
    assert panel.written.note.height() > 2 * low
    panel.label.setFocus()
    assert panel.written.note.height() == low


def test_a_paste_is_cut_where_a_note_ends(panel: FeaturePagePanel) -> None:
    much = QMimeData()
    much.setText("a" * 1_000_000)
    panel.written.note.insertFromMimeData(much)
    assert len(panel.written.note.toPlainText()) == LONGEST_NOTE


def test_a_feature_is_put_into_lists_and_taken_out(panel: FeaturePagePanel, acts: Acts) -> None:
    QTest.keyClicks(panel.written.list, "names")
    QTest.keyClick(panel.written.list, Key.Key_Return)
    chip = panel.written.lists.parts[0]
    assert chip.accessibleName() == "Take it out of the list pets"
    chip.click()  # type: ignore[attr-defined]
    assert acts.done == [("notes.list", "5a", 1, "names"), ("notes.list", "5a", 1, "pets")]
    assert panel.written.list.text() == ""


def test_the_star_and_b_bookmark(panel: FeaturePagePanel, acts: Acts) -> None:
    panel.mark.click()
    QTest.keyClick(panel.examples, Key.Key_B)
    assert acts.done == [("notes.bookmark", "5a", 1)] * 2


def test_kin_can_be_clicked_and_say_how_alike_they_are(panel: FeaturePagePanel, acts: Acts) -> None:
    chips = panel.side.neighbours.parts
    assert [chip.text() for chip in chips] == ["0  at ' dog'  0.75", "3  0.50"]  # type: ignore[attr-defined]
    chips[1].click()  # type: ignore[attr-defined]
    assert acts.done == [("feature.choose", 3)]
    assert panel.side.together.parts[0].toolTip() == "<qt>Feature 5: &lt;b&gt;, 0.250</qt>"


def test_pointing_at_a_token_draws_a_line_where_its_activation_lies(panel: FeaturePagePanel) -> None:
    hover(panel.examples.viewport(), panel.examples.token_box(1, 1))
    assert panel.status.text() == "·b  1 · row 39 · document 7"
    histogram = panel.side.histogram
    assert histogram.x_of(1.0) == pytest.approx(histogram.plot.left() + histogram.plot.width() / 4)
    image, x = histogram.grab().toImage(), round(histogram.x_of(1.0))
    column = {image.pixelColor(x + shift, round(histogram.plot.top()) + 2).lightness() for shift in (-1, 0, 1)}
    assert min(column) < 80
    panel.examples._hover(None)
    assert panel.status.text() == "6 tokens of c.acts"


def test_bars_of_the_histogram_grow_with_the_logarithm_of_their_tokens(panel: FeaturePagePanel) -> None:
    heights = [panel.side.histogram.bar_box(place).height() for place in range(4)]
    assert heights == pytest.approx([heights[0] * np.log(count + 1) / np.log(6) for count in (5, 3, 1, 1)])


def test_a_click_on_a_token_makes_its_context_the_prompt(panel: FeaturePagePanel, acts: Acts) -> None:
    click(panel.examples.viewport(), panel.examples.token_box(1, 1))
    assert acts.done == [("token.choose", 39)]


def test_where_it_cannot_become_the_prompt_the_status_says_why(panel: FeaturePagePanel, acts: Acts) -> None:
    panel.show(feature(apart="Open c.acts to make a context of it the prompt."))
    click(panel.examples.viewport(), panel.examples.token_box(1, 1))
    assert (panel.status.text(), acts.done) == ("Open c.acts to make a context of it the prompt.", [])


@pytest.mark.parametrize(
    ("mode", "edit"),
    [
        ("zero", Intervention(SITE, "zero")),
        ("scale", Intervention(SITE, "scale", 0.5)),
        ("clamp", Intervention(SITE, "clamp", 4.0)),
    ],
)
def test_the_feature_is_edited_by_a_click(panel: FeaturePagePanel, acts: Acts, mode: str, edit: Intervention) -> None:
    panel.edit.mode.button(mode).click()
    assert acts.done == [("intervention.set", edit)]
    panel.show(feature(edit=edit))
    panel.edit.mode.button("").click()
    assert acts.done[1:] == [("intervention.remove", edit)]


def test_a_drag_moves_the_value_in_one_step_of_undo(panel: FeaturePagePanel, acts: Acts) -> None:
    edit = Intervention(SITE, "scale", 0.5)
    panel.show(feature(edit=edit))
    value = panel.edit.value
    start = value.rect().center()
    QTest.mousePress(value, Qt.MouseButton.LeftButton, pos=start)
    for step in (10, 20):
        QTest.mouseMove(value, start + type(start)(step, 0))
    QTest.mouseRelease(value, Qt.MouseButton.LeftButton, pos=start + type(start)(20, 0))
    values = [act[1].value for act in acts.done]
    assert {act[0] for act in acts.done} == {"intervention.set"}
    assert values == sorted(values)
    assert values[-1] > 0.5
    assert len(set(acts.merges)) == 1
    assert acts.merges[0] is not None


def test_a_number_that_is_none_is_refused_in_a_sentence(panel: FeaturePagePanel, acts: Acts) -> None:
    panel.show(feature(edit=Intervention(SITE, "clamp", 4.0)))
    panel.edit.value.begin_typing()
    QTest.keyClicks(panel.edit.value, "much")
    QTest.keyClick(panel.edit.value, Key.Key_Return)
    assert panel.problem == "'much' is no number. Type one such as 0.5 or -2."
    assert acts.done == []


def test_without_a_model_nothing_can_be_edited_and_another_edit_is_named(panel: FeaturePagePanel) -> None:
    panel.show(feature(editable=False))
    assert not panel.edit.mode.button("zero").isEnabled()
    panel.show(feature(edit=Intervention(SITE, "add", 2.0)))
    assert panel.edit.other.text() == "sae/1:add:2"
    assert panel.edit.mode.button("").isChecked()


def test_without_an_index_the_page_keeps_notes_and_edits(panel: FeaturePagePanel) -> None:
    panel.show(feature(page=None, problem="There is no index."))
    assert panel.problem == "There is no index."
    assert not panel.examples.isVisible()
    assert panel.written.note.isVisible()
    assert panel.edit.isVisible()
    panel.show(feature())
    assert panel.examples.isVisible()


def test_while_a_page_is_on_its_way_the_one_before_stays_and_what_is_written_changes(panel: FeaturePagePanel) -> None:
    panel.show(feature(2, page=None, waiting=True, own="", note="", automatic="", neighbours=(), together=()))
    assert (panel.name_label.text(), panel.facts.text(), panel.written.note.toPlainText()) == ("sae/2", "Reading …", "")
    assert panel.examples.isVisible()
    assert len(panel.side.neighbours.parts) == 2


def test_promoted_and_suppressed_tokens_can_be_read_as_text(panel: FeaturePagePanel) -> None:
    told = panel.side.tokens.accessibleDescription()
    assert told == "promotes: ·Mary +1.50, ⏎ +0.50; suppresses: <s> -1.00"


def test_a_narrow_panel_puts_the_side_below(panel: FeaturePagePanel) -> None:
    assert panel.parts.orientation() == Qt.Orientation.Horizontal
    panel.window().resize(400, 520)
    assert panel.parts.orientation() == Qt.Orientation.Vertical


def test_the_next_feature_starts_at_its_first_example(panel: FeaturePagePanel) -> None:
    many = page(1, groups=tuple(replace(group, examples=group.examples * 20) for group in page().groups))
    panel.show(feature(page=many))
    panel.examples.verticalScrollBar().setValue(200)
    panel.show(feature(2))
    assert panel.examples.verticalScrollBar().value() == 0
