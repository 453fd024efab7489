"""The page of a feature: where it is active, what it writes, what it is called, and a line to edit it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout

from interpviz.control.feature_page import PagePicture, row_of
from interpviz.core.feature_results import Example
from interpviz.ui.panel import Act, Panel
from interpviz.ui.panels.examples import Examples
from interpviz.ui.panels.feature_page_edit import FeatureEdit
from interpviz.ui.panels.feature_page_notes import Written
from interpviz.ui.panels.feature_page_side import Side
from interpviz.ui.panels.features_rows import density
from interpviz.ui.panels.fields import EnteredField
from interpviz.ui.text import ElidedLabel, Label, button, legible, visible

_WIDE = 470  # pixels from which on the side stands beside the examples


class FeaturePagePanel(Panel[PagePicture]):
    """Shows one feature of a dictionary."""

    def __init__(self, act: Act) -> None:
        super().__init__("feature", "Feature", "Where a feature is active, what it does, and what it is called.")
        self._act = act
        self.name_label = Label("", "large")
        self.label = EnteredField("Call it something", self._take_label)
        self.label.name("Label", "Your own label, kept by Enter; empty: the one that was found by itself")
        self.mark = button("☆", "Bookmark this feature  B", self.bookmark)
        self.mark.setProperty("role", "quiet")
        self.facts = ElidedLabel("", "small")
        self.edit = FeatureEdit(act, self._say)
        self.examples = Examples()
        self.side = Side(act)
        self.written = Written(self._take_note, self._take_list, self._leave_list)
        self.status = ElidedLabel("", "small")
        self.examples.pointed.connect(self._point)
        self.examples.opened.connect(self._open)
        self._at: tuple[str, int] | None = None
        self._lay_out()

    def present(self, picture: PagePicture) -> None:
        at = (picture.dictionary.sha256, picture.feature)
        if self._at is not None and self._at != at:
            self._leave()
        self._at = at
        self.name_label.setText(legible(str(picture.site)))
        self.label.setPlaceholderText(legible(picture.automatic) or "Call it something")
        self.label.offer(picture.own)
        self.label.setAccessibleName(f"Label of {picture.site}")
        self.mark.setText("★" if picture.bookmarked else "☆")
        self.facts.setText(legible(_facts(picture)))
        self.edit.show_picture(picture)
        self.written.show_picture(picture)
        if not picture.waiting:  # a page is there after some milliseconds: an empty one between would flicker
            self._present_page(picture)
        self.setAccessibleDescription("; ".join((str(picture.site), picture.own or picture.automatic, _facts(picture))))
        self.reveal(picture.problem)

    def _present_page(self, picture: PagePicture) -> None:
        page = picture.page
        self.examples.setVisible(page is not None)
        if page is not None:
            self.examples.show_groups(page.groups, page.maximum)
        self.side.show_page(picture)
        self._point(None, -1)

    def bookmark(self) -> None:
        """Mark the feature, or take the mark away."""
        if self._at is not None and not self.sentence:
            self._act("notes.bookmark", *self._at)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_B and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self.bookmark()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        beside = self.width() >= _WIDE
        way = Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical
        if way != self.parts.orientation():
            self.parts.setOrientation(way)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        for part in (self.name_label, self.label, self.mark):
            head.addWidget(part, part is self.label)
        self.parts = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        self.parts.addWidget(self.examples)
        self.parts.addWidget(self.side)
        self.parts.setStretchFactor(0, 3)
        self.parts.setStretchFactor(1, 2)
        self.body.setProperty("role", "compact")
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addLayout(head)
        column.addWidget(self.facts)
        column.addWidget(self.edit)
        column.addWidget(self.parts, 1)
        column.addWidget(self.written)
        column.addWidget(self.status)

    def _leave(self) -> None:
        """Another feature is shown now: what was written on this one is kept."""
        self.label.take()
        self.label.forget()
        self.written.take()

    def _take_label(self, text: str) -> bool:
        assert self._at is not None
        self.label.setModified(False)
        self._act("notes.label", *self._at, text)
        return True

    def _take_list(self, name: str) -> bool:
        assert self._at is not None
        assert self._shown is not None
        if name.strip() and name.strip() not in self._shown.lists:
            self._act("notes.list", *self._at, name)
        return True

    def _leave_list(self, name: str) -> None:
        assert self._at is not None
        self._act("notes.list", *self._at, name)

    def _take_note(self, text: str) -> None:
        assert self._at is not None
        self._act("notes.text", *self._at, text)

    def _say(self, sentence: str) -> None:
        self.reveal(sentence)

    def _point(self, example: Example | None, place: int) -> None:
        """Say what stands under the pointer, and show where its activation lies among all."""
        picture = self._shown
        if example is None or picture is None:
            self.side.histogram.point(None)
            self.status.setText(legible(picture.source) if picture else "")
            return
        value = float(example.values[place])
        self.side.histogram.point(value)
        where = f"row {row_of(example, place):,} · document {example.document}"
        self.status.setText(f"{visible(example.texts[place])}  {value:.4g} · {where}")

    def _open(self, example: Example, place: int) -> None:
        picture = self._shown
        assert picture is not None
        if picture.apart:
            self.status.setText(legible(picture.apart))
        else:
            self._act("token.choose", row_of(example, place))


def _facts(picture: PagePicture) -> str:
    page = picture.page
    if page is None:
        return "Reading …" if picture.waiting else ""
    if not page.active:
        return "never active in this cache"
    parts = [f"active at {density(page.density)}", f"max {page.maximum:.3g}"]
    if picture.automatic:
        what = "label" if not picture.own else f"“{picture.automatic}”"
        parts.append(f"{what} scores {picture.score:.2f}")
    return " · ".join(parts)
