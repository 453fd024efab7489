"""What each layer may know, seen in fresh processes and in the imports that are written."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

import pytest

from tests.sources import ROOT, imported, modules

HEAVY = ("torch", "transformers", "transformer_lens", "h5py", "PySide6", "umap")
FREE_OF = {
    "core": (*HEAVY, "vispy", "scipy", "pydantic", "numba"),
    "control": (*HEAVY, "vispy", "scipy", "numba"),
    "render": HEAVY,
    "api": HEAVY,
    "cli": (*HEAVY, "rich", "pydantic", "scipy", "numba", "vispy"),
}
ONLY_IMPORTER = {
    "transformer_lens": {"interpviz/engine/lens.py"},
    "accelerate": {"interpviz/engine/ranks.py"},
    "umap": {"interpviz/engine/umap_child.py"},
    "pyarrow": {"interpviz/data/arrow_child.py"},
    "ray": {"interpviz/engine/cluster.py"},
    "yaml": {"interpviz/data/dictionaries/circuit_tracer.py"},
    "snowballstemmer": {"interpviz/engine/words.py"},
    "h5py": {
        f"interpviz/data/{name}.py"
        for name in (
            "closed_hdf5",
            "feature_index_child",
            "probe_child",
            "rows_child",
            "shard_child",
            "shard_file",
        )  # of child processes
    },
    "pickle": set[str](),
    "interpviz.app": {"interpviz/cli/window.py"},
}
ONLY_BELOW = {
    "rich": ("interpviz/cli/",),
    "typer": ("interpviz/cli/",),
    "PySide6": ("interpviz/ui/", "interpviz/app.py"),
    "pyqtgraph": ("interpviz/ui/",),
    "vispy": ("interpviz/render/", "interpviz/ui/"),
    "numba": ("interpviz/render/", "interpviz/engine/umap_child.py"),
    "torch": ("interpviz/engine/", "interpviz/data/unpickle_child.py"),
    "h5py": ("interpviz/data/",),
    "safetensors": ("interpviz/data/", "interpviz/engine/"),
}

IMPORT_ALL = """
import importlib, json, pkgutil, sys
layer = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(getattr(layer, "__path__", []), sys.argv[1] + "."):
    if module.name != "interpviz.cli.window":
        importlib.import_module(module.name)
print(json.dumps([name for name in sys.argv[2].split() if name in sys.modules]))
"""


@pytest.mark.parametrize("layer", FREE_OF)
def test_a_layer_in_a_fresh_process_leaves_heavy_libraries_unloaded(layer: str) -> None:
    command = [sys.executable, "-c", IMPORT_ALL, f"interpviz.{layer}", " ".join(FREE_OF[layer])]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == []


@pytest.mark.parametrize("package", ONLY_IMPORTER)
def test_a_package_has_one_importer(package: str) -> None:
    assert importers(package) <= ONLY_IMPORTER[package]


@pytest.mark.parametrize("package", ONLY_BELOW)
def test_a_package_stays_in_its_layer(package: str) -> None:
    assert {name for name in importers(package) if not name.startswith(ONLY_BELOW[package])} == set()


def importers(package: str) -> set[str]:
    """The modules of interpviz that import the package or anything in it."""
    return {
        name for name, names in every_import().items() if any(f"{found}.".startswith(f"{package}.") for found in names)
    }


@cache
def every_import() -> dict[str, frozenset[str]]:
    """What each module of interpviz imports."""
    return {name: frozenset(imported(tree)) for name, tree in modules().items()}
