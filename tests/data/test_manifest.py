"""The manifest tells a torn line, which a kill leaves, from a damaged one, which a disk leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpviz.core.errors import InterpvizError
from interpviz.data import manifest
from interpviz.data.activations import Cache
from interpviz.data.manifest import CacheDamaged, NewerVersion, ShardLine
from tests.data.samples import RESIDUAL, Sample, job

LINE = ShardLine(file="shard-00002.h5", tokens=5, sha256="d" * 64)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(model=st.text(min_size=1, max_size=30), context=st.integers(1, 1000), tokens=st.integers(0, 10**9))
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, model: str, context: int, tokens: int
) -> None:
    folder = tmp_path_factory.mktemp("manifest")
    wanted = job(model=model, context=context, tokens=tokens)
    lines = tuple(ShardLine(file=manifest.shard_name(n), tokens=n + 1, sha256="d" * 64) for n in range(3))
    manifest.write(folder, wanted)
    for line in lines:
        manifest.append(folder, line)
    found = manifest.read(folder)
    assert (found.job, found.shards) == (wanted, lines)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_torn_last_line_is_ignored_and_written_over(sample: Sample, cut: int) -> None:
    path = sample.folder / manifest.NAME
    whole = path.read_bytes()
    path.write_bytes(whole + manifest.sealed(LINE.model_dump())[:cut])
    cache = Cache.open(sample.folder)
    np.testing.assert_array_equal(cache.rows(RESIDUAL, range(160)), sample.rows[RESIDUAL])
    manifest.append(sample.folder, LINE)
    assert path.read_bytes() == whole + manifest.sealed(LINE.model_dump())


def test_a_line_that_lacks_only_its_end_counts(sample: Sample) -> None:
    path = sample.folder / manifest.NAME
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert Cache.open(sample.folder).facts.tokens == 160
    manifest.append(sample.folder, LINE)
    assert path.read_bytes() == whole + manifest.sealed(LINE.model_dump())


def test_every_flipped_byte_of_a_manifest_is_found(sample: Sample) -> None:
    path = sample.folder / manifest.NAME
    whole = path.read_bytes()
    true = manifest.read(sample.folder)
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x04]) + whole[at + 1 :])
        try:
            found = manifest.read(sample.folder)
        except InterpvizError:
            continue
        assert (found.job, found.shards) == (true.job, true.shards), at


def test_a_newer_manifest_is_refused_by_its_version(tmp_path: Path) -> None:
    (tmp_path / manifest.NAME).write_bytes(manifest.sealed(job().as_json() | {"version": "2.1.0"}))
    with pytest.raises(NewerVersion, match=r"manifest\.jsonl is of version 2\.1\.0"):
        manifest.read(tmp_path)


def test_a_later_minor_version_opens(tmp_path: Path) -> None:
    (tmp_path / manifest.NAME).write_bytes(manifest.sealed(job().as_json() | {"version": "1.9.0", "more": 1}))
    assert manifest.read(tmp_path).job == job()


@pytest.mark.parametrize("file", ["../shard-00000.h5", "/etc/passwd"])
def test_a_shard_may_not_lie_elsewhere(tmp_path: Path, file: str) -> None:
    line = manifest.sealed({"file": file, "tokens": 5, "sha256": "d" * 64})
    (tmp_path / manifest.NAME).write_bytes(manifest.sealed(job().as_json()) + line)
    with pytest.raises(CacheDamaged):
        manifest.read(tmp_path)


@pytest.mark.parametrize(("numbers", "allowed"), [((0, 2, 7), True), ((3,), True), ((1, 0), False), ((0, 0), False)])
def test_shards_may_be_lacking_but_their_numbers_rise(tmp_path: Path, numbers: tuple[int, ...], allowed: bool) -> None:
    lines = [ShardLine(file=manifest.shard_name(number), tokens=5, sha256="d" * 64) for number in numbers]
    manifest.write(tmp_path, job(), lines)
    if allowed:
        assert manifest.read(tmp_path).shards == tuple(lines)
    else:
        with pytest.raises(CacheDamaged, match="its shards are not in order"):
            manifest.read(tmp_path)


def test_what_is_legible_of_a_damaged_manifest_is_told_from_the_rest(sample: Sample) -> None:
    path = sample.folder / manifest.NAME
    header, first, second = path.read_bytes().splitlines(keepends=True)
    true = manifest.read(sample.folder)
    path.write_bytes(header + first.replace(b"100", b"101") + second)
    assert manifest.legible(sample.folder) == (true.job, true.shards[1:])
    path.write_bytes(b"\x00" + header + first + second)
    assert manifest.legible(sample.folder) == (None, true.shards)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"[" * 100_000 + b"\n", b"{}\n", b"null\n", b'{"crc32": 1}\n', b"\xff\n"]
)
def test_what_is_no_manifest_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / manifest.NAME).write_bytes(content)
    with pytest.raises(CacheDamaged, match=r"manifest\.jsonl is damaged: its line 1"):
        manifest.read(tmp_path)
