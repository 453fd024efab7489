"""Whatever an HDF5 file asks for, the answer is a sentence within 10 seconds, and nothing outside it is read."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from interpviz.core.errors import InterpvizError
from interpviz.data import child, probe
from interpviz.data.activations import Cache


def test_a_dataset_lies_where_the_probe_says(tmp_path: Path) -> None:
    values = np.arange(12, dtype="<f4").reshape(3, 4)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/values"] = values
        file.attrs["note"], file.attrs["number"] = "né", 7
    found = probe.structure(tmp_path / "a.h5")
    stored = found.datasets["group/values"]
    raw = (tmp_path / "a.h5").read_bytes()
    assert stored.offset is not None
    np.testing.assert_array_equal(np.frombuffer(raw, stored.dtype, 12, stored.offset), values.ravel())
    assert (stored.shape, stored.nbytes) == ((3, 4), 48)
    assert found.attributes == {"note": "né", "number": 7}


def test_a_chunked_dataset_has_no_offset(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("packed", data=np.zeros((64, 64)), compression="gzip")
    assert probe.structure(tmp_path / "a.h5").datasets["packed"].offset is None


def _external_link(file: h5py.File) -> None:
    file["out"] = h5py.ExternalLink("../secret.h5", "/x")


def _soft_link(file: h5py.File) -> None:
    file["out"] = h5py.SoftLink("/nowhere")


def _raw(file: h5py.File) -> None:
    file.create_dataset("out", (16,), "u1", external=[("/etc/passwd", 0, 16)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "x", (4,))
    file.create_virtual_dataset("out", layout)


def _huge(file: h5py.File) -> None:
    file.create_dataset("out", (2**40, 1024), "f4", chunks=(1024, 1024))


def _thick_chunks(file: h5py.File) -> None:
    file.create_dataset("out", (8,), "f8", chunks=(8,), maxshape=(None,))
    file.create_dataset("thick", (1, 1), "f8", chunks=(2**13, 2**13), maxshape=(None, None))


def _unknown_filter(file: h5py.File) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((8,))
    plist.set_filter(307, h5py.h5z.FLAG_OPTIONAL)  # bzip2, which is not built in
    h5py.h5d.create(file.id, b"out", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((8,)), plist)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_external_link, "out is a link that may lead out"),
        (_soft_link, "out is a link that may lead out"),
        (_raw, "out keeps its data in other files"),
        (_virtual, "out is virtual"),
        (_huge, "out declares 4,503,599,627,370,496 bytes"),
        (_thick_chunks, "thick has chunks of 536,870,912 bytes"),
        (_unknown_filter, "out is packed by filter 307"),
    ],
)
def test_what_leads_out_of_a_file_is_named_and_not_followed(
    tmp_path: Path, spoil: Callable[[Any], None], said: str
) -> None:
    with h5py.File(tmp_path / "hostile.h5", "w") as file:
        spoil(file)
    found = probe.structure(tmp_path / "hostile.h5")
    assert [said in problem for problem in found.problems] == [True]


def test_a_shard_with_a_link_in_it_is_refused(tmp_path: Path, sample: Any) -> None:
    path = sample.folder / "shard-00000.h5"
    with h5py.File(path, "r+") as file:
        _external_link(file)
    with pytest.raises(InterpvizError, match=r"shard-00000\.h5 is refused: out is a link"):
        Cache.open(path)


def test_groups_that_lie_too_deep_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        file.create_group("/".join("g" * 40))
    with pytest.raises(probe.Unreadable, match="its groups lie over 32 deep"):
        probe.structure(tmp_path / "deep.h5")


def test_a_group_inside_itself_is_walked_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "ring.h5", "w") as file:
        file["a/x"] = np.zeros(3)
        file["a/again"] = file["a"]
    assert set(probe.structure(tmp_path / "ring.h5").datasets) == {"a/x"}


def test_a_member_that_has_many_names_is_told_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros(3)
        file["again"] = file["x"]
    assert len(probe.structure(tmp_path / "a.h5").datasets) == 1


def test_an_array_of_a_type_that_numpy_lacks_has_its_length_in_bytes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        h5py.h5d.create(file.id, b"time", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((3,)))
    stored = probe.structure(tmp_path / "a.h5").datasets["time"]
    assert (stored.dtype, stored.nbytes) == ("unknown", 12)


def test_an_array_of_nothing_has_no_rows_and_one_value_has_no_axis(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["nothing"], file["one"] = h5py.Empty("<f4"), np.float32(3)
    found = probe.structure(tmp_path / "a.h5").datasets
    assert (found["nothing"].shape, found["nothing"].nbytes) == ((0,), 0)
    assert (found["one"].shape, found["one"].nbytes) == ((), 4)


def test_attributes_that_are_neither_a_text_nor_a_whole_number_are_left_out(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["number"], file.attrs["empty"], file.attrs["real"] = 7, h5py.Empty("i4"), 0.5
        file.attrs["bytes"], file.attrs["many"] = np.bytes_(b"\xff"), np.arange(3)
    assert probe.structure(tmp_path / "a.h5").attributes == {"number": 7}


def test_a_file_that_another_program_writes_is_in_use_until_it_ends(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros(3)
        file.flush()
        with pytest.raises(probe.Unreadable, match="it is in use by another program"):
            probe.structure(tmp_path / "a.h5")
    assert "x" in probe.structure(tmp_path / "a.h5").datasets


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.h5")
    with pytest.raises(probe.Unreadable, match="it is no ordinary file"):
        probe.structure(tmp_path / "a.h5")


def test_a_big_attribute_is_refused_unread(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "big.h5", "w", libver="latest") as file:
        file.attrs["big"] = np.zeros(2**18 + 1)
    with pytest.raises(probe.Unreadable, match="its attribute big takes over 1,048,576 bytes"):
        probe.structure(tmp_path / "big.h5")


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(5000), b"plain text"])
def test_what_is_no_hdf5_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(probe.Unreadable, match=r"a\.h5 cannot be opened: .* Choose another file"):
        probe.structure(tmp_path / "a.h5")


def test_one_child_serves_many_files_and_is_replaced_when_it_dies(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros(3)
    probe.structure(tmp_path / "a.h5")
    first = probe._children[0].pid
    probe.structure(tmp_path / "a.h5")
    assert probe._children[0].pid == first
    os.kill(first, signal.SIGKILL)
    while probe._children[0].alive:
        pass
    assert "x" in probe.structure(tmp_path / "a.h5").datasets
    assert probe._children[0].pid != first


def test_a_child_that_hangs_is_ended_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.h5").write_bytes(b"x")
    monkeypatch.setattr(probe, "LIMIT", 0.5)
    probe.end()
    monkeypatch.setattr(probe, "_child", lambda: _stopped())
    started = time.monotonic()
    with pytest.raises(probe.Unreadable, match=r"a\.h5 took over 0\.5 seconds"):
        probe.structure(tmp_path / "a.h5")
    assert time.monotonic() - started < 5


def _stopped() -> child.Child:
    """A child that will not answer, as HDF5 hangs on some broken files."""
    stopped = child.Child("interpviz.data.probe_child")
    os.kill(stopped.pid, signal.SIGSTOP)
    return stopped


def test_a_child_has_limited_memory_and_no_plugins(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros(3)
    probe.structure(tmp_path / "a.h5")
    pid = probe._children[0].pid
    assert b"HDF5_PLUGIN_PRELOAD=::" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    assert any(line.startswith("Max address space") and str(2**30) in line for line in limits)
