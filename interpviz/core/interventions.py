"""One edit of a run, as data and as text: `L1H4`, `L1H4:mean@3`, `L1N37:clamp:2.5`, `L1R:add:4:refusal.npy`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, get_args

from interpviz.core.errors import InterpvizError
from interpviz.core.sites import Kind, Site

Mode = Literal["zero", "mean", "resample", "scale", "add", "clamp", "patch"]
MODES: tuple[Mode, ...] = get_args(Mode)
VALUED: tuple[Mode, ...] = ("scale", "add", "clamp")
LARGEST = 1e30
LONGEST_DIRECTION = 4096
REPLACING: tuple[Mode, ...] = ("zero", "mean", "patch")
"""Those that put one known activation in the place of another: what an estimate, a path or a repair starts from."""
REFERENCED: tuple[Mode, ...] = ("mean", "resample")

_GRAMMAR = "SITE[:mode[:value[:direction]]][@positions]"
_TEXT = re.compile(
    r"(?P<site>[^:@]+)(:(?P<mode>[a-z]*)(:(?P<value>[^:@]*)(:(?P<direction>.+?))?)?)?"
    r"(@(?P<positions>-?\d{1,9}(-\d{1,9})?(,-?\d{1,9}(-\d{1,9})?)*))?"
)
_SCALARS: tuple[Kind, ...] = ("neuron", "feature")
_CLAMPED: tuple[Kind, ...] = ("neuron", "feature", "edge")


@dataclass(frozen=True)
class Intervention:
    """One edit of a run. `positions` None means all; they count the tokens, BOS included; negative from the end.

    `value` is the factor of scale, the strength of add and the activation of clamp, and None for the other modes.
    `direction` is what add adds `value` times, as it is, not normalised: a `.npy` or `.safetensors` file, or
    `NAME/123` for a feature's decoder row; a neuron or a feature needs none.

    Raises InterpvizError where these contradict each other.
    """

    site: Site
    mode: Mode = "zero"
    value: float | None = None
    direction: str = ""
    positions: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if problem := self._problem():
            raise InterpvizError(problem)

    @classmethod
    def parse(cls, text: str) -> Intervention:
        """The edit that `SITE[:mode[:value[:direction]]][@positions]` means; raises InterpvizError for no such text."""
        found = _TEXT.fullmatch(text)
        if not found:
            raise InterpvizError(f"'{text}' is no intervention. Write {_GRAMMAR}, for instance L1H4:zero@2-5.")
        mode = found["mode"] if found["mode"] is not None else "zero"
        if mode not in MODES:
            raise InterpvizError(f"'{mode}' in '{text}' is no mode. Use {', '.join(MODES[:-1])} or {MODES[-1]}.")
        site, positions = Site.parse(found["site"]), _positions(found["positions"], text)
        return cls(site, mode, _number(found["value"], text), found["direction"] or "", positions)

    def __str__(self) -> str:
        value = "" if self.value is None else f":{self.value!r}".removesuffix(".0")
        direction = f":{self.direction}" if self.direction else ""
        at = "" if self.positions is None else "@" + _span(self.positions)
        return f"{self.site}:{self.mode}{value}{direction}{at}"

    def _problem(self) -> str:
        """A sentence that says why this edit has no meaning; empty where it has one."""
        kind, mode = self.site.kind, self.mode
        if mode in VALUED and self.value is None:
            return f"{mode} needs a value. Write {self.site}:{mode}:2.5, for instance."
        if self.value is not None and (mode not in VALUED or not math.isfinite(self.value)):
            number = math.isfinite(self.value)
            return f"{mode} takes no value. Leave it out." if number else f"{self.value} is no strength. Give a number."
        if self.value is not None and abs(self.value) > LARGEST:
            return f"{self.value} is more than a model's numbers hold. Give at most {LARGEST:g}."
        if len(self.direction) > LONGEST_DIRECTION or any("\ud800" <= letter <= "\udfff" for letter in self.direction):
            return "The direction's name is too long, or holds half a character. Give the file another name."
        if mode == "clamp" and kind not in _CLAMPED:
            return f"clamp sets a neuron, a feature or an attention edge, and {self.site} is none. Use scale or add."
        if kind == "edge" and mode in (*REFERENCED, "add"):
            return f"{mode} has no meaning for one attention edge. Use zero, scale, clamp or patch."
        if kind == "edge" and self.positions is not None:
            return f"{self.site} already says from where to where. Leave @ out."
        return self._problem_of_direction()

    def _problem_of_direction(self) -> str:
        scalar = self.site.kind in _SCALARS
        if self.direction and (self.mode != "add" or scalar):
            return f"{self.site}:{self.mode} takes no direction. Leave it out."
        if self.mode == "add" and not scalar and not self.direction:
            return f"add needs a direction. Write {self.site}:add:4:refusal.npy, or NAME/123 in place of the file."
        return ""


def _number(text: str | None, whole: str) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise InterpvizError(f"'{text}' in '{whole}' is no number. Write L1H4:scale:0.5, for instance.") from None


def _positions(stated: str | None, text: str) -> tuple[int, ...] | None:
    return None if stated is None else tuple(sorted({at for part in stated.split(",") for at in _range(part, text)}))


def _range(part: str, text: str) -> range:
    first, last = re.fullmatch(r"(-?\d+)(?:-(\d+))?", part).groups()  # type: ignore[union-attr]
    start = int(first)
    stop = int(last) if last is not None else start
    if (start < 0 and last is not None) or stop < start:
        raise InterpvizError(f"The positions in '{text}' run backwards. Write @2-5, @3 or @-1.")
    if stop - start >= 1_000_000:
        raise InterpvizError(f"'{text}' names over a million positions. Name those of the prompt, or leave @ out.")
    return range(start, stop + 1)


def _span(positions: tuple[int, ...]) -> str:
    """`2-5,7`: numbers from 0 that follow each other as one range."""
    runs = groupby(enumerate(positions), key=lambda at: at[1] - at[0] if at[1] >= 0 else (at[0],))
    ends = ([at for _, at in run] for _, run in runs)
    return ",".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in ends)
