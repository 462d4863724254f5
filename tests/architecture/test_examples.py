# SPDX-License-Identifier: Apache-2.0
"""The configurations that we ship can be used as they are."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.rules import make_planner, make_policy
from gateway.settings import load_settings
from tests.architecture.source import ROOT

EXAMPLES = sorted((ROOT / "deploy" / "examples").glob("*.yaml"))
KEYS = {"CLOUD_KEY": "k", "CLOUD_EU_KEY": "k", "ONPREM_KEY": "k"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_makes_settings_policy_and_routes(example: Path) -> None:
    """Each example parses without unknown keys, and its policy and its aliases hold together."""
    settings = load_settings(example, KEYS)

    policy = make_policy(settings)
    make_planner(settings)

    assert policy is not None


def _commands() -> list[list[str]]:
    """Each `nearward ...` line in the comments of the examples; two spaces end a command."""
    pattern = re.compile(r"^#   (?:[A-Z_]+=\S+ )*nearward (.+?)(?:  .*)?$", re.MULTILINE)
    return [line.split() for path in EXAMPLES for line in pattern.findall(path.read_text())]


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_commands_in_examples_work(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They run as written; of `serve` its config is checked, without the device."""
    for name, value in {**KEYS, "NEARWARD_STATE_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)
    if command[0] == "serve":
        monkeypatch.setenv("NEARWARD_DEVICE__ENABLED", "false")
        command = ["check", *command[1:]]
    result = CliRunner().invoke(app, command)

    assert result.exit_code == 0, result.output


def test_hospital_sidecar_has_nowhere_to_send() -> None:
    """The sidecar listens on loopback, knows no destination and presumes health information."""
    settings = load_settings(ROOT / "deploy" / "examples" / "hospital-sidecar.yaml", {})

    assert settings.server.host == "127.0.0.1"
    assert settings.destinations == []
    assert settings.policy.default_class == "phi"
