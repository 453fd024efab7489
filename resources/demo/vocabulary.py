"""The demo's tokenizer: byte-level BPE in which every listed word is one token, BOS before every prompt."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from resources.demo import corpus, words

BOS_TEXT = "<bos>"
SIZE = 4096
REPEATS = 4000  # at 4,000 sayings each, every listed word outweighs the rarest of the 4,096 merges


def train_tokenizer(seed: int) -> Tokenizer:
    """A tokenizer learned from the training text and the listed words."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=[BOS_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(Random(seed)), trainer)
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=f"{BOS_TEXT} $A", special_tokens=[(BOS_TEXT, corpus.BOS)]),
        ]
    )
    return tokenizer


def texts(rng: Random) -> Iterator[str]:
    """All that the tokenizer learns from: documents, sentences, and each listed word many times."""
    for source in corpus.SOURCES:
        yield from corpus.documents(source, held_out=False)
    for sentence, joint in corpus.SENTENCES.values():
        yield joint.join(sentence(rng) for _ in range(5000))
    for word in words.SINGLE_TOKEN_WORDS:
        yield f" {word}" * REPEATS


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write it so that transformers, of this major version or the last, opens it from the folder alone."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS_TEXT,
        "eos_token": BOS_TEXT,
        "pad_token": BOS_TEXT,
        "clean_up_tokenization_spaces": False,
        "model_max_length": corpus.CONTEXT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
