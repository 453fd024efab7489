"""Calls that would run what a file says, or reach where nobody asked: none in the package."""

from __future__ import annotations

import ast

import pytest

from tests.sources import called, imported, modules

BANNED_CALLS = {
    "eval", "exec", "compile", "__import__", "torch.load", "os.system", "os.popen", "torch.hub.load", "yaml.load",
}  # fmt: skip
BANNED_IMPORTS = ("pickle", "marshal", "shelve", "joblib", "dill", "cloudpickle", "requests", "httpx", "torch.hub")

ALLOWED = {"interpviz/data/unpickle_child.py": {"torch.load"}}  # a process of its own


@pytest.mark.parametrize("name", modules())
def test_a_module_runs_nothing_that_a_file_says(name: str) -> None:
    calls = list(called(modules()[name]))
    assert [call for call, _ in calls if call in BANNED_CALLS - ALLOWED.get(name, set())] == []
    assert [call for call, node in calls if truth(node, "allow_pickle") or truth(node, "shell")] == []
    assert [call for call, node in calls if truth(node, "trust_remote_code")] == []


def test_what_torch_saved_is_loaded_once_and_for_its_weights_only() -> None:
    calls = [node for tree in modules().values() for call, node in called(tree) if call == "torch.load"]
    assert [truth(node, "weights_only") for node in calls] == [True]


@pytest.mark.parametrize("name", modules())
def test_a_module_imports_nothing_that_unpickles_or_dials(name: str) -> None:
    banned = [
        found for found in imported(modules()[name]) if f"{found}.".startswith(tuple(f"{b}." for b in BANNED_IMPORTS))
    ]
    assert banned == []


def truth(call: ast.Call, keyword: str) -> bool:
    """Whether the call passes this keyword as anything but False."""
    given = [argument.value for argument in call.keywords if argument.arg == keyword]
    return any(not (isinstance(value, ast.Constant) and value.value is False) for value in given)
