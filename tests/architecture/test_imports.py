# SPDX-License-Identifier: Apache-2.0
"""Imports go one way, and the pure core stays pure."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, calls, modules

_IMPURE_CALLS = {"open", "input", "print", "hash", "id", "__import__"}
_IMPURE_ENDS = (".today", ".now", ".utcnow", ".uuid4", ".uuid1", ".urandom")


def _lint_imports(config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("lint-imports")
    arguments = [str(script), "--config", str(config), "--no-cache", "--no-logo"]
    return subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, timeout=50, check=False
    )


def test_import_contracts_hold() -> None:
    """Every contract in pyproject.toml is kept."""
    done = _lint_imports(ROOT / "pyproject.toml", ROOT)

    assert done.returncode == 0, done.stdout + done.stderr


def test_policies_calls_nothing_impure() -> None:
    """The policy core asks for no time, no file, no randomness and no per-process hash."""
    found = [
        f"{module.path}:{line} {name}"
        for module in modules("policies")
        for line, name in calls(module)
        if name in _IMPURE_CALLS or name.endswith(_IMPURE_ENDS)
    ]

    assert found == []


@pytest.mark.parametrize("stolen", ["import time", "import gateway", "from os import environ"])
def test_import_contracts_catch_a_breach(tmp_path: Path, stolen: str) -> None:
    """A module of the policy core that imports what it must not is reported."""
    for package in ("gateway", "local_engine", "policies"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / "policies" / "engine.py").write_text(f"{stolen}\n")
    config = tmp_path / "pyproject.toml"
    config.write_text((ROOT / "pyproject.toml").read_text())

    done = _lint_imports(config, tmp_path)

    assert done.returncode == 1
    assert "policies is a pure core" in done.stdout
