"""A row of small widgets that goes on in the next line where the first is full."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

_GAP = 5


class Flow(QWidget):
    """As high as its lines need; without content, of no height."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._parts: list[QWidget] = []
        self.fill([])

    def fill(self, parts: Sequence[QWidget]) -> None:
        """Show these instead of what was here."""
        for old in self._parts:
            old.hide()
            old.deleteLater()
        self._parts = list(parts)
        for part in self._parts:
            part.setParent(self)
            part.show()
        self._place()

    @property
    def parts(self) -> tuple[QWidget, ...]:
        """What is shown."""
        return tuple(self._parts)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if event.size().width() != event.oldSize().width():
            self._place()

    def _place(self) -> None:
        top = 0
        line: list[QWidget] = []
        lines: list[list[QWidget]] = []
        used = 0
        for part in self._parts:
            wide = part.sizeHint().width()
            if line and used + wide > self.width():
                lines.append(line)
                line, used = [], 0
            line.append(part)
            used += wide + _GAP
        for row in [*lines, line]:
            top += self._place_line(row, top) + _GAP
        self.setFixedHeight(max(top - _GAP, 0) if self._parts else 0)
        self.setVisible(bool(self._parts))

    def _place_line(self, parts: Sequence[QWidget], top: int) -> int:
        """Put the parts beside each other, their middles on one line; returns the height that they take."""
        sizes = [part.sizeHint() for part in parts]
        height, left = max((size.height() for size in sizes), default=0), 0
        for part, size in zip(parts, sizes, strict=True):
            part.setGeometry(left, top + (height - size.height()) // 2, size.width(), size.height())
            left += size.width() + _GAP
        return height
