from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from interpviz.ui.text import ElidedLabel, Label, button, code_points, legible, tooltip, visible
from tests.ui.conftest import Show


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (" Mary", "·Mary"),
        ("  ", "··"),
        ("a b ", "a b·"),
        ("\n", "⏎"),
        ("\n\n", "⏎⏎"),
        ("\tx", "⇥x"),
        ("\x00", "␀"),
        ("\x1b[0m", "␛[0m"),
        ("\u200b", "<200B>"),
        ("\u202egnp", "<202E>gnp"),
        ("\u00a0", "<00A0>"),
        ("\ud800", "\ufffd"),
        ("é", "é"),
        ("", ""),
    ],
)
def test_every_token_is_visible(token: str, shown: str) -> None:
    assert visible(token) == shown


def test_right_to_left_letters_are_walled_off() -> None:
    assert visible(" שלום") == "\u2068·שלום\u2069"


@pytest.mark.parametrize("text", ["<s>", "<b>x</b>", "<img src='/etc/hostname'>", "x<br>y", "<a href='file:///'>x</a>"])
def test_a_label_shows_markup_as_it_is_written(on_screen: Show, text: str) -> None:
    ours, plain = Label(text), QLabel()
    plain.setTextFormat(Qt.TextFormat.PlainText)
    plain.setText(text)
    for label in (ours, plain):
        on_screen(label, 300, 40)
    assert ours.grab().toImage() == plain.grab().toImage()
    assert ours.textFormat() == Qt.TextFormat.PlainText


def test_a_tool_tip_is_escaped() -> None:
    assert tooltip("<img src=x>\n&") == "<qt>&lt;img src=x&gt;<br>&amp;</qt>"


def test_a_very_long_text_is_cut() -> None:
    assert len(legible("x" * 1_000_000)) == 2001


def test_an_ampersand_on_a_button_is_no_mnemonic(on_screen: Show) -> None:
    made = button("R&D", "Research", lambda: None)
    on_screen(made, 80, 30)
    assert made.text() == "R&&D"
    assert made.accessibleName() == "Research"


def test_an_elided_label_gives_way_and_keeps_its_text_as_tool_tip(on_screen: Show) -> None:
    made = ElidedLabel("a long status <line> that does not fit")
    on_screen(made, 60, 24)
    assert made.minimumSizeHint().width() == 0
    assert made.toolTip() == "<qt>a long status &lt;line&gt; that does not fit</qt>"


def test_code_points_tell_what_a_token_is_made_of() -> None:
    assert code_points(" é") == "U+0020 U+00E9"
