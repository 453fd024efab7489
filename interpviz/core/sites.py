"""What a part of a model is called: `L1H4`, `L1M`, `L0R-`, or its TransformerLens hook name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from interpviz.core.errors import UnknownSite

Kind = Literal["embed", "resid_pre", "head", "heads", "attn_out", "mlp_out", "resid_post"]

_LETTERS: dict[Kind, str] = {"attn_out": "A", "mlp_out": "M", "resid_post": "R", "resid_pre": "R-", "heads": "H"}
_KINDS = {letters: kind for kind, letters in _LETTERS.items()}
_WHOLE: dict[str, Kind] = {f"hook_{kind}": kind for kind in _LETTERS} | {"attn.hook_z": "heads"}
_SHORT = re.compile(r"L(\d+)(H(\d+)|A|M|R-|R|H)")
_HOOK = re.compile(r"blocks\.(\d+)\.(hook_resid_pre|hook_attn_out|hook_mlp_out|hook_resid_post|attn\.hook_z)")


@dataclass(frozen=True, order=True)
class Site:
    """One part of a model. Ordered by layer, then kind, then index; `str` gives the short name back.

    `index` is the head of a `head` site and -1 elsewhere. `head` and `heads` mean the head's output z.
    """

    layer: int
    kind: Kind
    index: int = -1

    @classmethod
    def parse(cls, text: str) -> Site:
        """The site that a short name or a hook name means; raises UnknownSite."""
        if text in ("E", "hook_embed"):
            return EMBED
        if found := _SHORT.fullmatch(text):
            layer, letters, head = found.groups()
            return cls(int(layer), "head", int(head)) if head else cls(int(layer), _KINDS[letters])
        if found := _HOOK.fullmatch(text):
            return cls(int(found[1]), _WHOLE[found[2]])
        raise UnknownSite(text)

    def __str__(self) -> str:
        if self.kind == "embed":
            return "E"
        return f"L{self.layer}H{self.index}" if self.kind == "head" else f"L{self.layer}{_LETTERS[self.kind]}"

    @property
    def hook(self) -> str:
        """The TransformerLens name of the activation that holds this site (a head's is its layer's z)."""
        if self.kind == "embed":
            return "hook_embed"
        name = "attn.hook_z" if self.kind in ("head", "heads") else f"hook_{self.kind}"
        return f"blocks.{self.layer}.{name}"


def short_name(hook: str) -> str:
    """The short name of a recorded activation; its own where it is of a kind that is not known here."""
    try:
        return str(Site.parse(hook))
    except UnknownSite:
        return hook


EMBED = Site(0, "embed")
