# SPDX-License-Identifier: Apache-2.0
"""Running a command in this process, with a state directory and a config of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.main import app

CANARY = "Zebrafink-7731"
OPEN = """policy: {packs: [open]}
device: {enabled: false}
destinations:
  - name: c1
    tier: cloud
    base_url: https://api.example/v1
    models: {gpt-4o-mini: up-mini}
"""
CHAT = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]})


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEARWARD_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "nearward.yaml"
    path.write_text(OPEN)
    return path


def run(*arguments: object, text: str | bytes = "") -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], input=text)


def failed(result: Result, code: int, *parts: str) -> None:
    """One line on standard error, with these parts, and no traceback."""
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("nearward: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr
