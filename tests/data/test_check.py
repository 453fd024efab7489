"""A check finds every damage and says whether a cache, a dictionary, a session or a model is whole."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from interpviz.core.document import Document
from interpviz.core.errors import InterpvizError
from interpviz.data import hashes, manifest, sessions
from interpviz.data.check import check
from tests.data import sae_files
from tests.data.samples import CODES, RESIDUAL, Sample, record
from tests.data.test_sessions import CACHE, MODEL


def test_a_whole_cache_says_what_made_it(recorded: Sample) -> None:
    found = check(str(recorded.folder))
    assert (found.kind, found.whole, found.problems) == ("cache", True, ())
    assert found.facts["model"] == "toy"
    assert (found.facts["recorded"], found.facts["shards"]) == (160, 2)
    assert found.facts["good"] == ["shard-00000.h5", "shard-00001.h5"]
    assert (found.facts["damaged"], found.facts["missing"]) == ([], [])


def test_a_shard_alone_is_whole(recorded: Sample) -> None:
    assert check(str(recorded.folder / "shard-00001.h5")).whole


def test_every_damaged_place_is_named(sample: Sample) -> None:
    path = sample.folder / "shard-00001.h5"
    content = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        offsets = [file[name].id.get_offset() for name in (f"activations/{RESIDUAL}", "tokens/id")]
    for offset in offsets:
        content[offset] ^= 1
    path.write_bytes(content)
    found = check(str(sample.folder))
    said = " ".join(found.problems)
    assert "shard-00001.h5 is not the file that was committed" in said
    assert f"activations/{RESIDUAL}" in said
    assert "tokens/id" in said
    assert (found.facts["good"], found.facts["damaged"]) == (["shard-00000.h5"], ["shard-00001.h5"])
    assert (found.facts["model"], found.facts["recorded"]) == ("toy", 100)


def test_a_shard_alone_that_is_damaged_is_not_whole(sample: Sample) -> None:
    path = sample.folder / "shard-00001.h5"
    content = bytearray(path.read_bytes())
    content[content.index(sample.rows[RESIDUAL][100:160].astype("<f2").tobytes())] ^= 1
    path.write_bytes(content)
    (problem,) = check(str(path)).problems
    assert problem.startswith(f"shard-00001.h5 is damaged: block 0 of activations/{RESIDUAL}")


def test_a_byte_that_no_checksum_covers_is_found_by_the_sha256(sample: Sample) -> None:
    with h5py.File(sample.folder / "shard-00000.h5", "r+") as file:
        file.attrs["note"] = np.int32(1)
    (problem, short) = check(str(sample.folder)).problems
    assert problem.startswith(
        "shard-00000.h5 is not the file that was committed. Copy the folder again whole, or run `inter"
    )
    assert short.startswith("It holds 60 of 160 tokens.")


def test_a_lost_shard_is_named(sample: Sample) -> None:
    (sample.folder / "shard-00000.h5").unlink()
    found = check(str(sample.folder))
    assert found.problems[0].startswith("shard-00000.h5 is missing. Copy the folder again whole, or run")
    assert (found.facts["missing"], found.facts["good"]) == (["shard-00000.h5"], ["shard-00001.h5"])


def test_gaps_are_named_with_the_tokens_that_they_cost(tmp_path: Path) -> None:
    made = record(tmp_path / "x.acts", (20,) * 6)
    whole = manifest.read(made.folder).shards
    manifest.write(made.folder, made.job, (whole[number] for number in (0, 5)))
    for number in (1, 2, 3, 4):
        (made.folder / manifest.shard_name(number)).unlink()
    found = check(str(made.folder))
    assert found.problems == (
        "It holds 40 of 120 tokens, without shard-00001.h5 to shard-00004.h5. Run the command that records it again.",
    )
    assert found.facts["missing"] == [f"shard-0000{number}.h5" for number in (1, 2, 3, 4)]
    assert found.told["missing"] == "shard-00001.h5 to shard-00004.h5"
    assert found.told["good"] == "shard-00000.h5, shard-00005.h5"


def test_a_recording_that_was_stopped_is_not_whole(sample: Sample) -> None:
    manifest.write(sample.folder, sample.job, manifest.read(sample.folder).shards[:1])
    (sample.folder / "shard-00001.h5").unlink()
    found = check(str(sample.folder))
    assert found.problems == ("It holds 100 of 160 tokens. Run the command that records it again.",)
    assert found.facts["recorded"] == 100


def test_a_shard_that_was_never_committed_is_named(sample: Sample) -> None:
    manifest.write(sample.folder, sample.job, manifest.read(sample.folder).shards[:1])
    (problem,) = check(str(sample.folder)).problems
    assert problem.startswith("shard-00001.h5 is whole, but not in manifest.jsonl.")


def test_a_shard_of_another_cache_is_named(sample: Sample, tmp_path: Path) -> None:
    other = record(tmp_path / "other.acts", (100, 60), texts=("e" * 64,))
    shutil.copy(other.folder / "shard-00001.h5", sample.folder / "shard-00001.h5")
    said = " ".join(check(str(sample.folder)).problems)
    assert "shard-00001.h5 belongs to another cache." in said


def test_codes_and_bfloat16_are_looked_at_too(tmp_path: Path) -> None:
    made = record(tmp_path / "x.acts", (60,), dtype="bfloat16", dictionaries=(CODES,))
    found = check(str(made.folder))
    assert (found.whole, found.told["dictionaries"]) == (True, ["4 of sae"])
    path = made.folder / "shard-00000.h5"
    content = bytearray(path.read_bytes())
    content[content.index(made.rows["sae/index"].tobytes())] ^= 1
    path.write_bytes(content)
    assert any("block 0 of codes/sae/index" in problem for problem in check(str(made.folder)).problems)


def test_a_shard_that_may_not_be_read_is_a_problem(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(hashes, "content_sha256", refused)
    (problem,) = check(str(sample.folder)).problems
    assert problem.endswith("shard-00000.h5 cannot be read (Permission denied). Check the disk and your rights.")


def test_a_damaged_manifest_is_a_problem_not_an_error(sample: Sample) -> None:
    (sample.folder / manifest.NAME).write_bytes(b"{}\n")
    found = check(str(sample.folder))
    assert (found.kind, found.whole) == ("cache", False)
    assert found.problems[0].startswith("manifest.jsonl is damaged: its line 1 is not as it was written.")
    assert "interpviz check --repair" in found.problems[0]
    assert found.facts["good"] == ["shard-00000.h5", "shard-00001.h5"]


def test_a_whole_dictionary_says_what_it_is(tmp_path: Path) -> None:
    folder = sae_files.random_sae(tmp_path / "L0", "jumprelu", normalize_activations="layer_norm")
    found = check(str(folder))
    assert (found.kind, found.whole, found.facts["notes"]) == ("dictionary", True, [])
    said = {name: found.facts[name] for name in ("name", "architecture", "hook", "d_in", "features")}
    assert said == {"name": "L0", "architecture": "jumprelu", "hook": sae_files.HOOK, "d_in": 6, "features": 10}
    assert found.facts["normalize_activations"] == "layer_norm"


def test_a_dictionary_with_one_spoiled_weight_is_not_whole(tmp_path: Path) -> None:
    tensors = sae_files.weights()
    tensors["W_dec"][3, 2] = np.nan
    found = check(str(sae_files.save(tmp_path / "L0", sae_files.config(), tensors)))
    assert (found.kind, found.whole) == ("dictionary", False)
    assert found.problems == (
        "L0 cannot be read as a dictionary: its W_dec holds NaN or infinite numbers. Train, save or fetch it again.",
    )


def test_a_run_of_dictionaries_is_whole_if_each_of_them_is(tmp_path: Path) -> None:
    run = shutil.copytree(sae_files.SAVED_BY_SPARSIFY / "transcoders", tmp_path / "run")
    found = check(str(run))
    assert (found.whole, found.facts["parts"]) == (True, ["layers.0.mlp", "layers.3.mlp", "layers.4"])
    (run / "layers.3.mlp" / "sae.safetensors").write_bytes(b"")
    found = check(str(run))
    assert (found.whole, found.facts["parts"]) == (False, ["layers.0.mlp", "layers.4"])
    assert [problem.split(":")[0] for problem in found.problems] == ["sae.safetensors in layers.3.mlp is damaged"]


def test_half_a_dictionary_is_not_whole(tmp_path: Path) -> None:
    folder = sae_files.random_sae(tmp_path / "L0")
    (folder / "cfg.json").unlink()
    found = check(str(folder))
    assert (found.kind, found.whole) == ("dictionary", False)
    assert found.problems[0].startswith("L0 holds no cfg.json")


def test_a_session_whose_cache_is_gone_is_not_whole(tmp_path: Path) -> None:
    sessions.save(Document(MODEL, replace(CACHE, source=str(tmp_path / "x.acts"))), tmp_path / "s.json")
    found = check(str(tmp_path / "s.json"))
    assert found.problems == (f"{tmp_path / 'x.acts'} is not there. Put it back, or open another.",)
    assert found.facts["model"] == "demo"


def test_a_broken_model_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    found = check(str(tmp_path))
    assert (found.kind, found.whole) == ("model", False)
    assert "no .safetensors" in found.problems[0]


def test_what_is_nothing_of_ours_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InterpvizError, match="holds neither"):
        check(str(tmp_path))
