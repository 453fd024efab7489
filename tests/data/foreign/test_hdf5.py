"""HDF5 files of other people become caches that hold what they held, number for number."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from interpviz.core.errors import Cancelled, InterpvizError
from interpviz.core.jobs import Import
from interpviz.data.activations import Cache
from interpviz.data.foreign import look_into, opened
from interpviz.data.foreign.importing import run
from tests.data.foreign import makers


def imported(source: Path, out: Path, **mapping: str) -> Cache:
    """The cache that an import makes; `mapping` has `__` for `/`."""
    names = tuple((old.replace("__", "/"), new) for old, new in mapping.items())
    run(Import(str(source), str(out), names))
    return Cache.open(out)


@pytest.mark.parametrize(("dtype", "stored"), [("uint16", "bfloat16"), ("float16", "float16"), ("float32", "float16")])
def test_chunks_of_a_clt_generator_are_read_exactly(tmp_path: Path, dtype: str, stored: str) -> None:
    makers.make_chunks(tmp_path / "theirs", dtype, rows=(9, 4, *[1] * 9))  # chunk_10 comes after chunk_9
    cache = imported(tmp_path / "theirs", tmp_path / "ours.acts")
    assert (cache.job.dtype, cache.job.model, cache.facts.known) == (stored, "toy/one", False)
    assert set(cache.facts.sites) == {f"blocks.{i}.{part}" for i in (0, 1) for part in ("mlp.hook_in", "hook_mlp_out")}
    for layer, (part, hook) in ((0, ("inputs", "mlp.hook_in")), (1, ("targets", "hook_mlp_out"))):
        every = [makers.chunk(n, layer, part, rows, dtype) for n, rows in enumerate((9, 4, *[1] * 9))]
        expected = np.concatenate(every)
        if dtype == "uint16":  # the upper half of a float32
            expected = np.frombuffer(b"".join(b"\0\0" + bits.tobytes() for bits in expected.reshape(-1)), "<f4")
        np.testing.assert_array_equal(
            cache.rows(f"blocks.{layer}.{hook}", slice(0, 22)), expected.reshape(22, -1).astype(np.float32)
        )


def test_halves_that_lost_their_negative_numbers_are_told_before_they_are_imported(tmp_path: Path) -> None:
    file = makers.make_chunks(tmp_path, rows=(9,))
    assert "negative" not in look_into(tmp_path).layout
    with h5py.File(file, "r+") as written:
        written["layer_1/targets"][:] &= 0x7FFF
    assert "; the first rows of layer_1/targets hold no negative number" in look_into(tmp_path).layout


def test_rows_that_nobody_places_count_within_their_chunk(tmp_path: Path) -> None:
    makers.make_chunks(tmp_path / "theirs", rows=(3, 2))
    tokens = imported(tmp_path / "theirs", tmp_path / "ours.acts").tokens()
    assert tokens.position.tolist() == [0, 1, 2, 0, 1]
    assert tokens.document.tolist() == [0, 0, 0, 1, 1]
    assert (set(tokens.id.tolist()), tokens.texts) == ({0}, {0: "?"})


def test_what_is_stored_as_uint16_is_said_to_be_bfloat16(tmp_path: Path) -> None:
    makers.make_chunks(tmp_path / "theirs")
    found = look_into(tmp_path / "theirs")
    assert found.layout.startswith("2 HDF5 chunks of inputs and targets by layer")
    assert "bfloat16 stored as uint16" in found.layout
    assert (found.tokens, {holding.dtype for holding in found.holdings}) == (13, {"bfloat16"})


def test_contexts_of_named_hooks_become_rows_with_their_tokens(tmp_path: Path) -> None:
    path = makers.make_arrays(tmp_path)
    cache = imported(path, tmp_path / "ours.acts")
    residual = makers.numbers(3, makers.CONTEXT, makers.D_MODEL, seed=1).reshape(18, makers.D_MODEL)
    heads = makers.numbers(3, makers.CONTEXT, 2, 4, seed=2).reshape(18, 2, 4)
    np.testing.assert_array_equal(cache.rows("L0R", range(18)), residual)
    np.testing.assert_array_equal(cache.rows("L0H1", range(18)), heads[:, 1])
    tokens = cache.tokens()
    assert tokens.id.tolist() == list(range(18))
    assert tokens.position.tolist() == list(range(6)) * 3
    assert tokens.texts[17] == "#17"
    assert cache.job.context == makers.CONTEXT


def test_a_group_of_batches_is_one_array_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    path = makers.make_batches(tmp_path)
    cache = imported(path, tmp_path / "ours.acts", activations="L4R", token_ids="tokens")
    with h5py.File(path) as file:
        parts = [np.asarray(file[f"activations/{name}"]) for name in ("batch_9", "batch_19", "batch_final")]
    np.testing.assert_array_equal(cache.rows("L4R", range(36)), np.concatenate(parts).reshape(36, -1))
    assert cache.tokens().id.tolist() == [7] * 12 + [8] * 18 + [11] * 6


def test_a_number_too_large_for_float16_is_kept_by_a_scale(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "large.h5", "w") as file:
        file["hook_embed"] = np.array([[1.0, 2.0**20], [3.0, -4.0]], np.float32)
    cache = imported(tmp_path / "large.h5", tmp_path / "ours.acts")
    assert cache.rows("E", [0, 1]).tolist() == [[1.0, 2.0**20], [3.0, -4.0]]


def test_only_what_is_mapped_is_imported(tmp_path: Path) -> None:
    makers.make_chunks(tmp_path / "theirs", "float32")
    cache = imported(tmp_path / "theirs", tmp_path / "ours.acts", layer_1__targets="L7M")
    assert cache.facts.sites == ("blocks.7.hook_mlp_out",)
    np.testing.assert_array_equal(cache.rows("L7M", range(9)), makers.chunk(0, 1, "targets", 9, "float32"))


def test_a_chunk_that_is_lost_or_differs_is_a_sentence(tmp_path: Path) -> None:
    makers.make_chunks(tmp_path / "a", rows=(2, 2, 2))
    (tmp_path / "a" / "chunk_1.hdf5").unlink()
    with pytest.raises(InterpvizError, match=r"^a lacks chunk_1\. Copy the folder again whole\.$"):
        look_into(tmp_path / "a")
    makers.make_chunks(tmp_path / "b", rows=(2, 2))
    with h5py.File(tmp_path / "b" / "chunk_1.hdf5", "r+") as file:
        del file["layer_1/inputs"]
    with pytest.raises(InterpvizError, match=r"chunk_1.hdf5 does not hold the arrays that chunk_0.hdf5 holds"):
        look_into(tmp_path / "b")
    makers.make_chunks(tmp_path / "c", rows=(2,))
    with h5py.File(tmp_path / "c" / "chunk_1.hdf5", "w") as file:
        for name in ("layer_0/inputs", "layer_0/targets", "layer_1/inputs", "layer_1/targets"):
            file[name] = np.zeros((2, 9), np.uint16)
    with pytest.raises(InterpvizError, match=r"The pieces of layer_0/inputs differ in width or type"):
        look_into(tmp_path / "c")


def test_layers_whose_chunks_have_other_numbers_of_rows_are_not_laid_beside_each_other(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    for number, rows in enumerate(((3, 2), (2, 3))):  # five rows in both layers
        with h5py.File(tmp_path / "theirs" / f"chunk_{number}.hdf5", "w") as file:
            for layer in range(2):
                file[f"layer_{layer}/inputs"] = makers.numbers(rows[layer], 4)
    with pytest.raises(InterpvizError, match=r"pieces of layer_0/inputs and of layer_1/inputs have different numbers"):
        imported(tmp_path / "theirs", tmp_path / "ours.acts")


@pytest.mark.parametrize("shape", [(), (1, 3)])
def test_tokens_whose_chunks_have_other_numbers_of_rows_do_not_become_those_of_the_rows(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        for number, (rows, ids) in enumerate(((2, 3), (3, 2))):
            file[f"hook_embed/batch_{number}"] = makers.numbers(rows, *shape[1:], 4)
            file[f"tokens/batch_{number}"] = np.zeros((ids, *shape), np.int64)
    with pytest.raises(InterpvizError, match=r"The pieces of hook_embed and of tokens have different numbers of rows"):
        imported(tmp_path / "theirs.h5", tmp_path / "ours.acts")


def test_an_empty_batch_between_others_is_passed_over(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        for number, rows in enumerate((2, 0, 3)):
            file[f"hook_embed/batch_{number}"] = makers.numbers(rows, 4, seed=number)
        file["tokens/batch_0"], file["tokens/batch_1"] = np.arange(2), np.arange(2, 5)
    cache = imported(tmp_path / "theirs.h5", tmp_path / "ours.acts")
    expected = np.concatenate([makers.numbers(2, 4, seed=0), makers.numbers(3, 4, seed=2)])
    np.testing.assert_array_equal(cache.rows("E", range(5)), expected)
    assert cache.tokens().id.tolist() == list(range(5))


def test_heads_are_no_positions_when_rows_are_counted(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        file["blocks.0.attn.hook_rot_q"] = makers.numbers(7, 2, 4)
    assert look_into(tmp_path / "theirs.h5").tokens == 7
    cache = imported(tmp_path / "theirs.h5", tmp_path / "ours.acts")
    np.testing.assert_array_equal(cache.rows("blocks.0.attn.hook_rot_q", range(7)), makers.numbers(7, 2, 4))


def test_big_endian_numbers_and_a_declared_bfloat16_are_read_as_what_they_are(tmp_path: Path) -> None:
    values = np.arange(8, dtype=np.float32).reshape(2, 4)
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        for name, dtype in (("hook_embed", ">f4"), ("hook_pos_embed", ">f2"), ("hook_double", ">f8")):
            file[name] = values.astype(dtype)
        declared = h5py.h5d.create(file.id, b"hook_bfloat16", kind, h5py.h5s.create_simple((2, 4)))
        declared.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
        file["bits"] = (values.view(np.uint32) >> 16).astype(">u2")
    names = ("hook_embed", "hook_pos_embed", "hook_double", "hook_bfloat16")
    cache = imported(tmp_path / "theirs.h5", tmp_path / "ours.acts", bits="hook_bits", **{n: n for n in names})
    for name in (*names, "hook_bits"):
        np.testing.assert_array_equal(cache.rows(name, range(2)), values)


def test_looking_into_many_chunks_stops_when_it_is_not_wanted(tmp_path: Path) -> None:
    makers.make_chunks(tmp_path / "theirs", rows=(1, 1, 1))
    said: list[str] = []

    def stop(fraction: float, text: str = "", partial: object = None) -> None:
        said.append(text)
        if fraction > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        look_into(tmp_path / "theirs", stop)
    assert said == ["Looking at chunk_0.hdf5", "Looking at chunk_1.hdf5"]


def test_a_link_out_of_the_file_refuses_the_import(tmp_path: Path) -> None:
    path = makers.make_arrays(tmp_path)
    with h5py.File(path, "r+") as file:
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "x")
    with pytest.raises(
        InterpvizError, match=r"theirs.h5 is refused: elsewhere is a link that may lead out of the file"
    ):
        look_into(path)


def test_a_file_that_is_gone_before_it_is_read_is_a_sentence(tmp_path: Path) -> None:
    path = makers.make_arrays(tmp_path)
    with opened(path) as source:
        rows = source.rows("activations/blocks.0.hook_resid_post", "blocks.0.hook_resid_post")
        path.unlink()
        with pytest.raises(InterpvizError, match=r"of theirs.h5 cannot be read: HDF5 cannot read it"):
            rows.floats(0, 3)


def test_rows_inside_a_context_are_those_of_the_whole(tmp_path: Path) -> None:
    with opened(makers.make_arrays(tmp_path)) as source:
        rows = source.rows("activations/blocks.0.attn.hook_z", "blocks.0.attn.hook_z")
        whole = rows.floats(0, 18)
        for start, stop in ((0, 1), (4, 5), (5, 13), (6, 12), (17, 18)):
            np.testing.assert_array_equal(rows.floats(start, stop), whole[start:stop])


def test_a_dataset_whose_bytes_are_spoiled_is_a_sentence(tmp_path: Path) -> None:
    path = makers.make_arrays(tmp_path)
    with h5py.File(path) as file:
        where = file["activations/blocks.0.attn.hook_z"].id.get_chunk_info(1)
    raw = bytearray(path.read_bytes())
    raw[where.byte_offset : where.byte_offset + where.size] = b"\xff" * where.size
    path.write_bytes(raw)
    with pytest.raises(InterpvizError, match=r"blocks.0.attn.hook_z of theirs.h5 cannot be read: HDF5 cannot read it"):
        imported(path, tmp_path / "ours.acts")
    assert not (tmp_path / "ours.acts").exists()
