"""How the window looks: a light and a dark set of colours over Qt's Fusion style, one typeface, four sizes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cache
from string import Template
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from interpviz.core.paths import resource

Choice = Literal["system", "light", "dark"]
CHOICES: tuple[Choice, ...] = ("system", "light", "dark")


@dataclass(frozen=True)
class Colours:
    """`#rrggbb` by use. `accent` is what is selected or focused, `edit` what is cut: the same in every panel;

    `wrong` is what is not as it must be.
    """

    name: Literal["light", "dark"]
    window: str
    card: str
    field: str
    hover: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    edit: str
    clean: str
    missing: str
    wrong: str

    @property
    def dark(self) -> bool:
        return self.name == "dark"

    def __getitem__(self, use: str) -> QColor:
        return QColor(getattr(self, use))


LIGHT = Colours(
    name="light",
    window="#eceef2",
    card="#ffffff",
    field="#f5f6f8",
    hover="#e9ecf1",
    line="#d9dde4",
    text="#1a212c",
    muted="#576171",
    accent="#2257c5",
    on_accent="#ffffff",
    edit="#b5400d",
    clean="#8b94a3",
    missing="#e4e7ec",
    wrong="#c01a2c",
)
DARK = Colours(
    name="dark",
    window="#0d0f12",
    card="#16181d",
    field="#1e2127",
    hover="#282c34",
    line="#2c3038",
    text="#e6e9ef",
    muted="#9ba4b2",
    accent="#7dabff",
    on_accent="#0d1421",
    edit="#ff9b66",
    clean="#7c8696",
    missing="#262a31",
    wrong="#ff8080",
)
BOTH = {"light": LIGHT, "dark": DARK}


class Theme(QObject):
    """Dresses the application; follows the system's colour scheme until told otherwise."""

    changed = Signal(str)

    def __init__(self, application: QApplication, choice: Choice = "system") -> None:
        super().__init__(application)
        self._application = application
        self._choice: Choice = choice
        application.setStyle("Fusion")
        application.setFont(typeface())
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._dress)
        hints.accessibility().contrastPreferenceChanged.connect(self._dress)
        self._dress()

    @property
    def choice(self) -> Choice:
        """What was asked for: system, light or dark."""
        return self._choice

    def choose(self, choice: Choice) -> None:
        """Dress the application so from now on."""
        self._choice = choice
        self._dress()
        self.changed.emit(choice)

    def turn(self) -> None:
        """Light if it is dark now, dark if it is light."""
        self.choose("light" if self.colours.dark else "dark")

    @property
    def colours(self) -> Colours:
        """The colours that follow from the choice and the system."""
        hints = QGuiApplication.styleHints()
        dark = self._choice == "dark" or (self._choice == "system" and hints.colorScheme() == Qt.ColorScheme.Dark)
        chosen = DARK if dark else LIGHT
        strong = hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast
        return replace(chosen, muted=chosen.text, line=chosen.muted) if strong else chosen

    def _dress(self) -> None:
        colours = self.colours
        self._application.setPalette(palette(colours))
        self._application.setStyleSheet(style_sheet(colours))


def colours_of(widget: QWidget) -> Colours:
    """The colours to paint this widget with."""
    return DARK if widget.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def palette(colours: Colours) -> QPalette:
    """Every role of Qt's palette, so that nothing of the system's shines through."""
    role, made = QPalette.ColorRole, QPalette()
    uses = {
        role.Window: "window", role.WindowText: "text", role.Base: "card", role.AlternateBase: "field",
        role.Text: "text", role.PlaceholderText: "muted", role.Button: "card", role.ButtonText: "text",
        role.BrightText: "on_accent", role.ToolTipBase: "card", role.ToolTipText: "text", role.Link: "accent",
        role.LinkVisited: "accent", role.Highlight: "accent", role.HighlightedText: "on_accent", role.Accent: "accent",
        role.Light: "hover", role.Midlight: "hover", role.Mid: "line", role.Dark: "line", role.Shadow: "line",
    }  # fmt: skip
    for one, use in uses.items():
        made.setColor(one, colours[use])
    for one in (role.Text, role.ButtonText, role.WindowText):
        made.setColor(QPalette.ColorGroup.Disabled, one, colours["clean"])
    return made


def style_sheet(colours: Colours) -> str:
    """The little that a palette cannot say: corners, borders, spacing and the looks that `role` names."""
    folder = resource("themes")
    template = Template((folder / "interpviz.qss").read_text(encoding="utf-8"))
    return template.substitute(asdict(colours), folder=folder.as_posix(), icons=resource("icons").as_posix())


@cache
def family() -> str:
    """The name of the shipped typeface, once it is loaded; the system's where the files are missing."""
    names = [
        name
        for file in sorted((resource("themes") / "inter").glob("*.otf"))
        for name in QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(file)))
    ]
    return min(names, key=len) if names else QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()


@cache
def typeface(points: float = 9.75, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The typeface at a size in points (9.75 is 13 pixels at 96 dots an inch), with digits of one width."""
    font = QFont(family())
    font.setPointSizeF(points)
    font.setWeight(weight)
    font.setFeature(QFont.Tag("tnum"), 1)
    font.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)
    return font


SMALL, BASE, LARGE, HUGE = 8.25, 9.75, 12.0, 19.5


def small(weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The typeface of axes, captions and badges."""
    return typeface(SMALL, weight)
