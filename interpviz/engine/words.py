"""The words of a cache, put together from its tokens, and their stems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import snowballstemmer
from numpy.typing import NDArray

from interpviz.core.results import I4, CacheTokens

LONGEST = 40  # letters of a word that is stemmed: scripts without spaces make one word of a whole clause


@dataclass(frozen=True, eq=False)
class Words:
    """Which word each token belongs to, by rows of the cache.

    `stem` (n,) is the number of its word's stem, -1 where it is none of letters; `before` and `after` (n,) those of the
    words that stand next to its own in the same context. `numbers` gives the number of a stem, `stems` by number the
    stem as the stemmer has it ("happi"), `shown` how people read it ("happ-": what its words have in common).
    """

    stem: I4
    before: I4
    after: I4
    numbers: dict[str, int]
    stems: tuple[str, ...]
    shown: tuple[str, ...]


def words(tokens: CacheTokens, follows: NDArray[np.bool_]) -> Words:
    """The words of a cache: tokens that go on with a letter where the one before ended in one make one word.

    `follows` (n,) says which tokens stand in the same context as the row before. Stems are those of the English
    Snowball stemmer, of words in small letters.
    """
    known, code = np.unique(tokens.id, return_inverse=True)
    texts = [tokens.texts.get(number, "") for number in known.tolist()]
    opens = np.array([text[:1].isalpha() for text in texts], bool)[code]
    ends = np.array([text[-1:].isalpha() for text in texts], bool)[code]
    joined = follows & opens
    joined[1:] &= ends[:-1]
    first = np.flatnonzero(~joined)
    length = np.diff(first, append=len(code))
    numbers = _Stems()
    of_token = np.array([numbers.of(text) for text in texts], np.int32)
    of_word = of_token[code[first]]
    several = length > 1
    spans = zip(first[several].tolist(), length[several].tolist(), strict=True)
    of_word[several] = list(_of_spans(code.tolist(), texts, spans, numbers))
    return _placed(of_word, first, length, follows, numbers)


class _Stems:
    """Stems by number, in the order in which they were first asked for."""

    def __init__(self) -> None:
        self._stemmer = snowballstemmer.stemmer("english")
        self.numbers: dict[str, int] = {}
        self._forms: dict[int, set[str]] = defaultdict(set)

    def of(self, text: str) -> int:
        """The number of a word's stem; -1 for what is no word."""
        word = text.strip().casefold()
        if not word.isalpha() or len(word) > LONGEST:
            return -1
        number = self.numbers.setdefault(self._stemmer.stemWord(word), len(self.numbers))
        self._forms[number].add(word)
        return number

    def shown(self) -> tuple[str, ...]:
        return tuple(self._read(stem, self._forms[number]) for stem, number in self.numbers.items())

    @staticmethod
    def _read(stem: str, forms: set[str]) -> str:
        low, high = min(forms), max(forms)  # what these two begin with, all between them do
        common = low[: next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))]
        return common if len(forms) == 1 else f"{common if len(common) > 1 else stem}-"


def _of_spans(code: list[int], texts: list[str], spans: Iterator[tuple[int, int]], numbers: _Stems) -> Iterator[int]:
    """The stem of each word of several tokens; the same tokens are put together once."""
    seen: dict[tuple[int, ...], int] = {}
    for start, length in spans:
        if length > LONGEST:
            yield -1
            continue
        key = tuple(code[start : start + length])
        if key not in seen:
            seen[key] = numbers.of("".join(texts[number] for number in key))
        yield seen[key]


def _placed(
    of_word: NDArray[np.int32],
    first: NDArray[np.intp],
    length: NDArray[np.intp],
    follows: NDArray[np.bool_],
    stems: _Stems,
) -> Words:
    """What is known of each word, told of each of its tokens."""
    linked = follows[first]  # the word goes on the context of the one before it
    before, after = np.full_like(of_word, -1), np.full_like(of_word, -1)
    before[1:] = np.where(linked[1:], of_word[:-1], -1)
    after[:-1] = np.where(linked[1:], of_word[1:], -1)
    stem, before, after = (np.repeat(one, length) for one in (of_word, before, after))
    return Words(stem, before, after, stems.numbers, tuple(stems.numbers), stems.shown())
