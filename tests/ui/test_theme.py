from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from interpviz.ui.theme import BOTH, LIGHT, Colours, Theme, colours_of, family, palette, style_sheet

PAIRS = [
    ("text", "card"), ("text", "window"), ("text", "field"), ("text", "hover"), ("muted", "card"), ("muted", "window"),
    ("muted", "field"), ("accent", "card"), ("on_accent", "accent"), ("edit", "card"), ("card", "edit"),
]  # fmt: skip


def luminance(colour: QColor) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: QColor, other: QColor) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", BOTH.values(), ids=list(BOTH))
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(colours: Colours, ink: str, ground: str) -> None:
    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("colours", BOTH.values(), ids=list(BOTH))
def test_bars_stand_out_from_the_card(colours: Colours) -> None:
    assert contrast(colours["clean"], colours["card"]) >= 3.0


@pytest.mark.parametrize("colours", BOTH.values(), ids=list(BOTH))
def test_every_name_in_the_style_sheet_is_filled_in(colours: Colours) -> None:
    sheet = style_sheet(colours)
    assert "$" not in sheet
    assert f"chevron-down-{colours.name}.svg" in sheet


def test_the_palette_reaches_widgets(theme: Theme, qapp: QApplication) -> None:
    for name, colours in BOTH.items():
        theme.choose(colours.name)
        widget = QWidget()
        assert colours_of(widget).name == name
        assert widget.palette().color(QPalette.ColorRole.Window) == colours["window"]
        widget.deleteLater()
    theme.choose("light")


def test_switching_turns_light_into_dark_and_back(theme: Theme) -> None:
    theme.choose("light")
    theme.turn()
    assert theme.colours.dark
    theme.turn()
    assert theme.choice == "light"


def test_disabled_text_differs_from_enabled_text() -> None:
    made = palette(LIGHT)
    role = QPalette.ColorRole.ButtonText
    assert made.color(QPalette.ColorGroup.Disabled, role) != made.color(QPalette.ColorGroup.Normal, role)


def test_the_shipped_typeface_is_used(qapp: QApplication) -> None:
    assert family() == "Inter"
