"""Files as other programs write them, made by their own libraries, with the values that went into them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from interpviz.data.foreign import opened
from interpviz.data.foreign.importing import Wanted
from interpviz.data.foreign.names import chosen
from tests.campaigns.digests import digest

CONTEXT, D_MODEL = 6, 5
DELPHI_CONTEXTS, DELPHI_LENGTH = 7, 4
SPLITS = ((0, 7), (8, 15))
SAVED_HOOK = "blocks.1.hook_resid_pre"


def numbers(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Values that float16 holds exactly."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float16).astype(np.float32)


def make_chunks(folder: Path, dtype: str = "uint16", rows: tuple[int, ...] = (9, 4)) -> Path:
    """Chunks of two layers, as the generator of CLT activations writes them; the last one is given back."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, count in enumerate(rows):
        with h5py.File(folder / f"chunk_{number}.hdf5", "w", libver="latest") as file:
            for layer in range(2):
                for part in ("inputs", "targets"):
                    file.create_dataset(
                        f"layer_{layer}/{part}", data=chunk(number, layer, part, count, dtype), chunks=(count, D_MODEL)
                    )
    (folder / "metadata.json").write_text(json.dumps({"model_name": "toy/one", "total_tokens": sum(rows)}))
    return folder / f"chunk_{len(rows) - 1}.hdf5"


def chunk(number: int, layer: int, part: str, rows: int, dtype: str) -> NDArray[Any]:
    """What a chunk of `make_chunks` holds under one name."""
    seed = 100 * number + 10 * layer + (part == "targets")
    if dtype == "uint16":  # the bits of finite bfloat16 numbers of all sizes
        draw = np.random.default_rng(seed)
        bits: NDArray[np.uint16] = draw.integers(0, 0x7F80, (rows, D_MODEL), np.uint16)
        return bits | (draw.integers(0, 2, (rows, D_MODEL), np.uint16) << 15)
    return numbers(rows, D_MODEL, seed=seed).astype(dtype)


def make_arrays(folder: Path) -> Path:
    """One file of contexts: activations named by their hooks, token ids, and labels that are neither."""
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / "theirs.h5", "w") as file:
        file["activations/blocks.0.hook_resid_post"] = numbers(3, CONTEXT, D_MODEL, seed=1)
        file.create_dataset(
            "activations/blocks.0.attn.hook_z",
            data=numbers(3, CONTEXT, 2, 4, seed=2).astype(np.float16),
            chunks=(1, CONTEXT, 2, 4),
            compression="gzip",
        )
        file["token_ids"] = np.arange(3 * CONTEXT).reshape(3, CONTEXT)
        file["labels"] = np.arange(3)
        file["texts"] = ["a", "b", "c"]
    return folder / "theirs.h5"


def make_batches(folder: Path) -> Path:
    """One file of groups in batches, as it comes of generating text and keeping what the prompt did."""
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / "batches.h5", "w") as file:
        for name, samples in (("batch_9", 2), ("batch_19", 3), ("batch_final", 1)):
            seed = len(name)
            file[f"activations/{name}"] = numbers(samples, CONTEXT, D_MODEL, seed=seed)
            file[f"token_ids/{name}"] = np.full((samples, 1, CONTEXT), seed, np.int32)
            file[f"generated_token_ids/{name}"] = np.zeros((samples, CONTEXT + 3), np.int32)
    return folder / "batches.h5"


def make_delphi(folder: Path, modules: tuple[str, ...] = ("layers.1", "layers.1.mlp"), tokens: bool = True) -> Path:
    """A cache of delphi of two splits a module; the last file is given back."""
    from safetensors.numpy import save_file

    for module in modules:
        place = folder / module
        place.mkdir(parents=True)
        for start, end in SPLITS:
            active = dense(module)[..., start : end + 1]
            locations = np.argwhere(active)
            content = {
                "locations": np.ascontiguousarray(locations, np.uint16),
                "activations": active[active != 0].astype(np.float16),
            }
            if tokens:
                content["tokens"] = np.arange(DELPHI_CONTEXTS * DELPHI_LENGTH).reshape(DELPHI_CONTEXTS, DELPHI_LENGTH)
            save_file(content, place / f"{start}_{end}.safetensors")
        said = {"dataset_repo": "toy", "batch_size": 2, "cache_ctx_len": DELPHI_LENGTH, "model_name": "toy/two"}
        (place / "config.json").write_text(json.dumps(said))
    return folder / modules[-1] / "{}_{}.safetensors".format(*SPLITS[-1])


def dense(module: str) -> NDArray[np.float32]:
    """What every latent of a module of `make_delphi` did at every token: (context, position, latent)."""
    values = np.abs(numbers(DELPHI_CONTEXTS, DELPHI_LENGTH, SPLITS[-1][1] + 1, seed=len(module)))
    return np.where(values > 1.2, values, np.float32(0))


def make_saved(folder: Path) -> Path:
    """A data set as SAELens caches activations, in two files; the last one is given back."""
    import datasets  # type: ignore[import-untyped]

    datasets.disable_progress_bars()
    features = datasets.Features(
        {
            SAVED_HOOK: datasets.Array2D(shape=(CONTEXT, D_MODEL), dtype="float32"),
            "token_ids": datasets.Sequence(datasets.Value(dtype="int32"), length=CONTEXT),
        }
    )
    content = {
        SAVED_HOOK: numbers(5, CONTEXT, D_MODEL, seed=3),
        "token_ids": np.arange(5 * CONTEXT).reshape(5, CONTEXT),
    }
    datasets.Dataset.from_dict(content, features=features).save_to_disk(folder, num_shards=2)
    return folder / "data-00001-of-00002.arrow"


def source_of(path: Path) -> Path:
    """What is imported, of which `path` is a file."""
    if path.suffix == ".safetensors":
        return path.parent.parent
    return path.parent if path.suffix == ".arrow" or path.name.startswith("chunk_") else path


def read(path: Path) -> str:
    """Everything that an import of the source with this file would write."""
    with opened(source_of(path)) as source:
        wanted = Wanted(source, chosen(source.foreign, mapping(path)))
        return digest(wanted.stated(()).sites, *(value for _, value in sorted(wanted.block(0, wanted.count).items())))


def mapping(path: Path) -> tuple[tuple[str, str], ...]:
    """What has to be said of a source whose arrays have no telling names."""
    return (("activations", "L0R"), ("token_ids", "tokens")) if path.name == "batches.h5" else ()
