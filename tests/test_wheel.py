"""What a user installs: the wheel alone, away from the tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.sources import ROOT

MOST_BYTES = 60_000_000
CARRIED = (
    "demo/session.json",
    "demo/model/model.safetensors",
    "demo/dictionaries/L1R-1024/sae_weights.safetensors",
    "demo/dictionaries/L1R-1024.features.h5",
    "demo/reference.txt",
    "system-libraries.txt",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_carries_the_demo_and_not_what_it_was_made_from(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {f"interpviz/resources/{name}" for name in CARRIED} <= names
    assert any(name.endswith("LICENSE") for name in names)
    shaders = {f"interpviz/render/glsl/{path.name}" for path in (ROOT / "interpviz/render/glsl").iterdir()}
    assert shaders <= names
    assert [name for name in names if name.startswith(("tests/", "resources/")) or name.endswith("demo/build.py")] == []
    assert wheel.stat().st_size < MOST_BYTES


@pytest.mark.slow
def test_the_wheel_without_the_tree_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    where = "import interpviz, interpviz.core.paths as p; print(interpviz.__file__, p.resource('demo'))"
    found = _python(site, tmp_path, "-c", where).split()
    assert all(path.startswith(str(site)) for path in found)
    answer = json.loads(_python(site, tmp_path, "-m", "interpviz", "run", "demo", "--prompt", "The beagle", "--json"))
    assert answer["model"] == "demo"
    assert len(answer["clean"]["top"]) == 10


def _python(site: Path, folder: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(site)}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout
