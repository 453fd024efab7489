"""The panel of the components: a grid to cut in, or a table to read and sort."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from interpviz.control.components import COLUMNS, GridPicture, TablePicture
from interpviz.ui.panel import Act, Panel, Segments
from interpviz.ui.panels.component_table import ComponentTable
from interpviz.ui.panels.grid import TIERS, Grid
from interpviz.ui.text import ElidedLabel, legible

_VIEWS = (
    ("grid", "Grid", "Show components by layer and head"),
    ("table", "Table", "Show components as a table that can be sorted"),
)
_CHOICES = (
    ("direct", "Direct", f"Colour by effect, {TIERS['direct']}"),
    ("attributed", "Attributed", f"Colour by effect, {TIERS['attributed']}"),
    ("ablation", "Ablation", f"Colour by effect, {TIERS['ablation']}"),
)
_SHORT = {"direct": "straight to the logits", "attributed": "first-order estimate", "ablation": "really cut"}
_TOLD = 10  # rows that a screen reader is told of at once


class ComponentsPanel(Panel[GridPicture | TablePicture]):
    """Every head and MLP and what it does, in colours or in numbers; a click cuts it out of the grid."""

    def __init__(self, act: Act) -> None:
        super().__init__("components", "Components", "What each head and MLP does. Click one to cut it out.")
        self.shown_as = Segments("Show", _VIEWS, lambda key: act("components.show", key))
        self.measure = Segments("Colour", _CHOICES, lambda key: act("components.colour", key))
        self.header = [self.shown_as]
        self.tier = ElidedLabel("", "small")
        self.grid = Grid(act)
        self.table = ComponentTable(act)
        self.status = ElidedLabel("", "small")
        self._views = QStackedLayout(self.body)
        self._views.addWidget(self._grid_page())
        self._views.addWidget(self._table_page())

    def present(self, picture: GridPicture | TablePicture) -> None:
        if isinstance(picture, TablePicture):
            self._present_table(picture)
        else:
            self._present_grid(picture)
        self.reveal(picture.problem)

    def _present_grid(self, picture: GridPicture) -> None:
        self.shown_as.choose("grid")
        self.measure.choose(picture.measure)
        self.tier.setText(_SHORT[picture.measure] + " · slow path" * picture.slow)
        self.tier.setToolTip(TIERS[picture.measure])
        self.grid.show_picture(picture)
        self._views.setCurrentIndex(0)
        self.setAccessibleDescription(self.grid.table())

    def _present_table(self, picture: TablePicture) -> None:
        self.shown_as.choose("table")
        self.table.show_picture(picture)
        self.status.setText(_status(picture))
        self._views.setCurrentIndex(1)
        rows = range(min(_TOLD, len(picture.order)))
        first = [", ".join(self._told(row, column) for column in range(len(COLUMNS))) for row in rows]
        self.setAccessibleDescription("; ".join([_status(picture), *first]))

    def _told(self, row: int, column: int) -> str:
        text = self.table.rows.text(row, column)
        return f"{COLUMNS[column]} {text or 'not asked for'}" if column else text

    def _grid_page(self) -> QWidget:
        page, top = QWidget(), QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.measure)
        top.addWidget(self.tier, 1)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.grid, 1)
        return page

    def _table_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.table, 1)
        column.addWidget(self.status)
        return page


def _status(picture: TablePicture) -> str:
    filling = picture.done < 1 and not picture.problem
    parts = [f"{len(picture.order):,} components", "nats"]
    parts += [f"{int(100 * picture.done)} % measured"] if filling else []
    parts += ["slow path"] if picture.slow else []
    if picture.sides:
        left, right = (legible(side) for side in picture.sides)
        parts.append(f"difference: {right} − {left}")
    return " · ".join(parts)
