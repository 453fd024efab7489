"""The panel of features on the prompt: which are active where, what each does, and one of them on another text."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from interpviz.control.activations import ActivationsPicture, ChosenFeature
from interpviz.ui.panel import Act, Panel, Segments
from interpviz.ui.panels.activations_map import ActivationsMap
from interpviz.ui.panels.activations_tried import TriedTokens
from interpviz.ui.panels.activations_words import status
from interpviz.ui.panels.feature_page_edit import FeatureEdit
from interpviz.ui.panels.fields import Chooser, EnteredField
from interpviz.ui.text import ElidedLabel, Label, legible, tooltip

_RANKINGS = (
    ("activation", "Activation", "Order by the largest activation on the prompt"),
    ("quantile", "Quantile", "Order by where activations lie among those in the index"),
    ("direct", "Direct", "Order by the direct effect at the last token, straight to the logits"),
    ("ablation", "Cut", "Order by what cutting the feature everywhere takes from the metric, measured"),
)


class ActivationsPanel(Panel[ActivationsPicture]):
    """The map, and under it the feature that is chosen: edited, and tried on another text."""

    def __init__(self, act: Act) -> None:
        super().__init__("activations", "Features on the prompt", "Which features are active at which token.")
        self._act = act
        self.dictionary = Chooser(lambda name: act("features.dictionary", name))
        self.dictionary.name("Dictionary", "Which of the open dictionaries is shown")
        self.ranking = Segments("Order", _RANKINGS, lambda key: act("features.rank", key))
        self.header = [self.dictionary, self.ranking]
        self.map = ActivationsMap(act)
        self.status = ElidedLabel("", "small")
        self.name_label = ElidedLabel()
        self.edit = FeatureEdit(act, self.reveal)
        self.text = EnteredField("Try another text", self._try)
        self.text.name("Try another text", "A text to see the chosen feature on, then Enter; empty for none")
        self.tried = TriedTokens()
        self.silent = Label("It is not active on this text.", "small")
        self.map.pointed.connect(self._tell)
        self.tried.pointed.connect(self._tell)
        self.chosen = self._chosen_part()
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.map, 1)
        column.addWidget(self.status)
        column.addWidget(self.chosen)

    def present(self, picture: ActivationsPicture) -> None:
        self.dictionary.offer([(name, name) for name in picture.dictionaries], picture.dictionary)
        self.dictionary.setVisible(len(picture.dictionaries) > 1)
        self.ranking.choose(picture.ranking)
        for key, _, does in _RANKINGS:
            one, lacking = self.ranking.button(key), picture.lacking.get(key)  # type: ignore[call-overload]
            one.setEnabled(lacking is None)
            one.setToolTip(tooltip(lacking or does))
        self.map.show_picture(picture)
        self.chosen.setVisible(picture.chosen is not None)
        if picture.chosen is not None:
            self._present_chosen(picture.chosen)
        self._tell("")
        self.setAccessibleDescription(status(picture))
        self.reveal(picture.problem)

    def explain(self, sentence: str) -> None:
        super().explain(sentence)
        self.dictionary.hide()  # it would name the one that was shown before

    def _present_chosen(self, chosen: ChosenFeature) -> None:
        self.name_label.setText(legible(f"{chosen.site}  {chosen.label}"))
        silent = chosen.tried is not None and not chosen.tried.values.any()
        self.silent.setVisible(silent)
        self.edit.show_picture(chosen)
        self.text.offer(chosen.trying)
        self.tried.show_tried(chosen.tried, chosen.maximum)

    def _chosen_part(self) -> QWidget:
        part, first = QWidget(), QHBoxLayout()
        part.setProperty("role", "compact")
        first.setSpacing(8)
        first.addWidget(self.name_label, 1)
        first.addWidget(self.edit, 2)
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(first)
        column.addWidget(self.text)
        column.addWidget(self.tried)
        column.addWidget(self.silent)
        part.hide()
        return part

    def _tell(self, said: str) -> None:
        """What is pointed at, else how many features there are."""
        self.status.setText(legible(said or (status(self._shown) if self._shown is not None else "")))

    def _try(self, text: str) -> bool:
        self.text.setModified(False)
        self._act("feature.try", text.strip())
        return True
