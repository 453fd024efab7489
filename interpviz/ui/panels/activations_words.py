"""What the map of features says in words and figures."""

from __future__ import annotations

from interpviz.control.activations import ActivationsPicture
from interpviz.core.features import Ranking
from interpviz.ui.marks import signed
from interpviz.ui.panels.activations_places import NAME, Cell
from interpviz.ui.text import visible

HEADINGS: dict[Ranking, str] = {
    "activation": "max", "quantile": "quantile", "direct": "direct", "ablation": "cut",
}  # fmt: skip


def told(picture: ActivationsPicture, cell: Cell) -> str:
    """What is known of a cell or, in the column of names, of a whole feature."""
    row, column = cell
    one = picture.rows[row]
    name = f"{picture.dictionary}/{one.feature}" + (f" {one.label}" if one.label else "")
    if column == NAME:
        return f"{name}: {_feature_told(picture, row)}"
    token = f"{column} '{visible(picture.tokens.texts[column])}'"
    return f"{name} at {token}: {_cell_told(picture, row, column)}"


def figure(picture: ActivationsPicture, row: int) -> str:
    """What a row is ordered by, as it is shown beside it."""
    value = float(picture.figures[row])
    if value != value:
        return "…" if picture.measuring else "–"
    if picture.ranking == "quantile":
        return f"{value:.0%}"
    return number(value) if picture.ranking == "activation" else signed(value, 3)


def status(picture: ActivationsPicture) -> str:
    """How many features there are."""
    shown, active = len(picture.rows), picture.considered
    many = f"{active:,} features active" if shown == active else f"the {shown:,} strongest of {active:,} active"
    return f"{picture.dictionary}: {many}" + (" · measuring effects …" if picture.measuring else "")


def number(value: float) -> str:
    """An activation with as many digits as stand well under each other."""
    return f"{value:.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def in_cell(value: float) -> str:
    """A value in the few pixels of a cell."""
    return f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def _feature_told(picture: ActivationsPicture, row: int) -> str:
    one = picture.rows[row]
    said = [f"at most {one.strongest:.3g} on this prompt"]
    said += [f"{one.maximum:.3g} in the index"] if one.maximum == one.maximum else []
    said += [f"direct effect at the last token {signed(one.direct, 3)} nats"] if one.direct == one.direct else []
    said += [f"cut everywhere {signed(one.effect, 3)} nats"] if one.effect == one.effect else []
    return ", ".join(said)


def _cell_told(picture: ActivationsPicture, row: int, column: int) -> str:
    value = float(picture.values[row, column])
    if not column:
        return "position 0 is left out"
    if not value:
        return "not active"
    said = [f"{value:.4g}"]
    share = float("nan") if picture.quantiles is None else float(picture.quantiles[row, column])
    said += [f"at or above {share:.0%} of its active tokens in the index"] if share == share else []
    if picture.direct is not None:
        effect = f"{signed(float(picture.direct[row, column]), 3)} nats"
        last = column == picture.values.shape[1] - 1
        said.append(f"direct effect {effect}" if last else f"would add {effect} if written at the last token")
    return ", ".join(said)
