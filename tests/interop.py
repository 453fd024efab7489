"""Compare with the field's own libraries: `python -m tests.interop [PACKAGE...]` prints a table; exit 1 if one differs.

Each library gets an environment of its own below build/interop, which is made where it is missing, and makes its
fixtures there anew: their outputs are compared with those stored beside the tests, and with what interpviz computes
from the same files. Then interpviz writes every dictionary that it can, and the library reads that.
`INTERPVIZ_INTEROP=FOLDER` names a folder of environments that are there already, each called as its package.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from interpviz.cli.output import print_table
from interpviz.core.errors import InterpvizError
from interpviz.core.features import Layout
from interpviz.data import dictionaries
from interpviz.engine.dictionaries import SAE

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
ENVIRONMENTS = "INTERPVIZ_INTEROP"
EXPECTED = "expected.safetensors"
NEAR = 1e-5
TORCH = "torch==2.13.0"
WITHOUT_CUDA = ("--index-url", "https://download.pytorch.org/whl/cpu", "--retries", "0")

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Package:
    """A library: what pip installs, where its fixtures lie and by which script, and what of ours it reads."""

    requirement: str
    folder: str
    script: str = "make.py"
    reads: Layout | None = None
    by_rule: str = ""  # the script by which it reads what was made by a rule


PACKAGES = {
    "sae-lens": Package("sae-lens==6.54.12", "saelens", reads="saelens", by_rule="read_by_saelens.py"),
    "eai-sparsify": Package("eai-sparsify==1.3.3", "sparsify", reads="sparsify"),
    "dictionary-learning": Package("dictionary-learning==0.1.0", "dictionary_learning"),
    "circuit-tracer": Package("circuit-tracer==0.5.0", "circuit_tracer", by_rule="read_by_circuit_tracer.py"),
    "numpy": Package("", "scopes", "make_by_rule.py"),
}


@dataclass(frozen=True)
class Row:
    """How many dictionaries were compared, and by how much two sides differed at most; NaN where nothing was."""

    package: str
    what: str
    count: int
    difference: float

    @property
    def near(self) -> bool:
        """Whether there was something, and it agreed."""
        return self.count > 0 and self.difference <= NEAR


def main(names: Sequence[str]) -> int:
    """Compare with these packages, or with all."""
    rows = [row for name in names or PACKAGES for row in compared(name, PACKAGES[name])]
    cells = [
        (row.package, row.what, str(row.count), f"{row.difference:.1e}", "yes" if row.near else "NO") for row in rows
    ]
    print_table(("package", "compared", "dictionaries", "differ by", "near"), cells)
    return 0 if all(row.near for row in rows) else 1


def compared(name: str, package: Package) -> Iterator[Row]:
    """The rows of one package."""
    python = interpreter(name, package)
    with tempfile.TemporaryDirectory() as place:
        made = Path(place) / package.folder
        made.mkdir()
        run(python, DATA / package.folder / package.script, made)
        stored = DATA / package.folder
        outputs = sorted(path.relative_to(stored) for path in stored.rglob(EXPECTED))
        apart = [largest(load_file(made / output), load_file(stored / output)) for output in outputs]
        yield Row(name, "made anew and stored", len(outputs), max(apart, default=np.nan))
        ours = [apart for output in outputs for apart in differences((made / output).parent)]
        yield Row(name, "made anew and read by interpviz", len(ours), max(ours, default=np.nan))
        if package.reads:
            written = list(write_all(Path(place) / "ours", package.reads))
            said = run(python, stored / "reads_ours.py", *written)
            yield Row(name, "written by interpviz and read by it", len(written), float(said.split()[-1]))
    if package.by_rule:
        count, apart_by_rule = run(python, DATA / PACKAGES["numpy"].folder / package.by_rule).split()[-2:]
        yield Row(name, "made by rule and read by it", int(count), float(apart_by_rule))


def interpreter(name: str, package: Package) -> Path:
    """The python that has the package, installed first if need be; our own for what follows a rule alone."""
    if not package.requirement:
        return Path(sys.executable)
    given = os.environ.get(ENVIRONMENTS)
    place = Path(given) / name if given else ROOT / "build" / "interop" / name
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if given or (place / "installed").exists():
        return python
    venv.create(place, with_pip=True, clear=True)
    pip = [str(python), "-m", "pip"]
    if subprocess.run([*pip, "install", "--quiet", TORCH, *WITHOUT_CUDA], check=False).returncode:
        subprocess.run([*pip, "install", "--quiet", TORCH], check=True)
    subprocess.run([*pip, "install", "--quiet", package.requirement, TORCH], check=True)
    # One that comes along is built for CUDA, and does not load beside a torch without it.
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", "torchvision"], check=True)
    (place / "installed").touch()
    return python


def run(python: Path, script: Path, *arguments: Path) -> str:
    """What a script says at its end. Raises CalledProcessError if it fails."""
    command = [str(part) for part in (python, script, *arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tempfile.gettempdir())
    if done.returncode:
        sys.stderr.write(done.stderr)
    done.check_returncode()
    return done.stdout


def differences(folder: Path) -> Iterator[float]:
    """By how much what interpviz computes differs from the outputs beside each dictionary of a folder."""
    expected = load_file(folder / EXPECTED)
    for number, part in enumerate(dictionaries.parts(folder)):
        suffix = "" if "x" in expected else f"_{number}"
        x = expected[f"x{suffix}"]
        found = outputs(SAE(dictionaries.load(part)), x)
        yield largest(found, {name: expected[f"{name}{suffix}"] for name in found})


def outputs(sae: SAE, x: NDArray[np.float32]) -> Arrays:
    """What a dictionary makes of inputs."""
    given = torch.from_numpy(x)
    features = sae.encode(given)
    return {"x": x, "features": features.numpy(), "decoded": sae.decode(features, given).numpy()}


def largest(found: Arrays, expected: Arrays) -> float:
    """The largest difference of a number; infinite where there are other arrays or shapes."""
    if {name: array.shape for name, array in found.items()} != {name: array.shape for name, array in expected.items()}:
        return np.inf
    return max(float(np.abs(found[name] - expected[name]).max()) for name in found)


def write_all(place: Path, layout: Layout) -> Iterator[Path]:
    """Every stored dictionary that the layout has a place for, written in it, with its outputs beside it."""
    assert layout in get_args(Layout)
    for folder in sorted(path.parent for path in DATA.rglob(EXPECTED)):
        expected = load_file(folder / EXPECTED)
        for number, part in enumerate(dictionaries.parts(folder)):
            loaded = dictionaries.load(part)
            written = place / folder.parent.name / f"{folder.name}-{number}"
            try:
                dictionaries.save(loaded, written, layout)
            except InterpvizError:  # the layout has no place for what this one does
                continue
            x = expected["x" if "x" in expected else f"x_{number}"]
            save_file(outputs(SAE(loaded), x), written.with_name(f"{written.name}.{EXPECTED}"))
            yield written


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
