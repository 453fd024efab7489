"""What is dropped on the window is known by its content."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import h5py
import pytest

from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.data import models, sessions
from interpviz.data.contents import kind_of
from tests.data import sae_files
from tests.data.foreign import makers
from tests.data.samples import Sample


def test_names_folders_and_files_of_models_are_models(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "a.bin").write_bytes(b"GGUF\x03\0\0\0")
    assert [kind_of(path) for path in (Path("demo"), tmp_path, tmp_path / "a.bin")] == ["model"] * 3


def test_a_cache_and_a_shard_are_caches(sample: Sample) -> None:
    moved = shutil.move(sample.folder, sample.folder.with_name("any name"))
    assert kind_of(Path(moved)) == kind_of(Path(moved) / "shard-00000.h5") == "cache"


def test_a_saelens_folder_is_a_dictionary_and_so_is_half_of_one(tmp_path: Path) -> None:
    folder = sae_files.random_sae(tmp_path / "a")
    assert kind_of(folder) == "dictionary"
    for part in ("cfg.json", "sae_weights.safetensors"):
        (tmp_path / part).write_bytes((folder / part).read_bytes())
        assert kind_of(tmp_path) == "dictionary"  # opening it says what is missing
        (tmp_path / part).unlink()


def test_a_sparse_coder_and_a_run_of_several_are_dictionaries_though_a_run_has_a_config_json() -> None:
    run = sae_files.SAVED_BY_SPARSIFY / "saes"
    assert (run / "config.json").is_file()
    assert kind_of(run) == kind_of(run / "layers.0") == "dictionary"


def test_a_part_of_a_dictionary_says_to_open_its_folder() -> None:
    for part in ("cfg.json", "sae.safetensors"):
        with pytest.raises(InterpvizError, match=rf"{part} is part of a dictionary\. Open the folder .*layers\.0\."):
            kind_of(sae_files.SAVED_BY_SPARSIFY / "saes" / "layers.0" / part)


def test_a_model_beside_another_configuration_is_a_model(tmp_path: Path) -> None:
    for name in ("config.json", "cfg.json"):
        (tmp_path / name).write_text("{}")
    assert kind_of(tmp_path) == "model"


def test_a_session_is_a_session_whatever_its_name(tmp_path: Path) -> None:
    sessions.save(Document(), tmp_path / "notes.txt")
    assert kind_of(tmp_path / "notes.txt") == "session"


def test_an_hdf5_file_of_others_is_to_be_imported_and_so_are_its_layouts(tmp_path: Path) -> None:
    h5py.File(tmp_path / "theirs.h5", "w").close()
    assert kind_of(tmp_path / "theirs.h5") == "foreign"
    with h5py.File(tmp_path / "cells.h5ad", "w") as file:
        file.attrs["encoding-type"] = "anndata"
    assert kind_of(tmp_path / "cells.h5ad") == "foreign"
    for make in (makers.make_arrays, makers.make_chunks, makers.make_delphi, makers.make_saved):
        assert kind_of(makers.source_of(make(tmp_path / make.__name__))) == "foreign"
    assert kind_of(tmp_path / "make_delphi" / "layers.1") == "foreign"  # though it has a config.json


def test_an_hdf5_file_that_cannot_be_read_is_named_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert kind_of(tmp_path / "cut.h5") == "cache"


def test_a_pipe_is_a_sentence_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(InterpvizError, match=r"pipe\.gguf is no model, cache, dictionary, index or session"):
        kind_of(tmp_path / "pipe.gguf")
    with pytest.raises(InterpvizError, match=r"pipe\.gguf is no model"):
        models.resolve(str(tmp_path / "pipe.gguf"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("letter.txt", r"letter\.txt is no model, cache, dictionary, index or session"),
        ("empty", r"holds neither a model .* nor a dictionary \(SAELens, sparsify, .*\)"),
        ("gone", "There is no model"),
        ("manifest.jsonl", r"manifest\.jsonl is part of a cache. Open the folder that it lies in"),
        ("cfg.json", r"cfg\.json is part of a dictionary. Open the folder that it lies in"),
        ("sae_weights.safetensors", r"sae_weights\.safetensors is part of a dictionary. Open the folder"),
        ("model.safetensors", "Open the folder that it lies in, with config"),
    ],
)
def test_anything_else_is_a_sentence(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    if name not in ("empty", "gone"):
        (tmp_path / name).write_text("dear all")
    with pytest.raises(InterpvizError, match=said):
        kind_of(tmp_path / name)
