"""What an edit can become: other modes, values and positions, from what is picked and typed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from operator import attrgetter
from typing import Any

from interpviz.core.errors import InterpvizError
from interpviz.core.interventions import MODES, Intervention, Mode
from interpviz.core.sites import Kind, Site

NEW_VALUES: dict[Mode, float] = {"scale": 0.5, "add": 1.0, "clamp": 1.0}

_BY_SITE = attrgetter("layer", "kind", "index", "query", "key", "dictionary")
_ANY_DIRECTION = "NAME/0"


def in_order(edits: Iterable[Intervention]) -> tuple[Intervention, ...]:
    """The edits by site, then by position."""
    return tuple(sorted(edits, key=_place))


@cache
def modes_of(kind: Kind) -> tuple[tuple[Mode, ...], bool]:
    """The modes that have meaning at sites of this kind, and whether add needs a direction there."""
    alone, pointed = ({mode for mode in MODES if _has_meaning(kind, mode, way)} for way in ("", _ANY_DIRECTION))
    return tuple(mode for mode in MODES if mode in alone | pointed), "add" in pointed


def with_mode(edit: Intervention, mode: Mode, direction: str = "") -> Intervention:
    """The edit with another mode, at a middling value where the mode needs a new one; raises InterpvizError."""
    value = edit.value if mode == edit.mode else NEW_VALUES.get(mode)
    return Intervention(edit.site, mode, value, direction, edit.positions)


def with_value(edit: Intervention, text: str) -> Intervention:
    """The edit with the number that was typed; raises InterpvizError where it is none."""
    try:
        value = float(text.strip().replace("−", "-"))
    except ValueError:
        raise InterpvizError(f"'{text[:40]}' is no number. Type one such as 0.5 or -2.") from None
    return replace(edit, value=value)


def with_positions(edit: Intervention, text: str) -> Intervention:
    """The edit at the positions that were typed, `2-5,7`; an empty text means all. Raises InterpvizError."""
    stated = "".join(text.split()).removeprefix("@")
    return replace(edit, positions=Intervention.parse(f"{edit.site}@{stated}").positions if stated else None)


def positions_text(edit: Intervention) -> str:
    """The positions of an edit as they are typed; empty for all."""
    if edit.positions is None:
        return ""
    return str(Intervention(edit.site, positions=edit.positions)).rpartition("@")[2]


def _has_meaning(kind: Kind, mode: Mode, direction: str) -> bool:
    try:
        Intervention(Site(0, kind), mode, NEW_VALUES.get(mode), direction)
    except InterpvizError:
        return False
    return True


def _place(edit: Intervention) -> tuple[Any, ...]:
    """By what an edit is sorted: plain values, since comparing sites costs 3 us each."""
    mode = MODES.index(edit.mode)
    return (*_BY_SITE(edit.site), edit.positions or (), mode, edit.direction, edit.value or 0.0)
