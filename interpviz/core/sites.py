"""What a part of a model is called: `L1H4`, `L1M`, `L0R-`, `L1H4[7<3]`, or its TransformerLens hook name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from interpviz.core.errors import InterpvizError, UnknownSite

Kind = Literal[
    "embed",
    "resid_pre",
    "head",
    "heads",
    "query",
    "key",
    "value",
    "edge",
    "attn_out",
    "mlp_in",
    "neuron",
    "mlp_out",
    "resid_post",
    "feature",
]

_WHOLE: dict[Kind, tuple[str, str]] = {
    "attn_out": ("A", "hook_attn_out"),
    "mlp_in": ("M-", "mlp.hook_in"),
    "mlp_out": ("M", "hook_mlp_out"),
    "resid_post": ("R", "hook_resid_post"),
    "resid_pre": ("R-", "hook_resid_pre"),
    "heads": ("H", "attn.hook_z"),
}
_PARTS: dict[Kind, tuple[str, str]] = {
    "head": ("H", "attn.hook_z"),
    "query": ("Q", "attn.hook_q"),
    "key": ("K", "attn.hook_k"),
    "value": ("V", "attn.hook_v"),
    "neuron": ("N", "mlp.hook_post"),
}
_BY_LETTERS = {letters: kind for kind, (letters, _) in _WHOLE.items()}
_BY_LETTER = {letter: kind for kind, (letter, _) in _PARTS.items()}
_BY_HOOK = {hook: kind for kind, (_, hook) in _WHOLE.items()}
_HOOKS = {kind: hook for kind, (_, hook) in (_PARTS | _WHOLE).items()} | {"edge": "attn.hook_pattern"}
_NUMBER = r"(\d{1,9})"
_SHORT = re.compile(rf"L{_NUMBER}(?:(A|M-|M|R-|R|H)|([HQKVN]){_NUMBER}|H{_NUMBER}\[{_NUMBER}<{_NUMBER}\])")
_HOOK = re.compile(
    rf"blocks\.{_NUMBER}\.(hook_resid_pre|hook_attn_out|mlp\.hook_in|hook_mlp_out|hook_resid_post|attn\.hook_z)"
)
ANY_HOOK = re.compile(r"(?:[A-Za-z0-9_]{1,64}\.){0,8}hook_[A-Za-z0-9_]{1,64}")
_FEATURE = re.compile(rf"([^/:@]+)/{_NUMBER}")


@dataclass(frozen=True, order=True)
class Site:
    """One part of a model. Ordered by layer, then kind, then index; `str` gives the short name back.

    `index` is the head of `head`, `query` and `edge`, the key-value head of `key` and `value`, the neuron, or the
    feature; -1 elsewhere. `head` and `heads` mean the head's output z. An `edge` is the attention that its head pays
    from token `query` to token `key`. A `feature` is of the dictionary that it names, which knows its layer: here it
    is -1.
    """

    layer: int
    kind: Kind
    index: int = -1
    query: int = -1
    key: int = -1
    dictionary: str = ""

    @classmethod
    def parse(cls, text: str) -> Site:
        """The site that a short name or a hook name means; raises UnknownSite."""
        if text in ("E", "hook_embed"):
            return EMBED
        if found := _SHORT.fullmatch(text):
            return cls._short(*found.groups())
        if found := _HOOK.fullmatch(text):
            return cls(int(found[1]), _BY_HOOK[found[2]])
        if found := _FEATURE.fullmatch(text):
            return cls(-1, "feature", int(found[2]), dictionary=found[1])
        raise UnknownSite(text)

    @classmethod
    def _short(cls, layer: str, letters: str, letter: str, index: str, head: str, query: str, key: str) -> Site:
        if letters:
            return cls(int(layer), _BY_LETTERS[letters])
        if letter:
            return cls(int(layer), _BY_LETTER[letter], int(index))
        return cls(int(layer), "edge", int(head), int(query), int(key))

    def __str__(self) -> str:
        if self.kind == "embed":
            return "E"
        if self.kind == "feature":
            return f"{self.dictionary}/{self.index}"
        if self.kind == "edge":
            return f"L{self.layer}H{self.index}[{self.query}<{self.key}]"
        if self.kind in _PARTS:
            return f"L{self.layer}{_PARTS[self.kind][0]}{self.index}"
        return f"L{self.layer}{_WHOLE[self.kind][0]}"

    @property
    def hook(self) -> str:
        """The TransformerLens name of the activation that holds this site (a head's is its layer's z).

        Raises ValueError for a feature: its dictionary knows where it is read.
        """
        if self.kind == "embed":
            return "hook_embed"
        if self.kind == "feature":
            raise ValueError(f"{self} is read where its dictionary says")
        return f"blocks.{self.layer}.{_HOOKS[self.kind]}"


def short_name(hook: str) -> str:
    """The short name of a recorded activation; its own where it is of a kind that is not known here."""
    try:
        return str(Site.parse(hook))
    except UnknownSite:
        return hook


def whole_hook(text: str) -> str:
    """The hook name of a whole activation that a short name (`L1R`, `L1H`) or any hook name means.

    Raises InterpvizError for what names none, or a part of one.
    """
    if ANY_HOOK.fullmatch(text):
        return text
    try:
        site = Site.parse(text)
    except UnknownSite as error:
        raise InterpvizError(
            f"'{text}' names no activation. Write L1R, L1A, L1M, L1H, E, a hook name such as blocks.1.hook_resid_post, "
            "or tokens."
        ) from error
    if site.kind not in {"embed", *_WHOLE}:
        raise InterpvizError(f"{text} is a part of an activation or none. Name a whole one, such as L1R or L1H.")
    return site.hook


EMBED = Site(0, "embed")
