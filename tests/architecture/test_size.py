# SPDX-License-Identifier: Apache-2.0
"""Files and functions stay small enough to be read in one go."""

import ast

from tests.architecture.source import PACKAGES, modules

MODULE_LINES = 400
FUNCTION_LINES = 60
INIT_LINES = 30


def test_modules_stay_short() -> None:
    """No module, of the product or of its tests, is longer than 400 lines."""
    long = {
        module.path: lines
        for module in modules(*PACKAGES, "tests")
        if (lines := len(module.text.splitlines())) > MODULE_LINES
    }

    assert long == {}


def test_functions_stay_short() -> None:
    """No function, counted from its `def` to its last line, is longer than 60 lines."""
    long = {
        f"{module.path}:{node.lineno} {node.name}": lines
        for module in modules(*PACKAGES, "tests")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }

    assert long == {}


def test_package_fronts_only_re_export() -> None:
    """An `__init__.py` has at most 30 lines and defines nothing."""
    faults = [
        module.path
        for module in modules(*PACKAGES)
        if module.path.endswith("/__init__.py")
        and (len(module.text.splitlines()) > INIT_LINES or _defines(module.tree))
    ]

    assert faults == []


def _defines(tree: ast.Module) -> bool:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) for node in tree.body)
