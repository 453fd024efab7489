"""The form of an import: what a stranger's file holds, and what each array of it becomes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QGridLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from interpviz.control import importing, places, recording
from interpviz.core.document import ModelFacts
from interpviz.core.jobs import Foreign, Holding, Import
from interpviz.ui.becomes import BecomesColumn
from interpviz.ui.forms import UNKNOWN_SIZE, Foot, PlaceRow, dress
from interpviz.ui.text import ElidedLabel, Label, legible, tooltip

_COLUMNS = ("Name", "Shape", "Type", "Becomes")
BECOMES = _COLUMNS.index("Becomes")
_ROW, _WIDTH = 38, 244


class ImportDialog(QDialog):
    """Asks what a stranger's arrays become; `start(job)` is called with the import."""

    def __init__(
        self,
        foreign: Foreign,
        model: ModelFacts | None,
        documents: str,
        start: Callable[[Import], object],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._foreign, self._start = foreign, start
        self.setProperty("role", "form")
        self.setWindowTitle("Import activations")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.table = _table(foreign.holdings)
        self.table.setItemDelegateForColumn(BECOMES, BecomesColumn(self.table, importing.choices(model)))
        self.place = PlaceRow()
        self.takes = Label(role="muted")
        self.takes.setAccessibleName("Room on the disk")
        self.foot = Foot("Import", "Start importing", self.accept, self.reject)
        self._lay_out()
        name = importing.proposed_name(foreign)
        self.place.propose(recording.proposed_place(name, foreign.source, documents))
        self.table.itemChanged.connect(self._on_change)
        self.place.changed.connect(self._on_change)
        self._on_change()

    @property
    def names(self) -> tuple[str, ...]:
        """What the holdings become, as typed."""
        items = (self.table.item(row, BECOMES) for row in range(self.table.rowCount()))
        return tuple(item.text() if item is not None else "" for item in items)

    def accept(self) -> None:
        if self.foot.go.isEnabled():
            job = importing.job(self._foreign, self.names, self.place.field.text().strip())
            super().accept()
            self._start(job)

    def _lay_out(self) -> None:
        facts = QGridLayout()
        facts.setHorizontalSpacing(18)
        facts.setVerticalSpacing(8)
        facts.setColumnStretch(1, 1)
        source = Path(self._foreign.source)
        told = (
            ("Source", f"{source.name}  ({source.parent})"),
            ("Layout", self._foreign.layout),
            ("Tokens", f"{self._foreign.tokens:,}"),
        )
        for row, (title, text) in enumerate(told):
            facts.addWidget(Label(title), row, 0, Qt.AlignmentFlag.AlignTop)
            said = ElidedLabel(legible(text), "muted") if title == "Source" else Label(legible(text), "muted")
            said.setWordWrap(title == "Layout")  # it says what is to be known of these numbers
            facts.addWidget(said, row, 1)
        where = QGridLayout()
        where.setHorizontalSpacing(18)
        where.setVerticalSpacing(6)
        to = Label("Write to")
        to.setBuddy(self.place.field)
        where.addWidget(to, 0, 0)
        where.addWidget(self.place, 0, 1)
        where.addWidget(self.takes, 1, 1)
        bits = " As an activation, uint16 is read as the bits of bfloat16."
        uint16 = any(holding.dtype == "uint16" for holding in self._foreign.holdings)
        hint = Label(
            f"Give each array the activation that it holds (L1R or a hook name), or tokens.{bits * uint16}", "muted"
        )
        hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 18)
        column.setSpacing(14)
        column.addLayout(facts)
        column.addWidget(hint)
        column.addWidget(self.table, 1)
        column.addLayout(where)
        column.addWidget(self.foot)
        self.resize(760, 560)

    def _on_change(self, _: object = None) -> None:
        out = self.place.field.text().strip()
        missing = importing.problem(self._foreign, self.names, out)
        there = "A cache is there already. The same import goes on with it; another needs another name."
        self.foot.show_problem(missing, there if recording.goes_on(out) else "")
        taken = importing.taken(self._foreign, self.names)
        found = recording.room(taken, places.free_at(out))
        self.takes.setText(found.sentence if taken else UNKNOWN_SIZE)
        dress(self.takes, "muted" if found.fits else "wrong")


def _table(holdings: tuple[Holding, ...]) -> QTableWidget:
    table = QTableWidget(len(holdings), len(_COLUMNS))
    table.setObjectName("holdings")
    table.setAccessibleName("Arrays")
    table.setAccessibleDescription("What the file holds, and what each array becomes")
    table.setHorizontalHeaderLabels(_COLUMNS)
    table.setTabKeyNavigation(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.AnyKeyPressed)
    for sign in (table.clicked, table.activated):  # a click, and Enter
        sign.connect(lambda index: _edit(table, index.row()))
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setMouseTracking(True)
    table.setShowGrid(False)
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(_ROW)
    header = table.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(BECOMES, QHeaderView.ResizeMode.Fixed)
    header.resizeSection(BECOMES, _WIDTH)
    for row, holding in enumerate(holdings):
        shape = " × ".join(f"{size:,}" for size in holding.shape)
        for column, text in enumerate((holding.name, shape, holding.dtype)):
            item = QTableWidgetItem(legible(text))
            item.setToolTip(tooltip(text))
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            table.setItem(row, column, item)
        table.setItem(row, BECOMES, QTableWidgetItem(holding.proposed))
    table.setCurrentCell(0, BECOMES)
    return table


def _edit(table: QTableWidget, row: int) -> None:
    """Let what this row becomes be written, unless it is being."""
    place = table.model().index(row, BECOMES)
    if table.indexWidget(place) is None:
        table.setCurrentIndex(place)
        table.edit(place)
