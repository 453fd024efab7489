"""What the prompt panel is told of its tokens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from interpviz.control.plan import contrast_request, tokens_request
from interpviz.control.prompt import PromptController, PromptPicture, alignment
from interpviz.core.document import Document, Prompt
from interpviz.core.results import Tokens
from tests.control.desks import DOCUMENT
from tests.control.test_panels import picture_of

PATCHED = "so activations cannot be patched position by position."


@pytest.mark.parametrize(
    ("prompt", "contrast", "told"),
    [
        ([0, 5, 6], [0, 5, 6], "Aligned: 0 of 3 tokens differ."),
        ([0, 5, 6], [0, 7, 6], "Aligned: 1 of 3 tokens differs."),
        ([0, 5, 6], [0, 7, 8], "Aligned: 2 of 3 tokens differ."),
        ([0, 5, 6], [0, 5, 7, 6], f"Contrast: 4 tokens against 3; they agree up to token 1, {PATCHED}"),
        ([0, 5, 6], [0, 5, 6, 6], f"Contrast: 4 tokens against 3; they agree up to token 2, {PATCHED}"),
        ([0, 5], [1], f"Contrast: 1 token against 2; they differ from the first, {PATCHED}"),
    ],
)
def test_how_two_prompts_lie_over_each_other_is_told(prompt: list[int], contrast: list[int], told: str):
    assert alignment(np.array(prompt, np.int32), np.array(contrast, np.int32)) == told


def prompt(document: Document) -> PromptPicture:
    answers = {
        tokens_request(document): Tokens(np.array([0, 1], np.int32), ("<bos>", "a")),
        contrast_request(document): Tokens(np.array([0, 2], np.int32), ("<bos>", "b")),
    }
    shown: PromptPicture = picture_of(PromptController, "prompt", answers, document).pictures[-1]
    return shown


def test_a_contrast_is_laid_over_the_prompt():
    assert prompt(replace(DOCUMENT, contrast=Prompt("b"))).alignment == "Aligned: 1 of 2 tokens differs."


def test_without_a_contrast_there_is_nothing_to_align():
    assert prompt(DOCUMENT).alignment == ""
