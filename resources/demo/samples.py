"""Held-out text to record, measure and average over: one file a kind, documents apart by a blank line."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tokenizers import Tokenizer

from resources.demo import corpus, grammar, words

SEED = 1  # not the seed of training
SHORTEST, LONGEST = 64, 126  # tokens of a document: with BOS it fits a context


def write_samples(tokenizer: Tokenizer, folder: Path) -> None:
    """Write `heldout/KIND.txt`, and `reference.txt`: what mean ablation averages over."""
    (folder / "heldout").mkdir(parents=True, exist_ok=True)
    rng = Random(SEED)
    heldout = natural_passages(tokenizer, rng, 60, half=0)
    reference = natural_passages(tokenizer, rng, 100, half=1)
    kinds = {
        "natural": heldout[:42],
        "repeats": [repeated(tokenizer, rng, passage) for passage in heldout[42:]],
        "indirect-objects": sentences(tokenizer, rng, given, 16),
        "categories": sentences(tokenizer, rng, grammar.category, 16),
        "requests": sentences(tokenizer, rng, unheard_request, 12),
        "mixed": sentences(tokenizer, rng, anything, 8),
    }
    for kind, documents in kinds.items():
        write(folder / "heldout" / f"{kind}.txt", documents)
    for sentence in (given, grammar.category, unheard_request):
        reference += sentences(tokenizer, rng, sentence, 8)
    rng.shuffle(reference)
    write(folder / "reference.txt", reference)


def write(path: Path, documents: list[str]) -> None:
    path.write_text("\n\n".join(documents) + "\n", "utf-8")


def length(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


def natural_passages(tokenizer: Tokenizer, rng: Random, count: int, half: int) -> list[str]:
    """Passages from every other held-out document, each source in its share."""
    drawn: list[str] = []
    for source, share in corpus.SOURCES.items():
        documents = corpus.documents(source, held_out=True)[half::2]
        drawn += [passage(tokenizer, rng, documents) for _ in range(round(count * share))]
    rng.shuffle(drawn)
    return drawn


def passage(tokenizer: Tokenizer, rng: Random, documents: list[str]) -> str:
    """From the beginning of a sentence or paragraph to the paragraph's end, or to as much as fits a context."""
    while True:
        document = rng.choice(documents)
        start = rng.choice([match.end() for match in re.finditer(r"[.?!] (?=[A-Z])|\n\n", document)])
        text = cut(tokenizer, document[start : start + 8 * LONGEST].split("\n\n")[0].strip("\n"))
        if length(tokenizer, text) >= SHORTEST:
            return text


def cut(tokenizer: Tokenizer, text: str) -> str:
    """As many whole words as fit a context."""
    encoded = tokenizer.encode(text, add_special_tokens=False)
    if len(encoded.ids) <= LONGEST:
        return text
    return re.sub(r"\s+\S*$", "", text[: encoded.offsets[LONGEST][0]])


def repeated(tokenizer: Tokenizer, rng: Random, passage: str) -> str:
    """The beginning of a passage said twice or more, or random words said so."""
    if rng.random() < 0.5:
        segment = " ".join(rng.sample(words.SINGLE_TOKEN_WORDS, rng.randint(10, 50)))
    else:
        segment = " ".join(passage.split()[: rng.randint(10, 35)])
    return filled(tokenizer, iter(lambda: segment, None), " ")


def sentences(tokenizer: Tokenizer, rng: Random, sentence: grammar.Sentence, count: int) -> list[str]:
    joint = "\n" if sentence is unheard_request else " "
    return [filled(tokenizer, iter(lambda: sentence(rng), None), joint) for _ in range(count)]


def filled(tokenizer: Tokenizer, parts: Iterator[str], joint: str) -> str:
    """As many parts as fit a context."""
    text = next(parts)
    while length(tokenizer, longer := text + joint + next(parts)) <= LONGEST:
        text = longer
    return text


def given(rng: Random) -> str:
    """An indirect object between names, or in words, that training never puts there."""
    if rng.random() < 0.5:
        return grammar.indirect_object(rng, words.HELD_OUT_NAMES)
    return grammar.indirect_object(rng, templates=grammar.HELD_OUT_TEMPLATES)


def unheard_request(rng: Random) -> str:
    return grammar.request(rng, held_out=True)


def anything(rng: Random) -> str:
    return rng.choice((given, grammar.category, unheard_request))(rng)
