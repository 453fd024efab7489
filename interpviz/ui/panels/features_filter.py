"""The line in which features are filtered: what is typed is taken as soon as it is an expression, and Esc clears it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit

from interpviz.core import feature_filter
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_commands import LONGEST_FILTER
from interpviz.ui.panel import Act
from interpviz.ui.text import tooltip

LANGUAGE = """density < 1% and maximum > 3
feature in 10..200
label ~ "dog" or top_token = " dog"
bookmarked and not noted
dog   (a lone word: in the label or the top token)

Figures: feature, density, maximum, score, effect, with < <= > >= = != in
Texts: label, top_token, note, with ~ (contains) !~ = !=
Marks: bookmarked, noted. Join by and, or, not and parentheses. Esc clears."""


class FilterField(QLineEdit):
    """Shows the document's filter. `refused(sentence)` says what is wrong with what was entered; empty: nothing."""

    refused = Signal(str)

    def __init__(self, act: Act) -> None:
        super().__init__(placeholderText="Filter, for instance density < 1%", maxLength=LONGEST_FILTER)
        self._act = act
        self._typing = object()
        self.setAccessibleName("Filter the features")
        self.setToolTip(tooltip(LANGUAGE))
        self.textEdited.connect(lambda _: self._try())

    def offer(self, text: str) -> None:
        """Show this filter, unless another is being typed."""
        if not self.isModified() and text != self.text():
            self.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take()
        elif event.key() == Qt.Key.Key_Escape:
            self.clear()
            self._take()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._typing = object()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if self.isModified():
            self._take()

    def _try(self) -> None:
        """Half an expression narrows nothing yet, and is no mistake either."""
        if not _wrong(self.text()):
            self.refused.emit("")
            self._act("features.filter", self.text(), merge=self._typing)

    def _take(self) -> None:
        wrong = _wrong(self.text())
        self.refused.emit(wrong)
        if not wrong:
            self.setModified(False)
            self._act("features.filter", self.text(), merge=self._typing)


def _wrong(text: str) -> str:
    """What is wrong with an expression; empty where nothing is."""
    try:
        feature_filter.parse(text)
    except InterpvizError as error:
        return str(error)
    return ""
