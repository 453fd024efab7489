"""Text to tokens and back: prompts, target tokens, the vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from interpviz.core.document import ModelFacts, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.results import Target, Tokens, Vocabulary


def tokens(tokenizer: Any, model: ModelFacts, bos: int | None, prompt: Prompt) -> Tokens:
    """The prompt's tokens, as TransformerLens cuts it: `bos`, if any, then the text. A cached context is taken as is.

    Raises InterpvizError for a prompt without tokens, for one longer than the model's context, and for ids that the
    model has not.
    """
    ids = list(prompt.tokens) if prompt.tokens is not None else encoded(tokenizer, prompt.text)
    if not ids:
        raise InterpvizError("The prompt is empty. Type what the model should continue.")
    if bos is not None and prompt.tokens is None:
        ids.insert(0, bos)
    if len(ids) > model.context:
        raise InterpvizError(
            f"The prompt has {len(ids)} tokens, but {model.name} reads at most {model.context}. Shorten it."
        )
    if not all(0 <= token < model.vocab for token in ids):
        raise InterpvizError(f"The prompt has tokens that {model.name} does not know. Open the model that they are of.")
    return Tokens(np.array(ids, np.int32), tuple(text_of(tokenizer, token) for token in ids))


def target(tokenizer: Any, model: ModelFacts, target: str, distractor: str = "") -> Target:
    """The ids of a target and of a distractor, which may be empty.

    Raises InterpvizError where one is not exactly one token, naming its pieces, or where the model has no logit for it.
    """
    if not target:
        raise InterpvizError("There is no target. Give the token whose logit is followed, such as ' Mary'.")
    return Target(_single(tokenizer, model, target), _single(tokenizer, model, distractor) if distractor else None)


def vocabulary(tokenizer: Any, model: ModelFacts) -> Vocabulary:
    """The text of every id that the model has a logit for; `<id>` where the tokenizer has none (padding rows)."""
    known = len(tokenizer)
    texts = tokenizer.batch_decode([[token] for token in range(min(known, model.vocab))], **_EXACTLY)
    return Vocabulary((*texts, *(f"<{token}>" for token in range(known, model.vocab))))


def encoded(tokenizer: Any, text: str) -> list[int]:
    """The ids of the text alone: no BOS, no EOS. Raises InterpvizError for half a character, as a paste can bring."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InterpvizError("The text holds half a character, which no tokenizer knows. Type that place again.")
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def text_of(tokenizer: Any, token: int) -> str:
    """The text of one token, decoded alone."""
    return str(tokenizer.decode([token], **_EXACTLY))


_EXACTLY = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}


def _single(tokenizer: Any, model: ModelFacts, text: str) -> int:
    ids = encoded(tokenizer, text)
    if len(ids) != 1:
        pieces = " and ".join(repr(text_of(tokenizer, token)) for token in ids)
        raise InterpvizError(f"{text!r} is {len(ids)} tokens, {pieces}. Give one token, with its leading space if any.")
    if ids[0] >= model.vocab:
        raise InterpvizError(f"{model.name} has no logit for {text!r}. Give another token.")
    return ids[0]
