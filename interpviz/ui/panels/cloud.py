"""The panel of the cloud: every cached token at one site as a point; its context under the pointer."""

from __future__ import annotations

import re

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStyledItemDelegate, QVBoxLayout

from interpviz.control.cloud import CloudPicture, context_text
from interpviz.core.sites import short_name
from interpviz.render.camera import Camera
from interpviz.render.pick import nearest_point
from interpviz.render.tiles import TiledPoints, tiled
from interpviz.ui.camera_view import CameraView
from interpviz.ui.card import paint_card
from interpviz.ui.panel import Act, Panel, Segments
from interpviz.ui.panels.legend import Legend
from interpviz.ui.panels.scenes import CloudScene, entries, ground, shades
from interpviz.ui.text import ElidedLabel, legible, tooltip, visible
from interpviz.ui.theme import colours_of

_METHODS = (
    ("pca", "PCA", "The two directions of most variance"),
    ("umap", "UMAP", "Neighbours kept together; takes longer"),
)
_COLOURS = (
    ("document", "Document", "One colour a document"),
    ("position", "Position", "Colour by place in the context"),
)
_SITE_WIDTH, _PAD = 96, 16


class CloudPanel(Panel[CloudPicture]):
    """Hover reads a point, click makes its context the prompt."""

    def __init__(self, act: Act, view: CameraView) -> None:
        super().__init__("cloud", "Cloud", "The cached tokens at one site. Click one to make its context the prompt.")
        self._act = act
        self._picture: CloudPicture | None = None
        self._points: TiledPoints | None = None
        self._hover: int | None = None
        self.site = QComboBox()
        self.site.setAccessibleName("Site of the cloud")
        self.site.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.site.setItemDelegate(QStyledItemDelegate(self.site))  # its own knows no style sheet
        self.site.setMaximumWidth(_SITE_WIDTH)  # any hook name may stand here, and the header is full
        self.site.setToolTip(tooltip("Which recorded activation is shown"))
        self.site.activated.connect(lambda k: act("cloud.show", self.site.itemData(k), None))
        self.method = Segments("Projection", _METHODS, lambda key: act("cloud.show", "", key))
        self.colour = Segments("Colour", _COLOURS, lambda key: act("cloud.colour", key))
        self.header = [self.site, self.method, self.colour]
        self.view = view
        self.view.setAccessibleName("Cloud of tokens")
        self.view.hovered.connect(self._on_hover)
        self.view.clicked.connect(self._on_click)
        self.view.double_clicked.connect(lambda _: self.view.reset())
        self.legend = Legend()
        self.status = ElidedLabel("", "small")
        self.status.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        foot = QHBoxLayout()
        foot.addWidget(self.legend)
        foot.addWidget(self.status, 1)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.view, 1)
        column.addLayout(foot)

    def present(self, picture: CloudPicture) -> None:
        before, self._picture = self._picture, picture
        if before is None or before.cloud is not picture.cloud or before.colour != picture.colour:
            self._points = tiled(picture.cloud.xy, entries(picture.category, picture.colour))
            self._hover = None
        self._show_controls(picture)
        self._show_scene(picture)
        self.setAccessibleDescription(self._told(picture))
        self.reveal(picture.banner)

    def place_of(self, point: int) -> QPointF | None:
        """Where a point of the cloud lies in the view."""
        xy = self._points.position(point) if self._points else None
        return self.view.place_of(xy) if xy else None

    def context_of(self, point: int) -> tuple[str, tuple[int, int], str]:
        """A point's context, which letters of it are the token's, and what stands beneath it."""
        assert self._picture is not None
        tokens, row = self._picture.tokens, int(self._picture.cloud.ids[point])
        before, token = context_text(tokens, row)
        lead = visible(before) if before else ""
        shown = visible(token)
        caption = f"document {int(tokens.document[row])} · position {int(tokens.position[row])} · token {row:,}"
        return f"{lead}{shown}", (len(lead), len(lead) + len(shown)), caption

    def changeEvent(self, event: object) -> None:
        super().changeEvent(event)  # type: ignore[arg-type]
        if self._picture is not None and self._points is not None:
            self._show_scene(self._picture)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_PageDown: 1, Qt.Key.Key_PageUp: -1}
        key = Qt.Key(event.key())
        if self._picture is None or key not in {*steps, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            super().keyPressEvent(event)
        elif key in steps:
            self._hover = ((self._hover if self._hover is not None else -1) + steps[key]) % len(self._picture.cloud.ids)
            self._read()
        elif self._hover is not None:
            self._act("token.choose", int(self._picture.cloud.ids[self._hover]))

    def _show_controls(self, picture: CloudPicture) -> None:
        if [self.site.itemData(k) for k in range(self.site.count())] != list(picture.sites):
            self.site.clear()
            for k, hook in enumerate(picture.sites):
                self.site.addItem(legible(_named(hook)), hook)
                self.site.setItemData(k, tooltip(hook), Qt.ItemDataRole.ToolTipRole)
            self.site.setMinimumWidth(min(_SITE_WIDTH, self.site.sizeHint().width()))  # else the header cuts it
            self.site.view().setMinimumWidth(self.site.view().sizeHintForColumn(0) + _PAD)
        self.site.setCurrentIndex(picture.sites.index(picture.site))
        self.method.choose(picture.method)
        self.colour.choose(picture.colour)
        self.legend.show_categories(picture.category, picture.colour)
        self.status.setText(picture.status)

    def _show_scene(self, picture: CloudPicture) -> None:
        assert self._points is not None
        colours = colours_of(self)
        scene = CloudScene(self._points, shades(picture.colour, colours.dark), ground(colours))
        self.view.show_scene(scene, self._overlay)

    def _told(self, picture: CloudPicture) -> str:
        chosen = "" if picture.chosen is None else f"; chosen token {picture.chosen}"
        return f"{len(picture.cloud.ids)} tokens at {picture.site}, {picture.status}{chosen}"

    def _on_hover(self, place: QPointF | None) -> None:
        found = self._nearest(place) if place is not None else None
        if found != self._hover:
            self._hover = found
            self._read()

    def _read(self) -> None:
        if self._hover is not None:
            text, _, caption = self.context_of(self._hover)
            self.view.setAccessibleDescription(f"{text} ({caption})")
        self.view.refresh_overlay()

    def _on_click(self, place: QPointF, _: object) -> None:
        point = self._nearest(place)
        if point is not None and self._picture is not None:
            self._act("token.choose", int(self._picture.cloud.ids[point]))

    def _nearest(self, place: QPointF) -> int | None:
        if self._points is None or not self.view.ready:
            return None
        return nearest_point(self._points, self.view.camera, self.view.extent, (place.x(), place.y()))

    def _overlay(self, painter: QPainter) -> None:
        if self._picture is None:
            return
        colours = colours_of(self)
        chosen = () if self._picture.chosen is None else np.flatnonzero(self._picture.cloud.ids == self._picture.chosen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for point, radius, ink in [*((int(p), 8.5, "accent") for p in chosen), (self._hover, 6.5, "text")]:
            at = self.place_of(point) if point is not None else None
            if at is not None:
                for pen in (QPen(colours["card"], 4), QPen(colours[ink], 2)):
                    painter.setPen(pen)
                    painter.drawEllipse(at, radius, radius)
        place = self.place_of(self._hover) if self._hover is not None else None
        if place is not None and self._hover is not None:
            text, strong, caption = self.context_of(self._hover)
            paint_card(painter, place, QRectF(self.view.rect()), text, strong, caption, colours)


BOUNDS = Camera(0.0, 0.0, 1.0, 1.0)
MARGINS = (14.0, 14.0, 14.0, 14.0)


def _named(hook: str) -> str:
    """A hook as a narrow field shows it: `L1R`, `L1 mlp.in`."""
    short = short_name(hook)
    layered = re.fullmatch(r"blocks\.(\d+)\.(.+)", short)
    return f"L{layered[1]} {layered[2].replace('hook_', '')}" if layered else short
