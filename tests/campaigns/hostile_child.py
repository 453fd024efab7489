"""Opens hostile files as the program does, one a JSON line, in a process that may die of it."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from interpviz.core.errors import InterpvizError
from interpviz.core.jobs import Import
from interpviz.data import contents, dictionaries, gguf_header, probe
from interpviz.data.activations import Cache
from interpviz.data.foreign import importing
from tests.campaigns import dictionary_files


def read_cache(path: Path) -> str:
    """How many tokens, and every byte of them."""
    cache = Cache.open(path)
    return f"{cache.facts.tokens} tokens {_everything(cache)}"


def read_hdf5(path: Path) -> str:
    """What the file is said to hold, and the bytes of all that lies in one piece; a problem is a refusal."""
    contents.kind_of(path)
    found = probe.structure(path)
    if found.problems:
        raise InterpvizError(f"{path.name} is refused: {'; '.join(found.problems)}. Choose another file.")
    raw = path.read_bytes()
    pieces = [
        raw[stored.offset : stored.offset + stored.nbytes].decode("latin-1")
        for stored in found.datasets.values()
        if stored.offset is not None
    ]
    return f"{sorted(found.datasets)} {found.attributes} {pieces}"


def read_import(path: Path) -> str:
    """The cache that is made of a stranger's file, whose array `values` is a residual stream."""
    mapping = () if path.is_dir() else (("values", "blocks.0.hook_resid_post"),)
    out = path.parent / "out.acts"
    importing.run(Import(str(path), str(out), mapping))
    return read_cache(out)


def read_kind(path: Path) -> str:
    """What the window would take it for."""
    return contents.kind_of(path)


def read_gguf(path: Path) -> str:
    """The tensors as the format's own library sees them, once the header is admitted."""
    from gguf import GGUFReader

    gguf_header.check_header(path)
    return str([(tensor.name, np.asarray(tensor.data).tolist()) for tensor in GGUFReader(path).tensors])


def read_dictionary(path: Path) -> str:
    """What the dictionary is, and a digest of its weights."""
    return f"{dictionaries.facts(path)} {dictionary_files.read(path)}"


def read_while_written(path: Path) -> str:
    """The cache, while another program has its file open to write."""
    import h5py

    with h5py.File(path, "r+"):
        return read_cache(path)


def read_after_cut(path: Path) -> str:
    """The cache, whose file is cut short once it is open."""
    cache = Cache.open(path)
    os.truncate(path, 4096)
    return _everything(cache)


def _everything(cache: Cache) -> str:
    tokens = cache.tokens()
    rows = [cache.rows(site, np.arange(cache.facts.tokens)) for site in cache.facts.sites]
    raw = b"".join(array.tobytes() for array in (tokens.id, tokens.document, tokens.position, *rows))
    for site in cache.facts.sites:
        cache.mean(site)
    return f"{tokens.texts} {raw.decode('latin-1')}"


OPENERS: dict[str, Callable[[Path], str]] = {
    "cache": read_cache,
    "hdf5": read_hdf5,
    "import": read_import,
    "kind": read_kind,
    "gguf": read_gguf,
    "dictionary": read_dictionary,
    "while written": read_while_written,
    "after a cut": read_after_cut,
}


def verdict(opener: str, path: Path) -> dict[str, str]:
    """Refused with a sentence, read (and what), or fallen over."""
    try:
        return {"read": OPENERS[opener](path)}
    except InterpvizError as sentence:
        return {"refused": str(sentence)}
    except Exception:
        return {"fell": traceback.format_exc(limit=-3)}


def main() -> None:
    """Answer until the input ends; the first line says where HDF5 would look for plugins."""
    os.environ["HDF5_PLUGIN_PATH"] = json.loads(sys.stdin.readline())["plugins"]
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(json.dumps(verdict(asked["opener"], Path(asked["path"]))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
