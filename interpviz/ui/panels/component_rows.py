"""The rows of the component table, as Qt asks for them: numbers stay in the picture's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from interpviz.control.components import COLUMNS, TablePicture
from interpviz.core.sites import Site
from interpviz.ui.marks import signed
from interpviz.ui.panels.grid import TIERS, marks_of
from interpviz.ui.text import legible, tooltip

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole

_TIPS = {
    "component": "The head or the MLP of a layer",
    "activation": "Norm of what it writes at the answer position",
    "direct": f"Effect in nats. {TIERS['direct']}",
    "attributed": f"Effect in nats. {TIERS['attributed']}",
    "measured": f"Effect in nats. {TIERS['ablation']}",
    "difference": "Direct effect on the right minus on the left, nats: who takes over when a part is cut",
}
_NONE = QModelIndex()


class ComponentRows(QAbstractTableModel):
    """One row a component, in the picture's order."""

    def __init__(self) -> None:
        super().__init__()
        self.picture: TablePicture | None = None

    def show_picture(self, picture: TablePicture) -> None:
        """Hold these rows from now on; what is selected stays with its component."""
        before = self.picture
        if before is None or len(before.order) != len(picture.order):
            self.beginResetModel()
            self.picture = picture
            self.endResetModel()
        elif not np.array_equal(before.order, picture.order):
            self._reorder(before, picture)
        else:
            self.picture = picture
            self.dataChanged.emit(self.index(0, 0), self.index(len(picture.order) - 1, len(COLUMNS) - 1))
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def number(self, row: int, column: int) -> float:
        """What a cell shows, column 1 and on; NaN where it is not known."""
        assert self.picture is not None
        return float(self.picture.numbers[self.picture.order[row], column - 1])

    def site(self, row: int) -> Site:
        """The component of a row."""
        assert self.picture is not None
        return self.picture.site(row)

    def text(self, row: int, column: int) -> str:
        """A cell in words, as it is shown."""
        assert self.picture is not None
        if column == 0:
            return str(self.site(row))
        value = self.number(row, column)
        if value != value:
            return "…" * self.picture.asked[column - 1]
        return f"{value:.3f}" if COLUMNS[column] == "activation" else signed(value, 3)

    def tab_separated(self, rows: list[int]) -> str:
        """These rows under a line of names, for a spreadsheet: six digits, nothing where a value is not known."""
        lines = (
            [str(self.site(row)), *(_plain(self.number(row, column)) for column in range(1, len(COLUMNS)))]
            for row in rows
        )
        return "\n".join("\t".join(line) for line in [list(COLUMNS), *lines])

    def rowCount(self, parent: Index = _NONE) -> int:
        return 0 if self.picture is None or parent.isValid() else len(self.picture.order)

    def columnCount(self, parent: Index = _NONE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if role == Role.DisplayRole:
            return self.text(index.row(), index.column())
        if role in (Role.AccessibleTextRole, Role.ToolTipRole):
            told = self._told(index.row(), index.column())
            return tooltip(told) if role == Role.ToolTipRole else told
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or self.picture is None:
            return None
        name = COLUMNS[section]
        is_sorted = name == self.picture.column
        if role == Role.DisplayRole:
            return name + ((" ↓" if self.picture.descending else " ↑") if is_sorted else "")
        if role == Role.AccessibleTextRole:
            way = "descending" if self.picture.descending else "ascending"
            return f"{name}, sorted {way}" if is_sorted else name
        return tooltip(self._tip(name)) if role == Role.ToolTipRole else None

    def _tip(self, name: str) -> str:
        assert self.picture is not None
        compared = name == "difference" and bool(self.picture.sides)
        what = f" ({legible(' to '.join(self.picture.sides))})" if compared else ""
        return f"{_TIPS[name]}{what}\nClick to sort by it; Ctrl+↓ and Ctrl+↑ sort by the column of the keys' cursor"

    def _told(self, row: int, column: int) -> str:
        """A cell in words: `L1H2, cut out` or `L1H2 measured +0.250 nats`."""
        assert self.picture is not None
        site, name = self.site(row), COLUMNS[column]
        marks = marks_of(self.picture, site)
        if column == 0:
            return f"{site}{marks}"
        text = self.text(row, column)
        unit = "" if name == "activation" else " nats"
        known = self.number(row, column) == self.number(row, column)
        return f"{site} {name} {text + unit if known else 'not yet known' if text else 'not asked for'}{marks}"

    def _reorder(self, before: TablePicture, picture: TablePicture) -> None:
        self.layoutAboutToBeChanged.emit()
        row_of = np.empty(len(picture.order), np.intp)
        row_of[picture.order] = np.arange(len(picture.order))
        held = self.persistentIndexList()
        self.picture = picture
        moved = [self.index(int(row_of[before.order[old.row()]]), old.column()) for old in held]
        self.changePersistentIndexList(held, moved)
        self.layoutChanged.emit()


def _plain(value: float) -> str:
    return f"{value:.6g}" if value == value else ""
