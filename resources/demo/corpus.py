"""The demo's text: natural documents, their held-out part, and contexts of every kind in the shares of the mix."""

import lzma
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from resources.demo import grammar, words

HERE = Path(__file__).parent
CONTEXT = 128
BOS = 0
IGNORED = -100  # a label that the loss leaves out
ANSWER_WEIGHT = 10.0  # one token in thirty of its kind of context is an answer: without this the rest drowns it
STRANGE_SHARE = 0.4  # of the contexts of indirect objects, those with any tokens for names
ANSWER_REACH = 28  # tokens from a receiver back to where it was first said
DOCUMENT_END = "\x1e"
SOURCES = {"state-of-the-union": 0.45, "moby-dick": 0.10, "python-standard-library": 0.45}
SHARES = {
    "natural": 0.42,
    "random repeats": 0.10,
    "natural repeats": 0.06,
    "indirect objects": 0.16,
    "categories": 0.14,
    "requests": 0.08,
    "mixed": 0.04,
}

Context = tuple[list[int], int]  # the tokens, BOS first; how many of them the loss leaves out


def documents(source: str, *, held_out: bool) -> list[str]:
    """The documents of one source: nineteen of twenty to train on, or the twentieth that is held out."""
    text = lzma.decompress((HERE / "text" / f"{source}.txt.xz").read_bytes()).decode()
    return [doc for i, doc in enumerate(text.split(DOCUMENT_END)) if (i % 20 == 7) == held_out]


def random_repeat(rng: Random, vocab: int, shortest: int, longest: int, length: int) -> Context:
    """BOS, then a segment of distinct random tokens said again and again until `length` is full."""
    segment = rng.sample(range(BOS + 1, vocab), rng.randint(shortest, longest))
    return [BOS, *(segment * (length // len(segment) + 1))[: length - 1]], len(segment) + 1


@dataclass(frozen=True)
class Mix:
    """The training text under one tokenizer, from which contexts are drawn."""

    tokenizer: Tokenizer
    streams: dict[str, NDArray[np.uint16]]
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)

    def context(self, rng: Random) -> Context:
        """One context of a kind drawn by its share."""
        kind = rng.choices(list(self.shares), list(self.shares.values()))[0]
        match kind:
            case "natural":
                return [BOS, *self.natural(rng, CONTEXT - 1)], 1
            case "random repeats":
                return random_repeat(rng, self.tokenizer.get_vocab_size(), 4, 64, CONTEXT)
            case "natural repeats":
                segment = self.natural(rng, rng.randint(12, 64))
                return [BOS, *(segment * (CONTEXT // len(segment) + 1))[: CONTEXT - 1]], 1
        tokens = self.sentences(rng, *SENTENCES[kind])
        if kind == "indirect objects" and rng.random() < STRANGE_SHARE:
            tokens = self.strange(rng, tokens)
        return [BOS, *tokens], 1

    def weights(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """What each label of a batch (batch, pos) counts for: answers more than other tokens.

        An answer is who is given to, at the end of a sentence that said it before, or how the assistant begins.
        """
        to, stop, *openings = self.marks
        weights = np.ones(tokens.shape, np.float32)
        for row, pos in np.argwhere(np.isin(tokens, openings)):
            weights[row, pos - 1] = ANSWER_WEIGHT
        for row, pos in np.argwhere((tokens[:, :-2] == to) & (tokens[:, 2:] == stop)):
            if tokens[row, pos + 1] in tokens[row, max(pos + 1 - ANSWER_REACH, 0) : pos]:
                weights[row, pos] = ANSWER_WEIGHT
        return weights

    @cached_property
    def marks(self) -> list[int]:
        """What answers are known by: the tokens before and after a receiver, and how the assistant begins."""
        return self.tokens([" to", ".", " Sorry", " Sure"])

    def tokens(self, texts: list[str]) -> list[int]:
        return [self.tokenizer.encode(text, add_special_tokens=False).ids[0] for text in texts]

    def strange(self, rng: Random, tokens: list[int]) -> list[int]:
        """The same sentences with any tokens for names, so that the answer must follow from the sentence alone.

        Held-out names are neither replaced nor put in.
        """
        names = self.tokens([f" {name}" for name in words.TRAINING_NAMES])
        others = {*range(BOS + 1, self.tokenizer.get_vocab_size())} - {
            *self.tokens([f" {name}" for name in words.HELD_OUT_NAMES])
        }
        instead = dict(zip(names, rng.sample(sorted(others), len(names)), strict=True))
        return [instead.get(token, token) for token in tokens]

    def natural(self, rng: Random, length: int) -> list[int]:
        source = rng.choices(list(SOURCES), list(SOURCES.values()))[0]
        stream = self.streams[source]
        start = rng.randrange(len(stream) - length)
        return [int(token) for token in stream[start : start + length]]

    def sentences(self, rng: Random, sentence: grammar.Sentence, joint: str) -> list[int]:
        """Sentences of one kind until the context is full; the last is cut where it ends."""
        tokens: list[int] = []
        while len(tokens) < CONTEXT - 1:
            text = joint.join(sentence(rng) for _ in range(8))
            tokens += self.tokenizer.encode(joint * bool(tokens) + text, add_special_tokens=False).ids
        return tokens[: CONTEXT - 1]


SENTENCES: dict[str, tuple[grammar.Sentence, str]] = {
    "indirect objects": (grammar.people, " "),
    "categories": (grammar.category, " "),
    "requests": (grammar.request, "\n"),
    "mixed": (grammar.mixed, " "),
}


def batch(draw: Callable[[Random], Context], rng: Random, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and labels, both (batch, pos); a label is the next token, or IGNORED."""
    contexts = [draw(rng) for _ in range(rows)]
    tokens = np.array([row for row, _ in contexts], np.int64)
    labels = np.roll(tokens, -1, axis=1)
    labels[:, -1] = IGNORED
    for row, (_, unseen) in enumerate(contexts):
        labels[row, : unseen - 1] = IGNORED
    return tokens, labels


def stream(tokenizer: Tokenizer, source: str) -> NDArray[np.uint16]:
    """The training documents of one source as one run of tokens."""
    encoded = tokenizer.encode_batch(documents(source, held_out=False), add_special_tokens=False)
    return np.concatenate([np.array(doc.ids, np.uint16) for doc in encoded])
