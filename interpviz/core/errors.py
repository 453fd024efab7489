"""Mistakes that end in one sentence for the person at the screen."""

from __future__ import annotations


class InterpvizError(Exception):
    """What a user can cause: the text says what is the matter, then what to do."""


class Cancelled(Exception):
    """The work was stopped because nobody wants its answer any more."""


def shown(text: str) -> str:
    """A name out of a file as a sentence may hold it: short, and without line ends, controls or turned directions."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text[:80])


class UnknownSite(InterpvizError):
    """The text names no part of a model."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"'{text}' names no part of a model. Write L1H4 (head), L1H (all heads), L1Q4, L1K0 or L1V0 (query, key, "
            "value), L1H4[7<3] (attention from token 7 to 3), L1A (attention), L1M (MLP), L1M- (what it reads), "
            "L1N37 (neuron), L1R (residual after layer 1), L0R- (residual entering layer 0), E (embedding), "
            "NAME/123 (feature) or a hook name."
        )


class SiteMissing(InterpvizError):
    """The site is well formed, but the loaded model has no such part."""

    def __init__(self, site: object, model: str, has: str) -> None:
        super().__init__(f"{model} has no {site}: it has {has}. Choose a site inside that.")
