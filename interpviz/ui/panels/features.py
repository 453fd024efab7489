"""The panel of features: a table over all of a dictionary, to filter, to jump in, to be surprised by."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

from interpviz.control.features import FeaturesPicture, Offer
from interpviz.control.notes import BOOKMARKS
from interpviz.ui import files
from interpviz.ui.panel import Act, Panel
from interpviz.ui.panels.features_filter import FilterField
from interpviz.ui.panels.features_table import FeatureTableView
from interpviz.ui.panels.fields import Chooser, EnteredField
from interpviz.ui.text import ElidedLabel, Label, button, label_text, legible, tooltip

_JUMP_WIDTH = 84
_BUTTONS = {"": "", "dictionary": "Open dictionary …", "index": "Build index"}


class FeaturesPanel(Panel[FeaturesPicture | Offer]):
    """Every feature with its figures. What is chosen here is what the page shows."""

    def __init__(self, act: Act) -> None:
        super().__init__("features", "Features", "The features of a dictionary, to sort, filter and choose from.")
        self._act = act
        self._clicks = count(1)
        self.dictionary = Chooser(lambda name: act("features.dictionary", name))
        self.dictionary.name("Dictionary", "Which of the open dictionaries is shown")
        self.jump = EnteredField("Number", self._jump)
        self.jump.name("Jump to a feature", "The number of a feature, then Enter  J")
        self.jump.setFixedWidth(_JUMP_WIDTH)
        self.random = button("Random", "Choose any feature that is ever active  R", self.choose_random)
        self.random.setProperty("role", "small-quiet")
        self.header = [self.dictionary, self.random]
        self.filter = FilterField(act)
        self.filter.refused.connect(self._refuse)
        self.wrong = Label("", "wrong")
        self.wrong.setWordWrap(True)
        self.wrong.hide()
        self.list = Chooser(lambda name: act("features.list", name))
        self.list.name("List", "Show all features, those bookmarked, or those of a list")
        self.table = FeatureTableView(act)
        self.status = ElidedLabel("", "small")
        self.offer = _OfferPage(self._take_offer)
        self._views = QStackedLayout(self.body)
        self._views.addWidget(self._table_page())
        self._views.addWidget(self.offer)

    def present(self, picture: FeaturesPicture | Offer) -> None:
        if isinstance(picture, Offer):
            self._present_offer(picture)
        else:
            self._present_table(picture)

    def choose_random(self) -> None:
        """Choose a feature of those shown that is ever active; each click another."""
        picture = self._shown
        found = picture.random(next(self._clicks)) if isinstance(picture, FeaturesPicture) else None
        if found is not None:
            self._act("feature.choose", found)

    def begin_jump(self) -> None:
        """Let a number be typed."""
        self.jump.setFocus()
        self.jump.selectAll()

    def bookmark(self) -> None:
        """Mark the chosen feature, or take the mark away."""
        picture = self._shown
        if isinstance(picture, FeaturesPicture) and picture.chosen is not None:
            self._act("notes.bookmark", picture.dictionary.sha256, picture.chosen)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = {Qt.Key.Key_B: self.bookmark, Qt.Key.Key_R: self.choose_random, Qt.Key.Key_J: self.begin_jump}
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if plain and event.key() == Qt.Key.Key_Slash:
            self.filter.setFocus()
        elif plain and Qt.Key(event.key()) in keys:
            keys[Qt.Key(event.key())]()
        else:
            super().keyPressEvent(event)

    def _present_table(self, picture: FeaturesPicture) -> None:
        self._offer_dictionaries(picture.dictionaries, picture.dictionary.name)
        self.list.offer(_lists(picture), picture.list)
        self.filter.offer(picture.filter)
        if not self.filter.isModified():
            self._refuse(picture.wrong)
        self.table.show_picture(picture)
        self.status.setText(legible(_status(picture)))
        self._views.setCurrentIndex(0)
        self.setAccessibleDescription(_status(picture))
        self.reveal(picture.problem)

    def _present_offer(self, offer: Offer) -> None:
        self._offer_dictionaries(offer.dictionaries, offer.dictionary)
        self.offer.show_offer(offer)
        self._views.setCurrentIndex(1)
        self.setAccessibleDescription(offer.sentence)
        self.reveal()
        self.random.setEnabled(False)

    def _offer_dictionaries(self, names: tuple[str, ...], shown: str) -> None:
        """One without an index must not be a dead end: another can be chosen."""
        if len(names) > 1:
            self.dictionary.offer([(name, name) for name in names], shown)
        self.dictionary.setVisible(len(names) > 1)

    def _refuse(self, sentence: str) -> None:
        """Say what is wrong with the filter, under it."""
        self.wrong.setText(legible(sentence))
        self.wrong.setVisible(bool(sentence))

    def _take_offer(self) -> None:
        offer = self._shown
        assert isinstance(offer, Offer)
        if offer.job is not None:
            self._act("features.index", offer.job)
        else:
            for path in files.ask(self, "Open a dictionary", files.DICTIONARIES)[:1]:
                self._act("dictionary.open", files.whole(path))

    def _jump(self, text: str) -> bool:
        """To the feature of this number, or of the name that a site has, `sae/123`."""
        number = text.strip().rpartition("/")[2].replace(",", "")
        if not number.isdecimal() or len(number) > 9:
            return False
        self._act("feature.choose", int(number))
        self.jump.setModified(False)
        self.table.setFocus()
        return True

    def _table_page(self) -> QWidget:
        page, top = QWidget(), QHBoxLayout()
        page.setProperty("role", "compact")
        top.setSpacing(6)
        top.addWidget(self.filter, 1)
        top.addWidget(self.list)
        top.addWidget(self.jump)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.wrong)
        column.addWidget(self.table, 1)
        column.addWidget(self.status)
        return page


class _OfferPage(QWidget):
    """Why there is nothing to show, and the button that does something about it."""

    def __init__(self, take: Callable[[], object]) -> None:
        super().__init__()
        self.sentence = Label(role="muted")
        self.sentence.setWordWrap(True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.go = button("", "Do what is offered", take)
        self.go.setProperty("role", "primary")
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 8, 24, 8)
        column.setSpacing(12)
        column.addStretch(1)
        column.addWidget(self.sentence)
        column.addWidget(self.go, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def show_offer(self, offer: Offer) -> None:
        """Say this."""
        self.sentence.setText(legible(offer.sentence))
        self.go.setVisible(bool(offer.does))
        self.go.setText(label_text(_BUTTONS[offer.does]))
        self.go.setAccessibleName(_BUTTONS[offer.does])
        self.go.setToolTip(tooltip(_BUTTONS[offer.does]))


def _lists(picture: FeaturesPicture) -> list[tuple[str, str]]:
    notes = picture.notes
    named = [(name, f"{name} ({len(members):,})") for name, members in notes.lists]
    gone = [(picture.list, f"{picture.list} (0)")] if picture.list not in ("", BOOKMARKS, *dict(notes.lists)) else []
    return [("", "All features"), (BOOKMARKS, f"Bookmarks ({len(notes.bookmarks):,})"), *named, *gone]


def _status(picture: FeaturesPicture) -> str:
    shown, total = len(picture.order), picture.total
    parts = [f"{total:,} features" if shown == total else f"{shown:,} of {total:,} features"]
    parts += [picture.source]
    parts += ["measuring effects …"] if picture.measuring else []
    return " · ".join(parts)
