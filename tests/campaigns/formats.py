"""The files that are spoiled, and how each is read: what comes back is a digest of everything in it."""

from __future__ import annotations

import json
import shutil
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from interpviz.core.document import CacheFacts, Document, ModelFacts, Prompt
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_results import Notes
from interpviz.core.interventions import Intervention
from interpviz.core.sites import Site
from interpviz.data import dictionaries, directions, explanations, gguf_header, notes, sessions, texts, weights
from interpviz.data.activations import Cache
from interpviz.data.feature_index import FeatureIndex
from tests.campaigns import course, dictionary_files
from tests.campaigns.digests import digest
from tests.data import explanation_files, index_files, sae_files, samples, text_files
from tests.data.foreign import makers


@dataclass(frozen=True)
class Format:
    """`make(folder)` writes the file that is spoiled, `read(file)` gives the digest of what stands in it.

    `ours`: we wrote it and seal it, so it must never be read wrong; what others wrote has no checksums to hold.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], str]
    ours: bool
    head: int


def read_cache(path: Path) -> str:
    """Every token, text, activation, mean and code of a cache."""
    cache = Cache.open(path)
    tokens, every = cache.tokens(), np.arange(cache.facts.tokens)
    parts: list[Any] = [cache.facts.sites, sorted(tokens.texts.items()), tokens.id, tokens.document, tokens.position]
    for site in cache.facts.sites:
        mean, variance = cache.mean(site), cache.variance(site)
        parts += [cache.rows(site, every), mean.first, mean.rest, variance.first, variance.rest]
    for name in cache.facts.codes:
        codes = cache.codes(name, every)
        parts += [name, codes.index, codes.value]
    return digest(*parts)


def make_shard(folder: Path) -> Path:
    """A shard that stands alone."""
    return samples.record(folder / "one.acts", (60,)).folder / "shard-00000.h5"


def make_full_shard(folder: Path) -> Path:
    """A shard of bfloat16 and codes, of a cache of six."""
    course.record(folder / "full.acts", course.BFLOAT16)
    return folder / "full.acts" / "shard-00003.h5"


def make_manifest(folder: Path) -> Path:
    """The manifest of a cache of one shard."""
    return samples.record(folder / "sealed.acts", (60,)).folder / "manifest.jsonl"


def read_texts(path: Path) -> str:
    """Every document of a file of texts."""
    return digest(*texts.documents(path))


def make_session(folder: Path) -> Path:
    """A session that says something in every field."""
    model = ModelFacts("toy", "./toy", "a" * 64, 2, 3, 1, 12, 48, 50, 16)
    cache = CacheFacts("c", "./c.acts", "b" * 64, "toy", "a" * 64, "huggingface", ("blocks.0.hook_resid_post",), 100)
    edits = frozenset({Intervention(Site(1, "head", 2), "mean", positions=(1, 2)), Intervention(Site(0, "mlp_out"))})
    document = Document(model, cache, Prompt("so it goes", (0, 3, 7)), Prompt("or so"), " a", " b", edits, token=42)
    sessions.save(document, folder / "toy.session.json")
    return folder / "toy.session.json"


def read_session(path: Path) -> str:
    """Every field of the document, the folder apart."""
    document = sessions.load(path)
    assert document.model is None or isinstance(document.model.source, str)
    return digest(replace(document, model=None, cache=None), str(document.model), str(document.cache))


def make_notes(folder: Path) -> Path:
    """Notes, labels, bookmarks and lists."""
    some = Notes(((3, "on dogs"), (70, "é🙂")), ((3, "dogs"),), frozenset({3, 70}), (("odd", (3, 5)), ("other", (70,))))
    (folder / "toy.json").write_bytes(notes.written(some))
    return folder / "toy.json"


def read_explanations(path: Path) -> str:
    """Every feature that is explained, how, and how well."""
    run = next((folder for folder in path.parents if (folder / "explanations").is_dir()), path)
    found = explanations.read(run)
    return digest(found.features, found.texts, found.scores)


def make_index(folder: Path) -> Path:
    """An index of a dozen features."""
    return index_files.make(folder / "sae.features.h5").path


def read_index(path: Path) -> str:
    """Every feature's line and page, and all that it is active at."""
    index = FeatureIndex.open(path)
    pages, examples = (
        [read(feature) for feature in range(index.facts.features)] for read in (index.page, index.examples)
    )
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        return digest(replace(index.facts, source=""), str(index.table()), str(pages), str(examples))


def make_safetensors(folder: Path) -> Path:
    """Three small tensors and some metadata."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for number, name in enumerate(("model.embed", "model.layers.0.mlp", "lm_head")):
        header[name] = {"dtype": "F32", "shape": [4, 8], "data_offsets": [128 * number, 128 * (number + 1)]}
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(range(256)) + bytes(128))
    return folder / "model.safetensors"


def read_safetensors(path: Path) -> str:
    """The tensors as the format's own library sees them, once the header is admitted."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    weights.check_safetensors(path)
    try:
        return digest(*(item for _, item in sorted(load(path.read_bytes()).items())))
    except (SafetensorError, KeyError) as problem:  # engine/lens.py makes a sentence of what the library raises
        raise InterpvizError(str(problem)) from problem


def make_dictionary(folder: Path) -> Path:
    """A jumprelu dictionary in SAELens's layout."""
    return sae_files.random_sae(folder / "sae", "jumprelu")


def make_transcoder(folder: Path) -> Path:
    """A transcoder with thresholds and a linear path, in SAELens's layout."""
    return sae_files.random_sae(folder / "transcoder", "jumprelu_skip_transcoder")


def make_sparse_coder(folder: Path) -> Path:
    """A transcoder with a linear path, as sparsify saved it."""
    saved = sae_files.SAVED_BY_SPARSIFY / "transcoders" / "layers.3.mlp"
    return shutil.copytree(saved, folder / "layers.3.mlp")


def read_dictionary(path: Path) -> str:
    """Every weight, and how they are used; the sha256, which tells any two files apart, aside."""
    found = dictionaries.load(path.parent)
    gate = () if found.gate is None else vars(found.gate).values()
    return digest(*vars(replace(found, facts=replace(found.facts, sha256=""), gate=None)).values(), *gate)


def make_direction(folder: Path) -> Path:
    """One vector, saved by numpy."""
    np.save(folder / "direction.npy", np.arange(24, dtype=np.float32))
    return folder / "direction.npy"


def make_gguf(folder: Path) -> Path:
    """Strings, numbers, arrays and two tensors, written by the format's own library."""
    from gguf import GGUFWriter

    writer = GGUFWriter(folder / "toy.gguf", "llama")
    writer.add_name("toy")
    writer.add_context_length(16)
    writer.add_token_list(["a", "b", "cd", " e"] * 8)
    writer.add_token_scores([0.0, 1.5, -2.0, 3.0] * 8)
    writer.add_tensor("token_embd.weight", np.arange(256, dtype=np.float32).reshape(32, 8))
    writer.add_tensor("output.weight", np.zeros((32, 8), np.float16))
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    return folder / "toy.gguf"


def read_gguf(path: Path) -> str:
    """The tensors as the format's own library sees them, once the header is admitted."""
    from gguf import GGUFReader

    gguf_header.check_header(path)
    try:
        return digest(*((tensor.name, np.asarray(tensor.data)) for tensor in GGUFReader(path).tensors))
    except (ValueError, KeyError, IndexError, OverflowError, TypeError, UnicodeDecodeError) as problem:
        raise InterpvizError(str(problem)) from problem


FORMATS = {
    "shard": Format(make_shard, read_cache, True, 4096),
    "manifest": Format(make_manifest, lambda path: read_cache(path.parent), True, 4096),
    "shard of bfloat16 and codes": Format(make_full_shard, read_cache, True, 4096),
    "index of features": Format(make_index, read_index, True, 4096),
    "session": Format(make_session, read_session, True, 4096),
    "notes": Format(make_notes, lambda path: digest(notes.read(path)), True, 4096),
    "explanation of delphi": Format(explanation_files.make_delphi, read_explanations, False, 64),
    "score of delphi": Format(explanation_files.make_delphi_score, read_explanations, False, 400),
    "explanations of OpenAI": Format(explanation_files.make_openai, read_explanations, False, 400),
    "safetensors": Format(make_safetensors, read_safetensors, False, 400),
    "dictionary weights": Format(
        lambda folder: make_dictionary(folder) / dictionaries.WEIGHTS, read_dictionary, False, 500
    ),
    "dictionary config": Format(
        lambda folder: make_dictionary(folder) / dictionaries.CONFIG, read_dictionary, False, 500
    ),
    "transcoder weights": Format(
        lambda folder: make_transcoder(folder) / dictionaries.WEIGHTS, read_dictionary, False, 500
    ),
    "transcoder config": Format(
        lambda folder: make_transcoder(folder) / dictionaries.CONFIG, read_dictionary, False, 500
    ),
    "sparse coder weights": Format(
        lambda folder: make_sparse_coder(folder) / "sae.safetensors", read_dictionary, False, 500
    ),
    "sparse coder config": Format(lambda folder: make_sparse_coder(folder) / "cfg.json", read_dictionary, False, 500),
    "direction": Format(make_direction, lambda path: digest(directions.read_direction(path)), False, 128),
    "gguf": Format(make_gguf, read_gguf, False, 1200),
    **{f"texts in {name}": Format(make, read_texts, False, 64) for name, make in text_files.MAKERS.items()},
    "activations in chunks": Format(makers.make_chunks, makers.read, False, 2000),
    "activations in arrays": Format(makers.make_arrays, makers.read, False, 2000),
    "activations in batches": Format(makers.make_batches, makers.read, False, 2000),
    "latents of delphi": Format(makers.make_delphi, makers.read, False, 300),
    "activations of datasets": Format(makers.make_saved, makers.read, False, 1000),
    **{name: Format(one.make, one.read, False, one.head) for name, one in dictionary_files.FILES.items()},
}
