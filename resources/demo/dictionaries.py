"""The demo's dictionaries: a text to learn them from, a cache of it that is not shipped, and what they came to."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

from resources.demo import corpus

SEED = 2  # neither that of the model's training nor that of the held-out samples
TOKENS = 2_252_800
# As the model's own text, but a fifth of it says what is of which kind: that is what splits as dictionaries grow.
SHARES = corpus.SHARES | {"categories": 0.22}
SITE, WIDTHS, K = "L1R", (256, 1024, 4096), 8
LAYERS, TRANSCODER_WIDTH, TRANSCODER_K = range(4), 1024, 16
READ_BY_TRANSCODERS = tuple(f"L{layer}M-" for layer in LAYERS)
WRITTEN_BY_TRANSCODERS = tuple(f"L{layer}M" for layer in LAYERS)


def names() -> dict[str, list[str]]:
    """The folder of every dictionary, and what the command that trains it is told beside cache and place."""
    common = ["--kind", "topk", "--k", str(K), "--seed", str(SEED)]
    wide = {f"{SITE}-{n}": ["--site", SITE, "--width", str(n), *common] for n in WIDTHS}
    sites = zip(LAYERS, READ_BY_TRANSCODERS, WRITTEN_BY_TRANSCODERS, strict=True)
    common = ["--kind", "batchtopk", "--k", str(TRANSCODER_K), "--seed", str(SEED)]
    width = ["--width", str(TRANSCODER_WIDTH), *common]
    return wide | {f"transcoder-L{layer}": ["--site", read, "--to", written, *width] for layer, read, written in sites}


def train(folder: Path, work: Path, mix: corpus.Mix) -> None:
    """Train every dictionary on the model in `folder`, into folder/dictionaries; the cache stays in `work`."""
    text, cache = work / "dictionaries.jsonl", work / "dictionaries.acts"
    if not text.exists():
        write_text(corpus.Mix(mix.tokenizer, mix.streams, SHARES), text)
    sites = (SITE, *READ_BY_TRANSCODERS, *WRITTEN_BY_TRANSCODERS)
    command("record", model_of(folder), "--text", str(text), "--site", *sites, "--out", str(cache))
    for name, told in names().items():
        command("train", str(cache), *told, "--out", str(folder / "dictionaries" / name))


def index(folder: Path) -> None:
    """Look every feature up in the shipped cache, beside its dictionary, and measure each on held-out text."""
    texts = [str(path) for path in sorted((folder / "heldout").glob("*.txt"))]
    model, found = model_of(folder), {}
    for name in names():
        place = str(folder / "dictionaries" / name)
        indexed = answer("features", place, "--model", model, "--acts", str(folder / "demo.acts"), "--json")
        measured = answer("evaluate", place, "--model", model, "--text", *texts, "--json")
        del indexed["path"]  # of the machine that built it
        found[name] = {"evaluate": measured, "features": indexed}
    (folder / "dictionaries" / "figures.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def model_of(folder: Path) -> str:
    """What opens the model in a folder: the bundled one goes by its name, wherever it lies."""
    return "demo" if folder == Path(__file__).parent else str(folder / "model")


def write_text(mix: corpus.Mix, path: Path) -> None:
    """Contexts of the mix as documents, a line of JSON each, until there are TOKENS tokens."""
    rng = Random(SEED)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(-(-TOKENS // corpus.CONTEXT)):
            tokens, _ = mix.context(rng)
            text = mix.tokenizer.decode(tokens[1:], skip_special_tokens=False)
            file.write(json.dumps({"text": text}) + "\n")


def command(*words: str) -> None:
    """What a person would type; its progress is seen."""
    subprocess.run([sys.executable, "-m", "interpviz", *words], check=True)


def answer(*words: str) -> Any:
    """What a command says in JSON."""
    done = subprocess.run([sys.executable, "-m", "interpviz", *words], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)
