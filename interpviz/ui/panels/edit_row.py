"""One edit as a row: made or standing by, its site, mode, value and positions, and a way to remove it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QToolButton, QWidget

from interpviz.control.edits import positions_text, with_mode, with_positions, with_value
from interpviz.control.interventions import Chip
from interpviz.core.interventions import VALUED, Intervention, Mode
from interpviz.ui import files
from interpviz.ui.icons import icon
from interpviz.ui.panel import Act
from interpviz.ui.panels.drag_value import DragValue
from interpviz.ui.panels.fields import Chooser, EnteredField, Tick
from interpviz.ui.text import ElidedLabel, Label, button, legible, tooltip
from interpviz.ui.theme import colours_of

DIRECTIONS = "Directions (*.npy *.safetensors)"
MODE_SAYS = {
    "zero": "put zero in its place",
    "mean": "put its mean over the reference in its place",
    "resample": "put what it was in other documents in its place",
    "scale": "multiply it by a factor",
    "add": "add a direction, or to a neuron or feature a number",
    "clamp": "hold a neuron, a feature or an attention edge at a value",
    "patch": "put what it was in the contrast prompt in its place",
}
_MODE_WIDTH, _VALUE_WIDTH, _POSITIONS_WIDTH = 88, 70, 84


class Change(Protocol):
    """Makes another edit of this one; says whether the document took it."""

    def __call__(
        self, edit: Intervention, make: Callable[[Intervention], Intervention], merge: object = None
    ) -> bool: ...


class EditRow(QWidget):
    """Shows a chip, and turns what is done to it into acts. It may be given another chip at any time, a drag too."""

    def __init__(self, act: Act, change: Change, point: Callable[[Intervention | None], None]) -> None:
        """`point(edit)` asks for the direction that the edit is to add, `point(None)` no more."""
        super().__init__()
        self._change_edit, self._point = change, point
        self._chip: Chip | None = None
        self._pointed = False
        self.made = Tick("", "edit", lambda _: act("intervention.switch", self.edit))
        self.site = ElidedLabel()
        self.mode = Chooser(self._pick_mode)
        self.value = DragValue(self._set_value)
        self.positions = EnteredField("all tokens", self._set_positions)
        self.remove = QToolButton()
        self.remove.setProperty("role", "quiet")
        self.remove.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.remove.clicked.connect(lambda: act("intervention.remove", self.edit))
        self.direction = EnteredField("NAME/123 or a file", self._set_direction)
        self.browse = button("…", "Choose a file that holds the direction", self._browse)
        for field in (self.value, self.positions, self.direction):
            field.dropped.connect(self._drop)
        self._pointing = self._direction_line()
        self._pointing.hide()
        self._lay_out()

    @property
    def edit(self) -> Intervention:
        """The edit that is shown."""
        assert self._chip is not None
        return self._chip.edit

    @property
    def held(self) -> bool:
        """Whether the mouse is down on its value."""
        return self.value.held

    @property
    def engaged(self) -> bool:
        """Whether it holds the mouse or the keys."""
        focus = self.window().focusWidget()
        return self.held or (focus is not None and self.isAncestorOf(focus))

    @property
    def stops(self) -> tuple[QWidget, ...]:
        """What the Tab key stops at, in order."""
        return (self.made, self.mode, self.value, self.positions, self.remove, self.direction, self.browse)

    def show_chip(self, chip: Chip, pointed: bool) -> None:
        """Show this edit, and where it is `pointed` the line of its direction."""
        if (chip, pointed) == (self._chip, self._pointed):
            return
        self._chip, self._pointed, edit = chip, pointed, chip.edit
        self._pointing.setVisible(pointed)
        self.made.setChecked(chip.on)
        self._show_site(chip)
        asked = pointed and not edit.direction
        self.mode.offer([(mode, mode) for mode in chip.modes], "add" if asked else edit.mode)
        self.value.setVisible(edit.mode in VALUED)
        self.value.offer_value(edit.value or 0.0)
        self.positions.setVisible(edit.site.kind != "edge")
        self.positions.offer(positions_text(edit))
        self.direction.offer(edit.direction)
        self._name(edit)

    def paint_icon(self) -> None:
        """Draw the cross in the theme's colour."""
        self.remove.setIcon(icon("close", colours_of(self).muted, 14))

    def forget(self) -> None:
        """Drop what is typed or dragged."""
        for field in (self.value, self.positions, self.direction):
            field.forget()

    def dismiss(self) -> None:
        """Go for good: the edit is gone, or out of sight."""
        self.forget()
        self.hide()
        self.deleteLater()

    def _lay_out(self) -> None:
        sized: tuple[tuple[QWidget, int], ...] = (
            (self.mode, _MODE_WIDTH),
            (self.value, _VALUE_WIDTH),
            (self.positions, _POSITIONS_WIDTH),
        )
        for part, width in sized:
            part.setFixedWidth(width)
            keeps = part.sizePolicy()
            keeps.setRetainSizeWhenHidden(True)
            part.setSizePolicy(keeps)
        grid = QGridLayout(self)
        grid.setContentsMargins(2, 1, 0, 1)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        cells = (self.made, self.site, self.mode, self.value, self.positions, self.remove)
        for column, cell in enumerate(cells):
            grid.addWidget(cell, 0, column)
        grid.addWidget(self._pointing, 1, 1, 1, 4)
        self.paint_icon()

    def _direction_line(self) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 2)
        row.setSpacing(6)
        row.addWidget(Label("direction", "small"))
        row.addWidget(self.direction, 1)
        row.addWidget(self.browse)
        return line

    def _show_site(self, chip: Chip) -> None:
        role = "" if chip.on else "muted"
        if self.site.property("role") != role:
            self.site.setProperty("role", role)
            self.site.style().unpolish(self.site)
            self.site.style().polish(self.site)
        self.site.setText(legible(str(chip.edit.site)))

    def _name(self, edit: Intervention) -> None:
        site = legible(str(edit.site))
        self.setAccessibleName(legible(str(edit)))
        self.made.setAccessibleName(f"Make the edit of {site}")
        self.made.setToolTip(tooltip("Made. Untick to let it stand by." if self.made.isChecked() else "It stands by."))
        self.mode.name(f"Mode of {site}", f"{edit.mode}: {MODE_SAYS[edit.mode]}")
        self.value.name(
            f"Value of {site}",
            f"{edit.value}\nDrag, or press an arrow key: Shift is faster, Ctrl finer. Double-click or Enter to type.",
        )
        self.positions.name(f"Positions of {site}", "Positions such as 2-5,7 or -1 for the last; empty for all tokens")
        self.direction.name(
            f"Direction of {site}", "What is added, times the value: a .npy or .safetensors file, or a feature NAME/123"
        )
        self.remove.setAccessibleName(f"Remove {legible(str(edit))}")
        self.remove.setToolTip(tooltip("Remove this edit"))

    def _pick_mode(self, mode: str) -> None:
        assert self._chip is not None
        asks = mode == "add" and self._chip.directed and not self.edit.direction
        self._point(self.edit if asks else None)
        if asks:
            self.direction.setFocus()
        elif mode != self.edit.mode:
            self._change(partial(with_mode, mode=cast(Mode, mode)))

    def _set_value(self, text: str, merge: object) -> bool:
        return self._change(partial(with_value, text=text), merge)

    def _set_positions(self, text: str) -> bool:
        return self._change(partial(with_positions, text=text))

    def _set_direction(self, text: str) -> bool:
        return self._change(partial(with_mode, mode="add", direction=text.strip()))

    def _change(self, make: Callable[[Intervention], Intervention], merge: object = None) -> bool:
        return self._change_edit(self.edit, make, merge)

    def _drop(self) -> None:
        """Nothing is typed any more, so nothing is wrong with it and no direction is asked for."""
        self._point(None)
        self._change(lambda edit: edit)

    def _browse(self) -> None:
        for path in files.ask(self, "Choose a direction", DIRECTIONS)[:1]:
            self._set_direction(path)
