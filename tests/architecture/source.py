# SPDX-License-Identifier: Apache-2.0
"""The source files of the project, read and parsed once for the tests in this folder."""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "local_engine", "policies")


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file: its path from the root with slashes, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.path.split("/", 1)[0]


@functools.cache
def modules(*folders: str) -> tuple[Module, ...]:
    """All Python files under the folders given, in order of their paths."""
    files = sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    return tuple(_read(file) for file in files)


def _read(file: Path) -> Module:
    text = file.read_text(encoding="utf-8")
    return Module(file.relative_to(ROOT).as_posix(), text, ast.parse(text))


def imported_names(module: Module) -> Iterator[str]:
    """Every absolute name that a module imports, `from a import b` as both `a` and `a.b`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parents = module.path.removesuffix(".py").split("/")[: -node.level]
    return ".".join([*parents, *([node.module] if node.module else [])])


def dotted(node: ast.expr) -> str:
    """`a.b.c` for a chain of names and attributes; what is not a name gives an empty part."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(module: Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a module calls."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield node.lineno, dotted(node.func)
