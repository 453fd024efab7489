"""The demo's own tokenizer, and a mix of a few sentences under it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from resources.demo import corpus

MODEL = Path(corpus.__file__).parent / "model"


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(MODEL / "tokenizer.json"))


@pytest.fixture(scope="session")
def mix(tokenizer: Tokenizer) -> corpus.Mix:
    text = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about a little. " * 8
    tokens = np.array(tokenizer.encode(text, add_special_tokens=False).ids, np.uint16)
    return corpus.Mix(tokenizer, dict.fromkeys(corpus.SOURCES, tokens))
