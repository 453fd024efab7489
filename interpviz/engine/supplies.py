"""What edits draw from: means, samples of other documents, the contrast prompt, directions and dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from interpviz.core.document import Prompt, Sources
from interpviz.core.errors import InterpvizError
from interpviz.engine.blocks import Hook
from interpviz.engine.dictionaries import SAE, direction
from interpviz.engine.lens import Model
from interpviz.engine.parts import per_part
from interpviz.engine.reference import AnyReference, Encode, MeanActivation, SampledActivation


class Supply(Protocol):
    """Hands over what an edit puts in the place of an activation; heads have an axis of their own."""

    def mean(self, hook: str) -> MeanActivation: ...

    def sample(self, hook: str, draw: int) -> SampledActivation: ...

    def contrast(self, hook: str) -> Tensor: ...

    def direction(self, text: str) -> Tensor: ...

    def dictionary(self, name: str) -> SAE: ...

    def feature_mean(self, name: str, encode: Encode) -> MeanActivation: ...


class Supplies:
    """The supply of one prompt's runs under some sources."""

    def __init__(
        self,
        model: Model,
        sources: Sources,
        length: int,
        reference: Callable[[str], AnyReference],
        dictionary: Callable[[str], SAE],
    ) -> None:
        """`length` is the prompt's in tokens; `reference(hook)` and `dictionary(name)` find what was loaded."""
        self._model, self._sources, self._length = model, sources, length
        self._reference, self._dictionary = reference, dictionary
        self._contrast: dict[str, Tensor] = {}
        self.used: AnyReference | None = None

    def mean(self, hook: str) -> MeanActivation:
        """The mean of an activation over the reference."""
        return self._used(hook).mean(hook)

    def sample(self, hook: str, draw: int) -> SampledActivation:
        """The activation in the document of a draw."""
        return self._used(hook).sample(hook, self._sources.seed, draw)

    def contrast(self, hook: str) -> Tensor:
        """The activation (pos, ...) in the contrast prompt's run; a pattern's is (1, head, query, key).

        Raises InterpvizError without a contrast, or where it has another number of tokens.
        """
        if hook not in self._contrast:
            self._contrast[hook] = self._run(aligned(self._model, self._sources.contrast, self._length), hook)
        return self._contrast[hook]

    def direction(self, text: str) -> Tensor:
        """The vector (width,) that a file or a feature's name means."""
        return direction(text, self.dictionary)

    def dictionary(self, name: str) -> SAE:
        """The dictionary of this name; raises InterpvizError where the run was not given it."""
        return self._dictionary(name)

    def feature_mean(self, name: str, encode: Encode) -> MeanActivation:
        """The mean over the reference of what `encode` makes of the dictionary's activation."""
        hook = self.dictionary(name).facts.hook
        return self._used(hook).feature_mean(hook, encode)

    def _used(self, hook: str) -> AnyReference:
        self.used = self._reference(hook)
        return self.used

    def _run(self, contrast: Prompt, hook: str) -> Tensor:
        seen: list[Tensor] = []

        def keep(activation: Tensor) -> None:
            part = per_part(activation, hook, self._model.facts)
            seen.append((part if hook.endswith("hook_pattern") else part[0]).clone())

        hooks: dict[str, Hook] = {hook: keep}
        self._model.forward(self._model.ids(self._model.tokens(contrast)), hooks)
        return seen[0]


def aligned(model: Model, contrast: Prompt | None, length: int) -> Prompt:
    """The contrast prompt, if it has as many tokens as the prompt; raises InterpvizError for none or another length."""
    if contrast is None:
        raise InterpvizError("There is no contrast prompt to patch from. Give one of as many tokens as the prompt.")
    other = len(model.tokens(contrast).ids)
    if other != length:
        raise InterpvizError(
            f"The contrast prompt has {other} tokens and the prompt {length}, so patch cannot align them. "
            "Make them equally long."
        )
    return contrast
