# SPDX-License-Identifier: Apache-2.0
"""Mutation testing of `policies/`: how many small faults do the policy tests notice?

    python -m tests.bench.policy_mutants [--sample 400] [--seed 1] [--module engine ...]

Each mutant is one change to one module: a comparison, an operator, a condition, a number, a flag, a
return value, or a statement left out. Texts are left alone, and so are annotations and docstrings:
most of them are messages, which tests quote in part on purpose. A mutant is imported in the place
of its module in a forked child, which runs the tests of that module first and then the others until
one fails. Prints the survivors, and one JSON line last.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.util
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
import yaml
import z3

SHARED = (yaml, z3)
"""Imported once, in the parent of all runs."""
ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "policies"
PROPERTIES = ROOT / "tests" / "properties" / "test_policy_properties.py"
LONGEST_S = 180
_LEFT_OUT = {"__init__", "workload"}
_OWN = {
    "conditions": "parse",
    "domain": "prove",
    "exhaustive": "prove",
    "meaning": "reference",
    "symbolic": "prove",
    "theorems": "prove",
}
"""The tests of modules that have none of their own name."""
_SLOW = {"test_packs.py", "test_prove.py"}
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Continue: ast.Break,
    ast.Break: ast.Continue,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One module with one change."""

    module: str
    line: int
    change: str
    source: str


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a module."""
    tree = ast.parse(path.read_text())
    for number, node in enumerate(_changeable(tree)):
        for change in _changes(node):
            changed = copy.deepcopy(tree)
            target = list(_changeable(changed))[number]
            _apply(changed, target, change)
            ast.fix_missing_locations(changed)
            line = getattr(node, "lineno", 0)
            yield Mutant(path.stem, line, f"{change} {_shown(node)}", ast.unparse(changed))


def _shown(node: ast.AST) -> str:
    text = ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else type(node).__name__
    return text.splitlines()[0][:60]


def _changeable(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that may be changed: no annotation, docstring, import or definition."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child
                yield from _changeable(child)


_CHANGES: tuple[tuple[type[ast.AST] | tuple[type[ast.AST], ...], str], ...] = (
    ((ast.Compare, ast.BoolOp, ast.BinOp), "operator"),
    ((ast.Continue, ast.Break), "jump"),
    (ast.Constant, "constant"),
    (ast.UnaryOp, "bare"),
    ((ast.If, ast.IfExp, ast.While), "negate"),
    (ast.Return, "return"),
    ((ast.Assign, ast.AugAssign, ast.Raise, ast.Expr), "leave out"),
)


def _changes(node: ast.AST) -> Iterator[str]:
    yield from (change for kinds, change in _CHANGES if isinstance(node, kinds) and _fits(node))


def _fits(node: ast.AST) -> bool:
    match node:
        case ast.Compare():
            return type(node.ops[0]) in _SWAPPED
        case ast.BinOp():
            return type(node.op) in _SWAPPED
        case ast.Constant():
            return isinstance(node.value, bool | int)
        case ast.UnaryOp():
            return isinstance(node.op, ast.Not | ast.Invert)
        case ast.Return() | ast.Expr():
            return node.value is not None and not isinstance(node.value, ast.Constant)
        case _:
            return True


def _apply(tree: ast.AST, node: ast.AST, change: str) -> None:
    if change == "operator" and isinstance(node, ast.Compare):
        node.ops[:1] = [_SWAPPED[type(node.ops[0])]()]  # type: ignore[list-item]
    elif change == "operator":
        node.op = _SWAPPED[type(node.op)]()  # type: ignore[attr-defined]
    elif change == "jump":
        _replace(tree, node, _SWAPPED[type(node)]())
    elif change == "constant" and isinstance(node, ast.Constant):
        is_flag = isinstance(node.value, bool)
        node.value = not node.value if is_flag else int(str(node.value)) + 1
    elif change == "bare" and isinstance(node, ast.UnaryOp):
        _replace(tree, node, node.operand)
    elif change == "negate" and isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif change == "return" and isinstance(node, ast.Return):
        node.value = ast.Constant(None)
    else:
        _replace(tree, node, ast.Pass())


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(item is old for item in value):
                value[:] = [new if item is old else item for item in value]


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the mutant in the place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname != f"policies.{self._mutant.module}":
            return None
        return importlib.util.spec_from_loader(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._mutant.source, "<mutant>", "exec"), module.__dict__)  # noqa: S102


def is_killed(mutant: Mutant) -> bool:
    """Whether a test fails, or the mutant does not come to an end."""
    child = os.fork()
    if child == 0:
        _run_tests(mutant)
    ends = time.monotonic() + LONGEST_S
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) != 0
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return True


def _run_tests(mutant: Mutant) -> None:
    """In the child: exits 0 when every test passes."""
    code = 1
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with contextlib.suppress(BaseException):  # whatever ends the run, the mutant is noticed
        sys.meta_path.insert(0, _Instead(mutant))
        quiet = ["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
        own = _OWN.get(mutant.module, mutant.module)
        names = {path.name: path for path in sorted(TESTS.glob("test_*.py"))}
        first = [f"test_{own}.py"] if f"test_{own}.py" in names else []
        files = [
            names[name] for name in dict.fromkeys([*first, *sorted(names.keys() - _SLOW), *_SLOW])
        ]
        code = int(pytest.main([*quiet, *map(str, files), str(PROPERTIES)]))
    os._exit(code)


def main() -> None:
    """Sample, run, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--module", action="append", default=[])
    arguments = parser.parse_args()
    os.environ.setdefault("NEARWARD_EXAMPLES", "200")
    paths = sorted((ROOT / "policies").glob("*.py"))
    wanted = set(arguments.module) or {path.stem for path in paths} - _LEFT_OUT
    every = [mutant for path in paths if path.stem in wanted for mutant in mutants_of(path)]
    chosen = random.Random(arguments.seed).sample(every, min(arguments.sample, len(every)))
    settle = (ROOT / "policies" / "settle.py").read_text()
    if is_killed(Mutant("settle", 0, "nothing", settle)):
        sys.exit("the tests fail without any change")
    survivors: list[Mutant] = []
    for number, mutant in enumerate(chosen, start=1):
        if not is_killed(mutant):
            survivors.append(mutant)
            print(f"SURVIVES {mutant.module}.py:{mutant.line}: {mutant.change}", flush=True)
        if number % 25 == 0:
            print(f"{number} tried, {len(survivors)} survive", flush=True)
    killed = len(chosen) - len(survivors)
    print(json.dumps({"mutants": len(every), "tried": len(chosen), "killed": killed}))


if __name__ == "__main__":
    main()
