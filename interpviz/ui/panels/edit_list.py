"""The rows of all edits: made only where they are in sight, and kept in place while the document changes under them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable
from itertools import accumulate, pairwise

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollArea, QWidget

from interpviz.control.interventions import Chip
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import Intervention
from interpviz.ui.panel import Act
from interpviz.ui.panels.edit_row import EditRow
from interpviz.ui.text import Label

NOTHING = "Nothing is edited. Click a component in the grid, or write an edit below."
_ROW, _DIRECTION = 27, 26
# Rows beyond what is in sight, for the Tab key to go on to. A row takes 3 ms to make, so there are no others.
_BEYOND = 2
# By what a row is known again, surest first: the edit as it was, then its place, then its site.
_SAME: tuple[Callable[[Intervention], Hashable], ...] = (
    lambda edit: edit,
    lambda edit: (edit.site, edit.positions),
    lambda edit: edit.site,
)


class EditList(QScrollArea):
    """One row an edit. `say(sentence)` tells what is wrong with what was typed, and an empty one that it is right."""

    def __init__(self, act: Act, say: Callable[[str], None]) -> None:
        super().__init__(widgetResizable=True)
        self._act, self._say = act, say
        self._chips: tuple[Chip, ...] = ()
        self._tops = [0]
        self._rows: dict[int, EditRow] = {}
        self._adding: Intervention | None = None
        self.setAccessibleName("Edits")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._page = QWidget()
        self._page.setObjectName("clear")
        self._page.setProperty("role", "rows")
        self.setWidget(self._page)
        self.nothing = Label(NOTHING, "muted", self._page)
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.verticalScrollBar().valueChanged.connect(lambda _: self._place())

    @property
    def rows(self) -> list[EditRow]:
        """The rows in sight and just beyond, from the top."""
        return [self._rows[place] for place in sorted(self._rows)]

    @property
    def held(self) -> bool:
        """Whether the mouse is down on a value."""
        return any(row.held for row in self._rows.values())

    def show_chips(self, chips: tuple[Chip, ...]) -> None:
        """Show these edits in this order; a row stays with its edit, whatever else of it changes."""
        kept = self._known_again(chips)
        for row in set(self._rows.values()) - set(kept.values()):
            row.dismiss()
        self._chips, self._rows = chips, kept
        self._adding = self._adding if self._adding and self._has(self._adding) else None
        self.nothing.setVisible(not chips)
        self._measure()

    def scroll_to(self, text: str) -> bool:
        """Bring the edit that a text means into sight; says whether there is one."""
        try:
            edit = Intervention.parse(text.strip())
        except InterpvizError:
            return False
        place = next((place for place, chip in enumerate(self._chips) if chip.edit == edit), None)
        if place is None:
            return False
        self.verticalScrollBar().setMaximum(max(self._tops[-1] - self.viewport().height(), 0))
        self.ensureVisible(0, self._tops[place] + _ROW // 2, 0, _ROW)
        return True

    def change(self, edit: Intervention, make: Callable[[Intervention], Intervention], merge: object = None) -> bool:
        """Make another edit of this one; says whether the document took it, or will: a step of a drag may wait.

        A drag passes over what another row already is: two edits that became one could not part again.
        """
        try:
            changed = make(edit)
        except InterpvizError as error:
            self._say(str(error))
            return False
        self._say("")
        if changed == edit and merge is None:
            return True
        if merge is not None and changed != edit and self._has(changed):
            return False
        self._act("intervention.change", edit, changed, merge=merge)
        return merge is not None or self._has(changed)

    def point(self, edit: Intervention | None) -> None:
        """Ask for the direction that this edit is to add; None asks no more."""
        self._adding = edit
        self._measure()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for row in self._rows.values():
                row.paint_icon()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _has(self, edit: Intervention) -> bool:
        return any(chip.edit == edit for chip in self._chips)

    def _known_again(self, chips: tuple[Chip, ...]) -> dict[int, EditRow]:
        """The rows that are there, by the place that each has among these chips."""
        free = dict.fromkeys(self.rows)
        known: dict[int, EditRow] = {}
        for same in _SAME:
            waiting = defaultdict(list)
            for row in free:
                waiting[same(row.edit)].append(row)
            for place, chip in enumerate(chips if free else ()):
                if place not in known and (found := waiting.get(same(chip.edit))):
                    known[place] = found.pop(0)
                    del free[known[place]]
        return known

    def _measure(self) -> None:
        """How high each row is, and so where each begins."""
        heights = (_ROW + _DIRECTION * self._pointed(chip) for chip in self._chips)
        self._tops = [0, *accumulate(heights)]
        self._page.setMinimumHeight(self._tops[-1])
        self._place()

    def _pointed(self, chip: Chip) -> bool:
        return bool(chip.edit.direction) or chip.edit == self._adding

    def _wanted(self) -> set[int]:
        """The places whose rows are in sight or just beyond, and those that hold the mouse or the keys."""
        top = self.verticalScrollBar().value()
        first = max(bisect_right(self._tops, top) - 1 - _BEYOND, 0)
        last = min(bisect_left(self._tops, top + self.viewport().height()) + _BEYOND, len(self._chips))
        return {*range(first, last), *(place for place, row in self._rows.items() if row.engaged)}

    def _place(self) -> None:
        """Put the rows where they belong; those that went out of sight serve those that came into it."""
        self.nothing.setGeometry(self.viewport().rect())
        wanted, before = self._wanted(), self._rows
        spare = [row for place, row in before.items() if place not in wanted]
        self._rows = {place: before.get(place) or self._another(spare) for place in sorted(wanted)}
        for row in spare:
            row.dismiss()
        for place, row in self._rows.items():
            chip = self._chips[place]
            row.show_chip(chip, self._pointed(chip))
            top, bottom = self._tops[place : place + 2]
            row.setGeometry(0, top, self.viewport().width() - 4, bottom - top)
        if self.rows != [before[place] for place in sorted(before)]:
            self._chain()

    def _another(self, spare: list[EditRow]) -> EditRow:
        if spare:
            spare[-1].forget()
            return spare.pop()
        row = EditRow(self._act, self.change, self.point)
        row.setParent(self._page)
        row.show()
        return row

    def _chain(self) -> None:
        """Let the Tab key go from row to row."""
        for one, following in pairwise([stop for row in self.rows for stop in row.stops]):
            QWidget.setTabOrder(one, following)
