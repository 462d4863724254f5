# SPDX-License-Identifier: Apache-2.0
"""Rules of writing that the linter does not know."""

import ast
import functools
import os
import re
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT, Module, modules

_SPDX = "# SPDX-License-Identifier: Apache-2.0"
_UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b")
# Somebody's machine: home directories and checkouts, wherever a path may begin.
_HOMES = r"wo" r"rk|ro" r"ot|ho" r"me/\w+|Us" r"ers/\w+"
_MACHINE_PATH = re.compile(rf"(?<![\w./-])/(?:{_HOMES})(?![\w-])")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE " r"KEY-----")
_DRAWERS = re.compile(r"(?:^|_)(?:utils?|helpers?|common|misc|manager)(?:_|$)|_v\d+$")
_TEXT_SUFFIXES = {".cfg", ".in", ".json", ".md", ".py", ".service", ".sh", ".toml", ".txt", ".yaml"}
_SKIPPED = {".coverage", ".git", ".hypothesis", ".venv", "__pycache__", "dist"}
_LARGEST_BYTES = 500_000

ALL = modules(*PACKAGES, "tests")


@functools.cache
def _project_files() -> list[Path]:
    """Every file of the project, without environments and what tools leave behind."""
    files: list[Path] = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in _SKIPPED and not name.endswith("_cache")]
        mine = (name for name in names if name not in _SKIPPED)
        # Processes that the suite starts leave their coverage beside it, until it is put together.
        files += [Path(folder, name) for name in mine if not name.startswith(".coverage.")]
    return files


def _text_files() -> list[Path]:
    return [
        file
        for file in _project_files()
        if file.suffix in _TEXT_SUFFIXES or file.name in {"Makefile", "Dockerfile", "run"}
    ]


def test_every_module_opens_with_licence_and_purpose() -> None:
    """The first line is the licence, and a docstring says what the module is for, if anything."""
    faults = [
        module.path
        for module in ALL
        if not module.text.startswith(_SPDX)
        or (module.tree.body and not ast.get_docstring(module.tree))
    ]

    assert faults == []


@pytest.mark.parametrize(
    "pattern",
    [_UNFINISHED, _MACHINE_PATH, _PRIVATE_KEY],
    ids=["unfinished", "machine path", "private key"],
)
def test_nothing_that_should_not_be_committed(pattern: re.Pattern[str]) -> None:
    """No file has marks of unfinished work, paths of somebody's machine, or private keys."""
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in _text_files()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]

    assert found == []


def test_no_large_files() -> None:
    """No file is larger than 500 kB: models and measurements do not belong in the repository."""
    large = [
        str(file.relative_to(ROOT))
        for file in _project_files()
        if file.stat().st_size > _LARGEST_BYTES
    ]

    assert large == []


def test_no_failure_is_swallowed_whole() -> None:
    """No `except Exception: pass`, nor its kin: what is ignored has its own narrow type."""
    found = [
        f"{module.path}:{node.lineno}"
        for module in ALL
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and _does_nothing(node)
    ]

    assert found == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}
    )


def _does_nothing(handler: ast.ExceptHandler) -> bool:
    return all(isinstance(node, ast.Pass | ast.Continue) for node in handler.body)


def test_modules_are_named_for_what_they_hold() -> None:
    """No module is a drawer (utils, helpers, common, manager) or a second version of another."""
    drawers = [module.path for module in ALL if _DRAWERS.search(Path(module.path).stem)]

    assert drawers == []


def _tests(module: Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    ]


def test_tests_say_what_they_claim() -> None:
    """Each test has a docstring: the behaviour that it claims."""
    silent = [
        f"{module.path}:{node.lineno} {node.name}"
        for module in modules("tests")
        for node in _tests(module)
        if not ast.get_docstring(node)
    ]

    assert silent == []
