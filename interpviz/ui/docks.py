"""The panels as docks: each a card that can be moved, floated and closed, and the layout that they start in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, QMargins, QSize, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabBar, QToolButton, QWidget

from interpviz.ui.icons import icon
from interpviz.ui.panel import Panel
from interpviz.ui.text import Label, tooltip
from interpviz.ui.theme import colours_of

Area = Qt.DockWidgetArea
_GAP, _MARGINS = 6, QMargins(12, 6, 6, 4)
# Shares of the window's width and of the height below the prompt, tried at 1400 x 900 and 1600 x 1000.
_TABS = (
    ("outputs", "continuation"),
    ("circuit", "patching", "paths", "feature"),
    ("maps", "activations"),
    ("cloud", "features", "fit", "training"),
)
_COLUMNS = {"components": 26, "circuit": 37, "maps": 37}
_ROWS = {"components": 42, "outputs": 58}
_MIDDLE = {"circuit": 62, "interventions": 38}
_RIGHT = {"maps": 46, "cloud": 54}


class TitleBar(QWidget):
    """The panel's name, its controls, and buttons to float and close it. A drag moves the dock.

    Where all do not fit beside each other, the controls stand below, in as many lines as they need.
    """

    def __init__(self, dock: QDockWidget, panel: Panel[Any], close: Callable[[], None]) -> None:
        super().__init__(dock)
        self.setObjectName("titlebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._icons: dict[QToolButton, str] = {}
        self._title = Label(panel.title, "title")
        self._title.setParent(self)
        self._controls = panel.header
        self._ends = (
            self._button("float", f"Float {panel.title}", lambda: dock.setFloating(not dock.isFloating())),
            self._button("close", f"Close {panel.title}", close),
        )
        self._height = 0
        for control in self._controls:
            hidden = control.isHidden() and control.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide)
            control.setParent(self)
            control.setVisible(not hidden)
        self._paint_icons()
        self._place()

    def sizeHint(self) -> QSize:
        return QSize(self._wide([self._title, *self._shown(), *self._ends]), self._height)

    def minimumSizeHint(self) -> QSize:
        lines = [[self._title, *self._ends], *([one] for one in self._shown())]
        return QSize(max(self._wide(line) for line in lines), self._height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # a control came, went, or grew
            self._place()
            self.updateGeometry()
        return super().event(event)

    def _shown(self) -> list[QWidget]:
        return [control for control in self._controls if not control.isHidden()]

    def _wide(self, parts: Sequence[QWidget]) -> int:
        """The width of parts beside each other."""
        return sum(_size(part).width() + _GAP for part in parts) - _GAP + _MARGINS.left() + _MARGINS.right()

    def _place(self) -> None:
        controls = self._shown()
        one_line = self._wide([self._title, *controls, *self._ends]) <= max(self.width(), 1) or not controls
        first = [*(controls if one_line else ()), *self._ends]
        below: list[list[QWidget]] = []
        for control in () if one_line else controls:
            if not below or self._wide([*below[-1], control]) > self.width():
                below.append([])
            below[-1].append(control)
        room = self.rect().marginsRemoved(_MARGINS)
        bottom = _lined_up([self._title, *first], room.left(), room.top())
        shift = room.right() + 1 - self._ends[-1].geometry().right() - 1
        for part in first:
            part.move(part.x() + shift, part.y())
        for line in below:
            bottom = _lined_up(line, room.left(), bottom + _GAP)
        if self._height != (height := bottom + _MARGINS.bottom()):
            self._height = height
            self.updateGeometry()

    def _button(self, name: str, does: str, act: Callable[[], None]) -> QToolButton:
        one = QToolButton(self)
        one.setProperty("role", "quiet")
        one.setAccessibleName(does)
        one.setToolTip(tooltip(does))
        one.clicked.connect(lambda: act())
        self._icons[one] = name
        return one

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._paint_icons()

    def _paint_icons(self) -> None:
        for one, name in self._icons.items():
            one.setIcon(icon(name, colours_of(self).muted))


class Dock(QDockWidget):
    """One panel in its frame."""

    def __init__(self, panel: Panel[Any], close: Callable[[], None]) -> None:
        super().__init__(panel.title)
        self.setObjectName(f"dock-{panel.name}")
        self.setWidget(panel)
        self.setTitleBarWidget(TitleBar(self, panel, close))


class Board(QMainWindow):
    """Holds all docks, by panel name; `closed(name)` is called when the user closes one."""

    def __init__(self, panels: Mapping[str, Panel[Any]], closed: Callable[[str], None]) -> None:
        super().__init__(None, Qt.WindowType.Widget)
        self.setContentsMargins(8, 4, 8, 4)
        self.setDockNestingEnabled(True)
        self.setAnimated(False)
        self._docks = {name: Dock(panel, partial(closed, name)) for name, panel in panels.items()}
        self._shared_out = False
        self._place()

    def dock(self, name: str) -> Dock:
        """The dock of a panel."""
        return self._docks[name]

    def show_panels(self, names: frozenset[str]) -> None:
        """Open exactly these."""
        for name, dock in self._docks.items():
            if dock.isHidden() == (name in names):
                dock.setVisible(name in names)

    def raise_first(self) -> None:
        """Bring the first panel of each stack of tabs to the front."""
        for front, *_ in _TABS:
            self._docks[front].raise_()

    def start_over(self) -> None:
        """Return to the layout that they started in; which of them are open stays."""
        shown = frozenset(name for name, dock in self._docks.items() if not dock.isHidden())
        for dock in self._docks.values():
            dock.setFloating(False)
            self.removeDockWidget(dock)
        self._place()
        self.show_panels(shown)
        self._share_out()

    def restore(self, state: QByteArray) -> None:
        """Return to a layout that `saveState` gave; nonsense changes nothing. Docks it did not know stand as tabs."""
        if not self.restoreState(state):
            return
        self._shared_out = True
        for front, *behind in _TABS:
            new = [name for name in behind if not _knows(state, f"dock-{name}")]
            for name in new:
                self.tabifyDockWidget(self._docks[front], self._docks[name])
            if new:
                self._docks[front].raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._shared_out and self.isVisible():
            self._shared_out = True
            self._share_out()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._shared_out:
            self._shared_out = True
            self._share_out()

    def _share_out(self) -> None:
        """Give each its share of the window as it is now."""
        height = max(self.height() - self._docks["prompt"].sizeHint().height(), 200)
        for shares, whole, way in (
            (_COLUMNS, self.width(), Qt.Orientation.Horizontal),
            (_ROWS, height, Qt.Orientation.Vertical),
            (_MIDDLE, height, Qt.Orientation.Vertical),
            (_RIGHT, height, Qt.Orientation.Vertical),
        ):
            docks = [self._docks[name] for name in shares]
            self.resizeDocks(docks, [share * whole // 100 for share in shares.values()], way)

    def _place(self) -> None:
        docks = self._docks
        self.addDockWidget(Area.TopDockWidgetArea, docks["prompt"])
        self.splitDockWidget(docks["prompt"], docks["components"], Qt.Orientation.Vertical)
        self.splitDockWidget(docks["components"], docks["circuit"], Qt.Orientation.Horizontal)
        self.splitDockWidget(docks["circuit"], docks["maps"], Qt.Orientation.Horizontal)
        self.splitDockWidget(docks["components"], docks["outputs"], Qt.Orientation.Vertical)
        self.splitDockWidget(docks["circuit"], docks["interventions"], Qt.Orientation.Vertical)
        self.splitDockWidget(docks["maps"], docks["cloud"], Qt.Orientation.Vertical)
        for front, *behind in _TABS:
            for name in behind:
                self.tabifyDockWidget(docks[front], docks[name])
        self._hide_strays()
        self.raise_first()

    def _hide_strays(self) -> None:
        """Qt makes bars of tabs that it then forgets: they would lie over whatever comes to stand there.

        The bar that it knows follows the title of a dock; a stray does not.
        """
        for front, *_ in _TABS:
            dock, title = self._docks[front], self._docks[front].windowTitle()
            dock.setWindowTitle("")
            for bar in self.findChildren(QTabBar):
                if bar.count() and bar.tabText(0) == title:
                    bar.hide()
            dock.setWindowTitle(title)


def _size(part: QWidget) -> QSize:
    """How large it is in a line."""
    return part.sizeHint().expandedTo(part.minimumSize()).boundedTo(part.maximumSize())


def _lined_up(parts: Sequence[QWidget], left: int, top: int) -> int:
    """Put parts beside each other, their middles on one line; returns where that ends below."""
    sizes = [_size(part) for part in parts]
    height = max(size.height() for size in sizes)
    for part, size in zip(parts, sizes, strict=True):
        part.setGeometry(left, top + (height - size.height()) // 2, size.width(), size.height())
        left += size.width() + _GAP
    return top + height


def _knows(state: QByteArray, name: str) -> bool:
    """Whether a layout tells where this dock is: names stand in it as QDataStream writes them."""
    written = name.encode("utf-16-be")
    return len(written).to_bytes(4, "big") + written in state.data()
