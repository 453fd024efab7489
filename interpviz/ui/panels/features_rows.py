"""The rows of the table of features, as Qt asks for them: what is not in view is never touched."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from interpviz.control.features import COLUMNS, FeaturesPicture, shown_label
from interpviz.ui.marks import signed
from interpviz.ui.text import legible, tooltip, visible

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole

NAMES = {
    "feature": "feature",
    "density": "density",
    "maximum": "max",
    "label": "label",
    "score": "score",
    "top_token": "top token",
    "effect": "effect",
}
_TIPS = {
    "feature": "The number of the feature; ★ where it is bookmarked",
    "density": "Share of the cache's tokens at which it is active",
    "maximum": "Its largest activation in the cache",
    "label": "Your own label, in full ink, else the one that was found by itself",
    "score": "How well the label that was found tells active tokens from others: balanced accuracy, 0.5 is chance",
    "top_token": "The token at which it was most active",
    "effect": "What cutting it out does to the metric on the prompt, nats. Sort by it to have it measured",
}
_NONE = QModelIndex()


class FeatureRows(QAbstractTableModel):
    """One row a feature, in the picture's order."""

    def __init__(self) -> None:
        super().__init__()
        self.picture: FeaturesPicture | None = None
        self._labels: dict[int, str] = {}

    def show_picture(self, picture: FeaturesPicture) -> None:
        """Hold these rows from now on."""
        before, labels = self.picture, dict(picture.notes.labels)
        same = before is not None and before.table is picture.table and len(before.order) == len(picture.order)
        if not same:
            self.beginResetModel()
        self.picture, self._labels = picture, labels
        if not same:
            self.endResetModel()
        elif len(picture.order):
            self.dataChanged.emit(self.index(0, 0), self.index(len(picture.order) - 1, len(COLUMNS) - 1))
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def feature(self, row: int) -> int:
        """The feature of a row."""
        assert self.picture is not None
        return int(self.picture.order[row])

    def own(self, row: int) -> str:
        """The label that a person gave; empty where nobody did."""
        return self._labels.get(self.feature(row), "")

    def number(self, row: int, column: str) -> float:
        """What a cell shows in figures; NaN where it is not known."""
        picture, feature = self.picture, self.feature(row)
        assert picture is not None
        found = {
            "density": picture.table.density,
            "maximum": picture.table.maximum,
            "score": picture.table.score,
            "effect": picture.effects,
        }[column]
        return float("nan") if found is None else float(found[feature])

    def text(self, row: int, column: str) -> str:
        """A cell in words, as it is shown."""
        picture, feature = self.picture, self.feature(row)
        assert picture is not None
        if column == "feature":
            return str(feature)
        if column == "label":
            return legible(self.own(row) or shown_label(picture.table, picture.notes, feature))
        if column == "top_token":
            return visible(picture.table.top_token[feature]) if picture.table.density[feature] > 0 else ""
        value = self.number(row, column)
        if value != value:
            return "…" if column == "effect" and picture.measuring else ""
        return _figures(column, value)

    def tab_separated(self, rows: list[int]) -> str:
        """These rows under a line of names, for a spreadsheet."""
        lines = ([self.text(row, column) for column in COLUMNS] for row in rows)
        return "\n".join("\t".join(line) for line in [list(NAMES.values()), *lines])

    def rowCount(self, parent: Index = _NONE) -> int:
        return 0 if self.picture is None or parent.isValid() else len(self.picture.order)

    def columnCount(self, parent: Index = _NONE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if role == Role.DisplayRole:
            return self.text(index.row(), COLUMNS[index.column()])
        if role in (Role.AccessibleTextRole, Role.ToolTipRole):
            told = self._told(index.row(), COLUMNS[index.column()])
            return tooltip(told) if role == Role.ToolTipRole else told
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or self.picture is None:
            return None
        column = COLUMNS[section]
        is_sorted = column == self.picture.column
        if role == Role.DisplayRole:
            return NAMES[column] + ((" ↓" if self.picture.descending else " ↑") if is_sorted else "")
        if role == Role.AccessibleTextRole:
            way = "descending" if self.picture.descending else "ascending"
            return f"{NAMES[column]}, sorted {way}" if is_sorted else NAMES[column]
        return tooltip(f"{_TIPS[column]}\nClick to sort by it") if role == Role.ToolTipRole else None

    def _told(self, row: int, column: str) -> str:
        """A cell in words: `feature 12, bookmarked` or `feature 12 density 0.31 %`."""
        assert self.picture is not None
        feature, text = self.feature(row), self.text(row, column)
        marked = ", bookmarked" if feature in self.picture.notes.bookmarks else ""
        if column == "feature":
            return f"feature {feature}{marked}"
        unit = " nats" if column == "effect" and text else ""
        return f"feature {feature} {NAMES[column]} {text + unit if text else 'not known'}{marked}"


def density(share: float) -> str:
    """A share of tokens in few letters: `2.4 %`, `0.031 %`, `never`."""
    if share == 0:
        return "never"
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _figures(column: str, value: float) -> str:
    if column == "density":
        return density(value)
    return signed(value, 3) if column == "effect" else f"{value:.3g}" if column == "maximum" else f"{value:.2f}"
