"""A Ray cluster makes the shards that one process makes, whoever is killed there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from interpviz.core.jobs import Record
from interpviz.data import manifest
from interpviz.data.check import check
from interpviz.engine import cluster
from interpviz.engine.record import record
from tests.engine.pairs import Pair
from tests.sources import ROOT

LINE = "the cat sat on a mat and the dog sat too".replace("", " ")
SITES = ("L1R", "L0H")


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_makes_the_shards_of_one_process(llama: Pair, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(f"{LINE}\n" * 8000)
    command = [sys.executable, "-m", "interpviz", "record", llama.facts.source, "--text", str(text), "--context", "32"]
    sites = [part for site in SITES for part in ("--site", site)]
    far = tmp_path / "far.acts"
    running = subprocess.Popen([*command, *sites, "--out", str(far), "--on", "ray", "--workers", "2"], cwd=ROOT)
    try:
        while running.poll() is None and not any(far.glob("shard-*.h5")):
            pass
        heard_at = _listening(running.pid)
        os.kill(_workers(running.pid)[0], signal.SIGKILL)
        lost_at = len(manifest.read(far).shards)
        assert running.wait(240) == 0
    finally:
        running.kill()
    assert heard_at
    assert heard_at <= {"0100007F", "0000000000000000FFFF00000100007F"}, "others than this machine may speak to it"
    near = record(llama.model, Record(llama.facts.source, (str(text),), SITES, str(tmp_path / "near.acts"), context=32))
    names = [line.file for line in manifest.read(tmp_path / "near.acts").shards]
    assert lost_at < len(names) - 2, "the worker was killed too late to be missed"
    assert [line.file for line in manifest.read(far).shards] == names
    for name in names:
        assert (far / name).read_bytes() == (Path(near.source) / name).read_bytes()
    assert check(str(far)).whole
    assert not list(far.glob(".*"))


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl+C is heard, as it is not where a shell started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_ctrl_c_waits_until_ray_has_started() -> None:
    started = []

    def start() -> None:
        with cluster.uninterrupted():
            signal.raise_signal(signal.SIGINT)
            started.append("ray")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert started
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.slow
def test_a_cluster_that_nobody_started_is_a_sentence(llama: Pair, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(LINE)
    command = [sys.executable, "-m", "interpviz", "record", llama.facts.source, "--text", str(text), "--site", "L1R"]
    nowhere = [*command, "--context", "32", "--out", str(tmp_path / "x.acts"), "--on", "ray=127.0.0.1:1"]
    answer = subprocess.run(nowhere, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert answer.stderr.strip().endswith("does not answer. Start it with `ray start`, or look at its address.")
    assert not (tmp_path / "x.acts").exists()


def _workers(parent: int) -> list[int]:
    """The processes of Ray's actors that descend from this one."""
    lines = {process: _command(process) for process in _descendants(parent)}
    found = [process for process, line in lines.items() if b"Worker" in line and line.startswith(b"ray::")]
    assert found, "no worker runs"
    return found


def _listening(parent: int) -> set[str]:
    """The addresses, as the kernel writes them, at which this process's descendants take connections."""
    sockets = {link for process in (parent, *_descendants(parent)) for link in _open_files(process)}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in sockets:
                found.add(local.partition(":")[0])
    return found


def _descendants(parent: int) -> list[int]:
    parents = {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = []
    for process in parents:
        above = parents[process]
        while above and above != parent:
            above = parents.get(above, 0)
        if above == parent:
            found.append(process)
    return found


def _open_files(process: int) -> list[str]:
    found = []
    with contextlib.suppress(OSError):
        for handle in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(os.readlink(handle))
    return found


def _parent(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
