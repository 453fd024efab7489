"""Dictionaries of the field's other libraries, to be spoiled: a copy of a fixture, and which of its files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from interpviz.data import dictionaries
from tests.campaigns.digests import digest

DATA = Path(__file__).resolve().parents[1] / "data"
GEMMA = Path("scopes", "gemma-scope-2b-pt-res", "layer_20", "width_16k", "average_l0_71")
GEMMA_2 = Path("scopes", "gemma-scope-2-270m-pt", "transcoder_affine")
LLAMA = Path("scopes", "Llama3_1-8B-Base-L1R-8x")


@dataclass(frozen=True)
class Spoiled:
    """A file of a fixture; `opened` is what is opened to read it, where that is not the fixture's folder."""

    fixture: Path
    file: str
    head: int
    opened: str = ""

    def make(self, folder: Path) -> Path:
        """A copy of the fixture, with the names of the folders above it, of which the file is returned."""
        return Path(shutil.copytree(DATA / self.fixture, folder / self.fixture)) / self.file

    def read(self, path: Path) -> str:
        """A digest of every weight, and of how they are used."""
        folder = path.parents[len(Path(self.file).parts) - 1]
        return read(folder / self.opened)


def read(place: Path) -> str:
    """A digest of every weight of a dictionary, and of how they are used; the sha256, which tells all apart, aside."""
    found = dictionaries.load(place)
    gate = () if found.gate is None else vars(found.gate).values()
    facts = replace(found.facts, sha256="", source="")
    return digest(*vars(replace(found, facts=facts, gate=None)).values(), *gate)


def copied(fixture: Path | str) -> Callable[[Path], Path]:
    """What copies a fixture below a folder."""
    return lambda folder: Path(shutil.copytree(DATA / fixture, folder / fixture))


FILES = {
    "dictionary_learning weights": Spoiled(Path("dictionary_learning", "gated"), "ae.pt", 1200),
    "dictionary_learning config": Spoiled(Path("dictionary_learning", "matryoshka"), "config.json", 400),
    "circuit-tracer layer": Spoiled(
        Path("circuit_tracer", "skip"), "layer_1.safetensors", 400, opened="layer_1.safetensors"
    ),
    "circuit-tracer decoder across layers": Spoiled(
        Path("circuit_tracer", "clt-jumprelu"), "W_dec_1.safetensors", 100, opened="W_enc_1.safetensors"
    ),
    "circuit-tracer config": Spoiled(Path("circuit_tracer", "relu"), "config.yaml", 400, opened="layer_0.safetensors"),
    "Gemma Scope weights": Spoiled(GEMMA, "params.npz", 400),
    "Gemma Scope 2 weights": Spoiled(GEMMA_2, "params.safetensors", 500),
    "Gemma Scope 2 config": Spoiled(GEMMA_2, "config.json", 400),
    "Llama Scope weights": Spoiled(LLAMA, "checkpoints/final.safetensors", 400),
    "Llama Scope config": Spoiled(LLAMA, "hyperparams.json", 800),
}
