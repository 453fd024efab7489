"""The line that edits a feature: let it be, cut it out, scale it, or hold it at a value, while the outputs move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from PySide6.QtWidgets import QHBoxLayout, QWidget

from interpviz.control.edits import NEW_VALUES, with_value
from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import VALUED, Intervention, Mode
from interpviz.core.sites import Site
from interpviz.ui.panel import Act, Segments
from interpviz.ui.panels.drag_value import DragValue
from interpviz.ui.text import ElidedLabel, legible

_MODES = (
    ("", "As it is", "Let the feature be what the model makes it"),
    ("zero", "Ablate", "Put zero in its place"),
    ("scale", "Scale", "Multiply it by a factor"),
    ("clamp", "Clamp", "Hold it at a value"),
)
_VALUE_WIDTH = 76


class Edited(Protocol):
    """A feature with the edit that is made of it; `maximum` is its largest activation in the index, 0 without one."""

    @property
    def site(self) -> Site: ...

    @property
    def edit(self) -> Intervention | None: ...

    @property
    def editable(self) -> bool: ...

    @property
    def maximum(self) -> float: ...


class FeatureEdit(QWidget):
    """Shows what is made of the feature, and turns clicks and drags into acts."""

    def __init__(self, act: Act, say: Callable[[str], None]) -> None:
        super().__init__()
        self._act, self._say = act, say
        self._picture: Edited | None = None
        self.mode = Segments("Edit", _MODES, self._pick)
        self.value = DragValue(self._set)
        self.value.setFixedWidth(_VALUE_WIDTH)
        self.value.name(
            "Value", "Drag, or press an arrow key: Shift is faster, Ctrl finer. Double-click or Enter to type."
        )
        self.other = ElidedLabel("", "small")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.mode)
        row.addWidget(self.value)
        row.addWidget(self.other, 1)

    def show_picture(self, picture: Edited) -> None:
        """Show the edit of this feature."""
        if self._picture is not None and self._picture.site != picture.site:
            self.value.forget()
        self._picture = picture
        edit, known = picture.edit, {key for key, _, _ in _MODES}
        mode = edit.mode if edit else ""
        for key, _, _ in _MODES:
            self.mode.button(key).setEnabled(picture.editable)
        self.mode.choose(mode if mode in known else "")
        self.other.setText(legible(str(edit)) if edit and mode not in known else "")
        self.value.setVisible(edit is not None and mode in VALUED)
        self.value.offer_value(edit.value or 0.0 if edit else 0.0)
        self.value.setAccessibleName(f"Value of {picture.site}")

    def _pick(self, mode: str) -> None:
        picture = self._picture
        assert picture is not None
        if not mode:
            if picture.edit is not None:
                self._act("intervention.remove", picture.edit)
            return
        value = NEW_VALUES.get(cast(Mode, mode))
        if mode == "clamp" and picture.maximum:
            value = round(picture.maximum, 2)
        positions = picture.edit.positions if picture.edit else None
        self._act("intervention.set", Intervention(picture.site, cast(Mode, mode), value, positions=positions))

    def _set(self, text: str, merge: object) -> bool:
        edit = self._picture.edit if self._picture else None
        if edit is None:
            return False
        try:
            changed = with_value(edit, text)
        except InterpvizError as error:
            self._say(str(error))
            return False
        self._act("intervention.set", changed, merge=merge)
        return True
