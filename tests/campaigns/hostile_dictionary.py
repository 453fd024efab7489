"""Dictionaries crafted to harm: code in a pickle, bombs, names that lead away, layers that are not there."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from tests.campaigns import dictionary_files as files
from tests.campaigns.hostile_case import SECRET, Ends, Ground, case

Craft = Callable[[Path, Ground], Path]
PICKLED = Path("dictionary_learning", "topk")


def dictionary(
    name: str, said: str, fixture: Path | str, ends: Ends = "refused", slow: bool = False
) -> Callable[[Craft], Craft]:
    """Add a case: this function spoils a copy of a fixture, and says what is opened."""

    def add(craft: Craft) -> Craft:
        def crafted(ground: Ground) -> Path:
            return craft(files.copied(Path(fixture))(ground.here), ground)

        case(f"dictionary: {name}", said, opener="dictionary", ends=ends, slow=slow)(crafted)
        return craft

    return add


class Call:
    """What a pickle can hold: a call that to unpickle it makes."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


def saved(folder: Path, content: Any, **how: Any) -> Path:
    """The folder, in which torch saved this as its weights."""
    torch.save(content, folder / "ae.pt", **how)
    return folder


def archived(path: Path, members: dict[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> Path:
    """The folder of an archive of these members."""
    with zipfile.ZipFile(path, "w", packed) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path.parent


NO_CODE = "ae.pt asks for code to be run"


@dictionary("pickle that runs a command", f"{NO_CODE} ({os.system.__module__}.system)", PICKLED)
def _command(folder: Path, ground: Ground) -> Path:
    return saved(folder, {"k": Call(os.system, f"cat {ground.secrets[1]} {ground.secrets[3]}")})


@dictionary("pickle that runs a command, in torch's older format", NO_CODE, PICKLED)
def _older(folder: Path, ground: Ground) -> Path:
    return saved(folder, {"k": Call(os.system, f"cat {ground.secrets[1]}")}, _use_new_zipfile_serialization=False)


@dictionary("pickle that opens a file", NO_CODE, PICKLED)
def _open(folder: Path, ground: Ground) -> Path:
    return saved(folder, {"k": Call(open, str(ground.secrets[1]))})


@dictionary("pickle that imports what lies beside it", NO_CODE, PICKLED)
def _imports(folder: Path, ground: Ground) -> Path:
    return saved(folder, {"k": Call(__import__, "secret")})


@dictionary("pickle that evaluates a text", NO_CODE, PICKLED)
def _evaluates(folder: Path, ground: Ground) -> Path:
    return saved(folder, {"k": Call(eval, "print(1)")})


@dictionary("tensor of 4 TiB over one number", "declares 4,398,046,511,104 bytes", PICKLED)
def _expanded(folder: Path, ground: Ground) -> Path:
    return saved(folder, {"encoder.weight": torch.zeros(1).expand(2**20, 2**20)})


@dictionary("pickle in a bomb of 1,000:1", "ae.pt would unpack to more than it is", PICKLED)
def _pickle_bomb(folder: Path, ground: Ground) -> Path:
    return archived(folder / "ae.pt", {"ae/data.pkl": b"\x80\x02" + b"N0" * 2**24 + b"N.", "ae/version": b"3\n"})


@dictionary("pickle with a key whose hash takes 2^64 steps", "ae.pt took over 8 seconds", PICKLED, slow=True)
def _endless(folder: Path, ground: Ground) -> Path:
    pairs = b"".join(b"q" + bytes([depth]) + b"h" + bytes([depth]) + b"\x86" for depth in range(64))
    content = b"\x80\x02})" + pairs + b"Ns."
    return archived(folder / "ae.pt", {"ae/data.pkl": content, "ae/version": b"3\n"}, zipfile.ZIP_STORED)


@dictionary("pickle of lists 100,000 deep", "ae.pt", PICKLED)
def _deep(folder: Path, ground: Ground) -> Path:
    content = b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."
    return archived(folder / "ae.pt", {"ae/data.pkl": content, "ae/version": b"3\n"}, zipfile.ZIP_STORED)


@dictionary("pipe in place of what torch saved", "holds no dictionary that can be read", PICKLED)
def _pipe(folder: Path, ground: Ground) -> Path:
    (folder / "ae.pt").unlink()
    os.mkfifo(folder / "ae.pt")
    return folder


@dictionary("script in place of what torch saved", "ae.pt is cut, damaged, or nothing that torch.save wrote", PICKLED)
def _script(folder: Path, ground: Ground) -> Path:
    (folder / "ae.pt").write_text("import os\nos.system('true')\n", "utf-8")
    return folder


@dictionary("name of a tensor that turns the text", "ae.pt holds a\\u202e", PICKLED)
def _turned(folder: Path, ground: Ground) -> Path:
    return saved(folder, {"a\u202e<b>": "no tensor"})


@dictionary("name of a class that turns the text", "is no class of dictionary_learning", PICKLED)
def _turned_class(folder: Path, ground: Ground) -> Path:
    (folder / "config.json").write_text(json.dumps({"trainer": {"dict_class": "a\u202e\x1b[2J<b>"}}), "utf-8")
    return folder


@dictionary("list for a class", "is no class of dictionary_learning", PICKLED)
def _list(folder: Path, ground: Ground) -> Path:
    (folder / "config.json").write_text(json.dumps({"trainer": {"dict_class": ["AutoEncoder"]}}), "utf-8")
    return folder


def npy(shape: str, descr: str = "'<f4'", content: bytes = bytes(8)) -> bytes:
    """An array as numpy saves it, whose header says this."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


def _npz(name: str, said: str, members: dict[str, bytes]) -> None:
    dictionary(f"npz, {name}", said, files.GEMMA)(lambda folder, _: archived(folder / "params.npz", members))


_npz("header of 256 TiB", "W_enc states 281,474,976,710,656 bytes", {"W_enc.npy": npy("(1099511627776, 64)")})
_npz("product past 2^64", "W_enc states 2,361,183,241,434,822,606,848 bytes", {"W_enc.npy": npy(f"({2**35}, {2**34})")})
_npz("negative shape", "W_enc is no array of numbers", {"W_enc.npy": npy("(-1, 6)")})
_npz(
    "array of objects",
    "W_enc is no array of numbers",
    {"W_enc.npy": npy("(1,)", "'|O'", b"cos\nsystem\n(S'true'\ntR.")},
)
_npz("header that calls", "W_enc is no array that numpy saved", {"W_enc.npy": npy("__import__('os').system('true')")})
_npz("header of brackets", "W_enc is no array that numpy saved", {"W_enc.npy": npy("(" * 4000)})
_npz("name that leads up", "its member ../secret.npy is none that numpy writes", {"../secret.npy": npy("(2,)")})
_npz("absolute name", "its member /etc/passwd.npy is none that numpy writes", {"/etc/passwd.npy": npy("(2,)")})
_npz("name that turns the text", "is none that numpy writes", {"W\u202e.npy": npy("(2,)")})
_npz(
    "bomb of 1,000:1",
    "would unpack to over 100 times its size",
    {"W_enc.npy": npy("(16777216,)", content=bytes(2**26))},
)
_npz("10,000 arrays", "params.npz cannot be read", {f"a{number}.npy": npy("(2,)") for number in range(10_000)})


@dictionary("npz that is a link to a secret", "params.npz cannot be read", files.GEMMA)
def _short(folder: Path, ground: Ground) -> Path:
    (folder / "params.npz").write_bytes(SECRET[::-1])
    return folder


def _yaml(name: str, said: str, text: str, ends: Ends = "refused") -> None:
    def craft(folder: Path, ground: Ground) -> Path:
        (folder / "config.yaml").write_text(text, "utf-8")
        return folder / "layer_1.safetensors"

    dictionary(f"config.yaml, {name}", said, Path("circuit_tracer", "relu"), ends)(craft)


UNSAID = "config.yaml does not say its feature_input_hook"
_yaml("tag that runs a command", UNSAID, "feature_input_hook: !!python/object/apply:os.system ['true']\n")
_yaml("tag that imports", UNSAID, "feature_input_hook: !!python/module:secret x\n")
_yaml("tag that makes an object", UNSAID, "feature_input_hook: !!python/object/new:open ['secret.bin']\n")
_yaml("hook that leads up", UNSAID, "feature_input_hook: ../../secret.bin\n")
_yaml("hook with a line end", UNSAID, 'feature_input_hook: "hook_mlp_out\\n"\n')
_yaml("lists 10,000 deep", "config.yaml is no YAML, or far too deep", "a: " + "[" * 10_000)
_yaml("mapping of a million merges", UNSAID, "a: &a {x: y}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}' if n else '*a'] * 9)}]}}\n" for n in range(7)
))  # fmt: skip
_yaml("text of 1 MB", "config.yaml says nothing, or is far too long", "feature_input_hook: " + "x" * 2**20)


ACROSS = Path("circuit_tracer", "clt-relu")


@dictionary("cross-layer transcoder that lacks a layer", "it lacks W_enc_1.safetensors", ACROSS)
def _gap(folder: Path, ground: Ground) -> Path:
    (folder / "W_enc_1.safetensors").unlink()
    return folder / "W_enc_0.safetensors"


@dictionary("cross-layer transcoder that lacks its last", "layer 1 writes to 2 layers, and there are 1 from", ACROSS)
def _last(folder: Path, ground: Ground) -> Path:
    (folder / "W_enc_2.safetensors").unlink()
    return folder / "W_enc_1.safetensors"


@dictionary("cross-layer transcoder without a decoder", "it lacks W_dec_1.safetensors", ACROSS)
def _no_decoder(folder: Path, ground: Ground) -> Path:
    (folder / "W_dec_1.safetensors").unlink()
    return folder / "W_enc_1.safetensors"


@dictionary("layer 9,999 of a set", "relu", Path("circuit_tracer", "relu"), "read")
def _far(folder: Path, ground: Ground) -> Path:
    return (folder / "layer_1.safetensors").rename(folder / "layer_9999.safetensors")


@dictionary("thresholds that are negative", "a threshold is negative", Path("circuit_tracer", "jumprelu"))
def _negative(folder: Path, ground: Ground) -> Path:
    path = folder / "layer_1.safetensors"
    tensors = load_file(path)
    save_file(tensors | {"activation_function.threshold": -np.ones(12, np.float32)}, path)
    return path


def _json(name: str, said: str, fixture: Path, file: str, **fields: Any) -> None:
    def craft(folder: Path, ground: Ground) -> Path:
        (folder / file).write_text(json.dumps(json.loads((folder / file).read_text("utf-8")) | fields), "utf-8")
        return folder

    dictionary(name, said, fixture)(craft)


_json("hook of transformers that leads up", "its hf_hook_point_in is", files.GEMMA_2, "config.json",
      hf_hook_point_in="model.layers.3.../../x")  # fmt: skip
_json("width of 2^62", "its d_model is no number that can be", files.LLAMA, "hyperparams.json", d_model=2**62)
_json("width of half a number", "its d_model is no number that can be", files.LLAMA, "hyperparams.json", d_model=6.5)
_json("norm of nothing", "its in is no number that can be", files.LLAMA, "hyperparams.json",
      dataset_average_activation_norm={"in": 0.0, "out": 1.0})  # fmt: skip
_json("norm that is infinite", "its in is no number that can be", files.LLAMA, "hyperparams.json",
      dataset_average_activation_norm={"in": float("inf"), "out": 1.0})  # fmt: skip
