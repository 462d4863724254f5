# SPDX-License-Identifier: Apache-2.0
"""check, doctor, policy and audit on the command line: what is wrong, and where."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import OPEN, run


def test_check_of_a_good_config(config: Path) -> None:
    """What was checked is said."""
    result = run("check", "--config", config)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"ok: {config}; policy open; 1 destinations")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (OPEN.replace("[open]", "[nothing]"), "no such built-in pack"),
        (OPEN.replace("[open]", "[open, open]"), "two packs named"),
        (
            OPEN.replace("{packs: [open]}", "{files: [/nowhere.yaml]}"),
            "/nowhere.yaml: cannot be read",
        ),
        (OPEN + "aliases: {a: nobody}\n", "alias a"),
        (OPEN.replace("api.example/v1", "api.example:99999/v1"), "destination c1: base_url"),
        (OPEN.replace("api.example/v1", "[::1/v1"), "destination c1: base_url"),
        (OPEN + '    api_key: "a\\nb"\n', "destination c1: api_key"),
        (OPEN + "    ca_file: /nowhere.pem\n", "destination c1: ca_file"),
        (OPEN + "    kind: anthropic\n", ""),
    ],
)
def test_check_names_faults(tmp_path: Path, text: str, fault: str) -> None:
    """Faults beyond the settings' own are found offline, each on its line; exit 1."""
    path = tmp_path / "n.yaml"
    path.write_text(text)
    result = run("check", "--config", path)

    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code == (1 if fault else 0)
    faults = [line for line in result.stdout.splitlines() if line.startswith("FAULT")]
    assert bool(faults) is bool(fault)
    assert fault in result.stdout


def test_check_finds_a_missing_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is not there fails the check."""
    monkeypatch.setenv("NEARWARD_MODELS_DIR", str(tmp_path))
    result = run("check")

    assert result.exit_code == 1
    assert "model file missing" in result.stdout


def test_check_finds_damaged_keys(config: Path, state_dir: Path) -> None:
    """A key file that cannot be read fails the check."""
    state_dir.mkdir()
    (state_dir / "keys.json").write_text("{")
    result = run("check", "--config", config)

    assert result.exit_code == 1
    assert "keys.json: damaged" in result.stdout


def test_policy_check_and_test(config: Path) -> None:
    """The rules in force are shown with their hash, and the packs' own examples pass."""
    shown = run("policy", "check", "--config", config).stdout
    assert "open: " in shown
    assert "destinations: device, c1" in shown
    assert "sha256:" in shown

    tested = run("policy", "test", "--config", config)
    assert tested.exit_code == 0
    assert ", 0 failed" in tested.stdout


def test_policy_test_fails_on_a_wrong_example(tmp_path: Path) -> None:
    """An example that comes out otherwise fails the command."""
    pack = Path("policies/packs/open.yaml").read_text()
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(pack.replace("allow: true\n    reason: permitted", "allow: false", 1))
    config = tmp_path / "c.yaml"
    config.write_text(f"policy: {{packs: [], files: [{wrong}]}}\n")
    result = run("policy", "test", "--config", config)

    assert result.exit_code == 1
    assert "FAILED open: a clean request may leave" in result.stdout


def test_doctor(config: Path) -> None:
    """Every finding is a line with its verdict; any bad one makes exit 1."""
    result = run("doctor", "--config", config)

    lines = result.stdout.splitlines()
    assert len(lines) >= 5
    assert all(line.startswith(("ok  ", "BAD ")) for line in lines)
    assert result.exit_code == (1 if any(x.startswith("BAD") for x in lines) else 0)


def test_doctor_finds_a_taken_port(config: Path) -> None:
    """A port in use is among the findings."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(OPEN + f"server: {{port: {port}}}\n")
        assert f"BAD  cannot listen on 127.0.0.1:{port}" in run("doctor", "-c", config).stdout
