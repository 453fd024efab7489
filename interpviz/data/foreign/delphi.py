"""delphi's caches: a folder a module, in it `{start}_{end}.safetensors` of the latents start to end (inclusive).

A file has locations (n, 3) of (context, position, latent - start), activations (n,) and mostly tokens
(contexts, positions), the same in all; config.json says the context length.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Foreign, Holding
from interpviz.core.report import Report, silent
from interpviz.core.results import F4
from interpviz.data.foreign.config import config, count
from interpviz.data.foreign.latents import PIECE, Contexts, Latents, latents
from interpviz.data.foreign.names import LISTED, TOKENS, hook_of_module
from interpviz.data.foreign.source import LONGEST_CONTEXT, Rows, Source, Strongest

MOST = 64
MOST_ROWS = 2**31
LETTERS = 200

_FILE = re.compile(r"(\d{1,9})_(\d{1,9})\.safetensors")


@dataclass(frozen=True)
class Module:
    """The latents of one module: its files, how many are kept at every token, and how many that leaves out.

    `lost` are the latents, first and last, between those of its files.
    """

    name: str
    files: tuple[Latents, ...]
    features: int
    k: int
    cut: int
    lost: tuple[tuple[int, int], ...]


def folders_of(path: Path) -> tuple[Path, ...]:
    """The folders of modules at this path: itself, or those in it; none where it is no cache of delphi."""
    if not path.is_dir():
        return ()
    every = (path, *sorted(folder for folder in path.iterdir() if folder.is_dir()))
    return tuple(folder for folder in every if (folder / "config.json").is_file() and _files(folder))


def opened(path: Path, report: Report = silent) -> Source:
    """The cache at this path, every location of which is looked at once; raises InterpvizError for what is wrong."""
    folders = folders_of(path)
    for folder in folders:
        if not (folder.name.isprintable() and len(folder.name) <= LETTERS):
            raise InterpvizError(f"{ascii(folder.name)[:LETTERS]} is no name that can be shown. Rename that folder.")
    said = [config(folder / "config.json") for folder in folders]
    every = [[latents(file, start, end) for start, end, file in _files(folder)] for folder in folders]
    contexts = _contexts(path, [file for files in every for file in files], said)
    modules = [_module(folder.name, files, contexts, report) for folder, files in zip(folders, every, strict=True)]
    codes = {module.name: _strongest(module, contexts) for module in modules}
    holdings = tuple(_holding(module, contexts) for module in modules)
    tokens = contexts.tokens
    if tokens is not None:
        holdings = (*holdings, Holding(TOKENS, tokens.shape, tokens.dtype.name, TOKENS))
    foreign = Foreign(str(path.resolve()), _layout(modules), contexts.rows, holdings)
    names = {str(one["model_name"]) for one in said if one.get("model_name")}
    files = tuple(file.path for module in modules for file in module.files)
    model = names.pop() if len(names) == 1 else ""
    return Source(foreign, files, partial(_tokens, contexts), _nothing, codes, model)


def _files(folder: Path) -> list[tuple[int, int, Path]]:
    found = ((_FILE.fullmatch(file.name), file) for file in folder.iterdir())
    return sorted((int(named[1]), int(named[2]), file) for named, file in found if named)


def _contexts(path: Path, files: Sequence[Latents], said: Sequence[dict[str, object]]) -> Contexts:
    """How many contexts of which length there are, and their tokens, the same in every file that has any."""
    tokens = next((file.tokens for file in files if file.tokens is not None), None)
    if tokens is not None:
        for file in files:
            if file.tokens is not None and not _same(file.tokens, tokens):
                raise InterpvizError(f"{file.path.name} holds other tokens than the files beside it. Import it alone.")
        return Contexts(tokens.shape[0], tokens.shape[1], tokens)
    lengths = {count(one.get("cache_ctx_len", one.get("ctx_len")), LONGEST_CONTEXT) for one in said}
    if len(lengths) > 1 or not any(lengths):
        raise InterpvizError(f"No config.json of {path.name} says one cache_ctx_len for all. Copy it again whole.")
    length = lengths.pop()
    number = 1 + max((int(piece[:, 0].max()) for file in files for _, piece in file.pieces()), default=-1)
    if not 0 < number * length <= MOST_ROWS:
        raise InterpvizError(f"{path.name} tells of {number:,} contexts of {length:,} tokens. Take an undamaged copy.")
    return Contexts(number, length, None)


def _same(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    """Whether both hold the same; a piece at a time."""
    step = max(1, PIECE // max(1, one.shape[1]))
    return one.shape == other.shape and all(
        np.array_equal(one[low : low + step], other[low : low + step]) for low in range(0, len(one), step)
    )


def _module(name: str, files: list[Latents], contexts: Contexts, report: Report) -> Module:
    lost = [(0, files[0].start - 1)]
    for before, after in itertools.pairwise(files):
        if after.start <= before.end:
            raise InterpvizError(f"{before.path.name} and {after.path.name} share latents. Copy {name} again whole.")
        lost.append((before.end + 1, after.start - 1))
    active = np.zeros(contexts.rows, np.int32)
    for number, file in enumerate(files):
        report(number / len(files), f"Looking at {name}")
        file.look(contexts, active, report, number / len(files))
    most = int(active.max(initial=0))
    cut = int(np.maximum(active - MOST, 0).sum(dtype=np.int64)) if most > MOST else 0
    apart = tuple((first, last) for first, last in lost if first <= last)
    return Module(name, tuple(files), files[-1].end + 1, max(1, min(MOST, most)), cut, apart)


def _strongest(module: Module, contexts: Contexts) -> Strongest:
    def read(start: int, stop: int) -> tuple[NDArray[np.uint32], F4]:
        found = [file.between(start, stop, contexts) for file in module.files]
        row, feature, value = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return ranked(row - start, feature, value, stop - start, module.k)

    return Strongest(module.name, module.features, module.k, contexts.rows, contexts.length, read)


def ranked(
    row: NDArray[np.int64], feature: NDArray[np.int64], value: F4, rows: int, k: int
) -> tuple[NDArray[np.uint32], F4]:
    """Each row's k largest values, largest first, and their features: index u4 and value f4, both (rows, k).

    Unused places are 0xFFFFFFFF and 0; equal values stand in the order of their features.
    """
    order = np.lexsort((feature, -value, row))
    row, feature, value = row[order], feature[order], value[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    kept = rank < k
    index = np.full((rows, k), 0xFFFFFFFF, np.uint32)
    strength = np.zeros((rows, k), np.float32)
    index[row[kept], rank[kept]] = feature[kept]
    strength[row[kept], rank[kept]] = value[kept]
    return index, strength


def _tokens(contexts: Contexts, name: str, hook: str) -> Rows:
    """The tokens, and nothing else: all other arrays are of features."""
    if contexts.tokens is None or name != TOKENS or hook:
        raise InterpvizError(f"{name} cannot become {hook or TOKENS}: it holds {'token ids' if hook else 'features'}.")
    flat = contexts.tokens.reshape(-1)
    return Rows(name, contexts.rows, (), flat.dtype.str, contexts.length, lambda start, stop: flat[start:stop])


def _holding(module: Module, contexts: Contexts) -> Holding:
    return Holding(module.name, (contexts.rows, module.features), "features", hook_of_module(module.name))


def _layout(modules: Iterable[Module]) -> str:
    said = "delphi's cache of active features"
    for module in modules:
        if module.cut:
            said += f"; of {module.name} the {module.k} strongest a token are kept, {module.cut:,} weaker ones left out"
        if module.lost:
            ranges = ", ".join(f"{first:,} to {last:,}" for first, last in module.lost[:LISTED])
            said += f"; no file of {module.name} holds its latents {ranges}{' and more' * (len(module.lost) > LISTED)}"
    return said


def _nothing() -> None:
    """There is no child to end."""
