"""When a file wants to grow past a screenful of ideas, the idea in it is two ideas."""

from __future__ import annotations

import ast

import pytest

from tests.sources import ROOT, modules

LINES_A_MODULE = 300
LINES_A_FUNCTION = 40


@pytest.mark.parametrize("folder", ["interpviz", "resources", "tests"])
def test_no_module_is_over_300_lines(folder: str) -> None:
    lengths = {name: len((ROOT / name).read_text("utf-8").splitlines()) for name in modules(folder)}
    assert {name: length for name, length in lengths.items() if length > LINES_A_MODULE} == {}


@pytest.mark.parametrize("folder", ["interpviz", "resources", "tests"])
def test_no_function_is_over_40_lines(folder: str) -> None:
    functions = {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, tree in modules(folder).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {function: length for function, length in functions.items() if length > LINES_A_FUNCTION} == {}
