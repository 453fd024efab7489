"""The panel of the circuit: tokens across, layers upwards, edges by how much one component matters through another."""

from __future__ import annotations

from itertools import count

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout

from interpviz.control.circuit import CircuitPicture
from interpviz.render.camera import Camera
from interpviz.ui.camera_view import CameraView
from interpviz.ui.panel import Act, Panel
from interpviz.ui.panels.graph import LEFT, Drawn, Placed, placed
from interpviz.ui.text import ElidedLabel, Label, tooltip
from interpviz.ui.theme import colours_of

BOUNDS = Camera(-0.02, -0.05, 1.02, 1.05)
MARGINS = (LEFT, 10.0, 14.0, 60.0)
_STEPS = 100
_WALK = {Qt.Key.Key_PageDown: 1, Qt.Key.Key_PageUp: -1}


class CircuitPanel(Panel[CircuitPicture]):
    """Hover lights a node's edges, click selects, double click cuts, the slider prunes."""

    def __init__(self, act: Act, view: CameraView) -> None:
        super().__init__(
            "circuit", "Circuit", "Which component matters through which other. Double-click one to cut it."
        )
        self._act = act
        self._picture: CircuitPicture | None = None
        self._drawn: Drawn | None = None
        self._placed: Placed | None = None
        self._hover: int | None = None
        self._drags = count()
        self._merge = ("prune", next(self._drags))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMaximum(_STEPS)
        self.slider.setFixedWidth(130)
        self.slider.setAccessibleName("Share of the total score whose edges are drawn")
        self.slider.setToolTip(tooltip("How much of the circuit is drawn: the largest edges that make up this share"))
        self.slider.valueChanged.connect(self._on_slide)
        self.slider.sliderReleased.connect(self._commit)
        self.share = Label("", "small")
        self.share.setFixedWidth(36)
        self.header = [Label("Prune", "small"), self.slider, self.share]
        self.view = view
        self.view.setAccessibleName("Circuit graph")
        self.view.hovered.connect(self._on_hover)
        self.view.clicked.connect(self._on_click)
        self.view.double_clicked.connect(self._on_double_click)
        self.status = ElidedLabel("", "small")
        foot = QHBoxLayout()
        foot.addWidget(self.status, 1)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.view, 1)
        column.addLayout(foot)

    def present(self, picture: CircuitPicture) -> None:
        if self._picture is None or self._picture.graph is not picture.graph:
            self._hover = None
        self._picture = picture
        if not self.slider.isSliderDown():
            self.slider.blockSignals(True)
            self.slider.setValue(round(picture.threshold * _STEPS))
            self.slider.blockSignals(False)
        self._redraw()
        self.status.setText(picture.status + (" · tracing …" if picture.pending else ""))
        self.setAccessibleDescription(f"{picture.status}. {self._drawn.told() if self._drawn else ''}")
        self.reveal()

    def node_place(self, node: int) -> QPointF:
        """Where a node lies in the view."""
        assert self._drawn is not None
        return self.view.place_of((float(self._drawn.xy[node, 0]), float(self._drawn.xy[node, 1])))

    @property
    def kept(self) -> int:
        """How many edges are drawn."""
        return self._drawn.kept if self._drawn else 0

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._picture is not None:
            self._redraw()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self._act("selection.set", ())
        elif key in _WALK and self._drawn is not None:
            self._light(self._drawn.next_node(self._hover, _WALK[key]))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._hover is not None:
            self._select(self._hover)
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Delete) and self._hover is not None:
            self._toggle(self._hover)
        else:
            super().keyPressEvent(event)

    def _redraw(self) -> None:
        """Draw the picture with as many edges as the slider says."""
        if self._picture is None:
            return
        threshold = self.slider.value() / _STEPS
        self.share.setText(f"{threshold:.0%}")
        kept = self._picture.kept if threshold == self._picture.threshold else self._picture.graph.kept(threshold)
        self._placed = placed(self._picture.graph, kept, self._placed)
        self._drawn = Drawn(self._picture, kept, self._hover, colours_of(self), self._placed)
        self.view.set_margins((LEFT, 10.0, 14.0, self._drawn.below + 8))
        self.view.show_scene(self._drawn.scene(self.view), self._overlay)

    def _overlay(self, painter: QPainter) -> None:
        if self._drawn is not None:
            self._drawn.paint(painter, self.view, self._hover)

    def _on_slide(self) -> None:
        self._redraw()
        if not self.slider.isSliderDown():
            self._commit()

    def _commit(self) -> None:
        self._act("circuit.prune", self.slider.value() / _STEPS, merge=self._merge)
        if not self.slider.isSliderDown():
            self._merge = ("prune", next(self._drags))

    def _on_hover(self, place: QPointF | None) -> None:
        self._light(self._drawn.nearest(self.view, place) if place is not None and self._drawn else None)

    def _light(self, node: int | None) -> None:
        """Light the edges of this node, and tell them."""
        if node != self._hover:
            self._hover = node
            self.view.setAccessibleDescription(self._drawn.told_node(node) if self._drawn and node is not None else "")
            self._redraw()

    def _on_click(self, place: QPointF, _: object) -> None:
        self._select(self._drawn.nearest(self.view, place) if self._drawn else None)

    def _select(self, node: int | None) -> None:
        site = self._picture.graph.site(node) if self._picture and node is not None else None
        self._act("selection.set", (site,) if site else ())

    def _on_double_click(self, place: QPointF) -> None:
        node = self._drawn.nearest(self.view, place) if self._drawn else None
        if node is None:
            self.view.reset()
        else:
            self._toggle(node)

    def _toggle(self, node: int) -> None:
        site = self._picture.graph.site(node) if self._picture else None
        if site is not None:
            self._act("intervention.toggle", site)
