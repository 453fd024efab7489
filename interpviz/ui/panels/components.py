"""The panel of the component grid."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout

from interpviz.control.components import GridPicture
from interpviz.ui.panel import Act, Panel, Segments
from interpviz.ui.panels.grid import Grid

_CHOICES = (
    ("direct", "Direct", "Colour by direct logit attribution"),
    ("ablation", "Ablation", "Colour by what cutting each one out takes from the logit difference"),
)


class ComponentsPanel(Panel[GridPicture]):
    """Every head and MLP, coloured by what it does; a click cuts it out."""

    def __init__(self, act: Act) -> None:
        super().__init__("components", "Components", "What each head and MLP does. Click one to cut it out.")
        self.measure = Segments("Colour", _CHOICES, lambda key: act("components.colour", key))
        self.header = [self.measure]
        self.grid = Grid(act)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.grid)

    def present(self, picture: GridPicture) -> None:
        self.measure.choose(picture.measure)
        self.grid.show_picture(picture)
        self.setAccessibleDescription(self.grid.table())
        self.reveal(picture.problem)
