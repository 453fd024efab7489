"""A supply of nothing: for edits that draw from nothing."""

from __future__ import annotations

from typing import NoReturn


class NoSupply:
    """Refuses whatever it is asked for."""

    def mean(self, hook: str) -> NoReturn:
        raise AssertionError(f"no edit asked for the mean of {hook}")

    def sample(self, hook: str, draw: int) -> NoReturn:
        raise AssertionError(f"no edit asked for draw {draw} of {hook}")

    def contrast(self, hook: str) -> NoReturn:
        raise AssertionError(f"no edit asked for the contrast's {hook}")

    def direction(self, text: str) -> NoReturn:
        raise AssertionError(f"no edit asked for {text}")

    def dictionary(self, name: str) -> NoReturn:
        raise AssertionError(f"no edit asked for {name}")

    def feature_mean(self, name: str, encode: object) -> NoReturn:
        raise AssertionError(f"no edit asked for a mean of {name}")
