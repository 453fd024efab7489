"""The menus of the window: every act with its words, its keys and its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from interpviz.ui.text import label_text, tooltip

RECENT = 10


@dataclass(frozen=True)
class Entry:
    """One line of a menu. `keys` as Qt writes them; `checked` None where there is nothing to tick."""

    name: str
    text: str
    act: Callable[[], object]
    keys: str = ""
    checked: bool | None = None


def fill(menu: QMenu, entries: Iterable[Entry | None]) -> dict[str, QAction]:
    """Put the entries into the menu (None is a line between) and return their actions by name."""
    actions = {}
    for entry in entries:
        if entry is None:
            menu.addSeparator()
            continue
        action = menu.addAction(label_text(entry.text))
        action.setObjectName(entry.name)
        action.setShortcut(QKeySequence(entry.keys))
        action.setCheckable(entry.checked is not None)
        action.setChecked(bool(entry.checked))
        action.triggered.connect(lambda _=False, act=entry.act: act())
        actions[entry.name] = action
    return actions


def show_recent(menu: QMenu, sources: Iterable[str], open_path: Callable[[str], object]) -> None:
    """List what was opened lately; what is no longer there is grey."""
    menu.clear()
    for source in list(sources)[:RECENT]:
        file = Path(source)
        named = not file.is_absolute()
        action = menu.addAction(label_text(source if named else f"{file.name}  ({file.parent})"))
        action.setToolTip(tooltip(source))
        action.setEnabled(named or file.exists())
        action.triggered.connect(lambda _=False, source=source: open_path(source))
    menu.setEnabled(bool(menu.actions()))


def every_action(bar: QMenuBar) -> list[QAction]:
    """All acts of all menus, in their order, for the palette and the list of shortcuts."""
    found: list[QAction] = []
    waiting = list(bar.actions())
    while waiting:
        action = waiting.pop(0)
        inner = action.menu()
        if isinstance(inner, QMenu):
            waiting = [*inner.actions(), *waiting]
        elif action.text() and not action.isSeparator():
            found.append(action)
    return found
