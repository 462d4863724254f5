# SPDX-License-Identifier: Apache-2.0
"""check, doctor, policy and audit on the command line: what is wrong, and where."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import OPEN, run
from tests.local_engine.fakes import a_gguf
from tests.policies.malformed import GOOD


def test_check_of_a_good_config(config: Path) -> None:
    """What was checked is said."""
    result = run("check", "--config", config)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"ok: {config}; policy open; 1 destinations")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            OPEN + "    baa: {id: b, expires: 2020-01-01, scope: [chat]}\n",
            "note: the BAA of c1 expired on 2020-01-01: it counts for nothing",
        ),
        (
            OPEN.replace("{packs: [open]}", "{packs: []}"),
            "note: no pack is configured, so nothing may leave the device",
        ),
    ],
)
def test_check_notes_what_may_be_a_slip(tmp_path: Path, text: str, note: str) -> None:
    """Lawful, and worth a word."""
    path = tmp_path / "n.yaml"
    path.write_text(text)
    result = run("check", "--config", path)

    assert result.exit_code == 0
    assert note in result.stdout.splitlines()


def test_check_notes_a_permit_that_the_caller_opens(tmp_path: Path) -> None:
    """Whoever says the purpose may send what was found; the operator hears of it."""
    path, pack = tmp_path / "n.yaml", tmp_path / "p.yaml"
    pack.write_text(GOOD.replace("{data_class: {at_most: internal}}", "{purpose: research}"))
    path.write_text(OPEN.replace("{packs: [open]}", f"{{packs: [open], files: [{pack}]}}"))
    for command in (("check",), ("policy", "check")):
        notes = run(*command, "--config", path).stdout

        assert f"note: {pack}:5: permit rule 'let' takes the caller's purpose at its word" in notes


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        (OPEN.replace("[open]", "[nothing]"), 1, "'nothing': no such built-in pack"),
        (
            OPEN.replace("{packs: [open]}", "\n  packs:\n  - open\n  - x"),
            4,
            "'x': no such built-in",
        ),
        (OPEN.replace("[open]", "[open, open]"), 1, "there are two packs named 'open'"),
        (
            OPEN.replace("{packs: [open]}", "\n  files: [/nowhere.yaml]"),
            2,
            "/nowhere.yaml: cannot be read",
        ),
        (OPEN + "aliases:\n  b: auto\n  a: nobody\n", 10, "alias a: nobody is no model"),
        (OPEN.replace("api.example/v1", "api.example:99999/v1"), 6, "destination c1: base_url: "),
        (OPEN.replace("api.example/v1", "[::1/v1"), 6, "destination c1: base_url: "),
        (OPEN.replace("api.example/v1", "api.example/v\u00e9"), 6, "destination c1: base_url: "),
        (OPEN + '    api_key: "a\\nb"\n', 8, "destination c1: api_key: "),
        (OPEN + "    ca_file: /nowhere.pem\n", 8, "destination c1: ca_file: cannot be read"),
        (OPEN + "state: {store: 'redis://h:port'}\n", 8, "state.store: not a Redis URL"),
    ],
)
def test_check_names_faults(tmp_path: Path, text: str, line: int, fault: str) -> None:
    """Faults beyond the settings' own are found offline, each with file and line; exit 1."""
    path = tmp_path / "n.yaml"
    path.write_text(text)
    result = run("check", "--config", path)

    assert result.exit_code == 1
    (found,) = result.stdout.splitlines()
    assert found.startswith(f"FAULT  {path}:{line}: {fault}")


def test_check_names_the_variable_at_fault(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment set is not looked for in the file."""
    monkeypatch.setenv("NEARWARD_POLICY__PACKS", '["nothing"]')

    assert "FAULT  environment: NEARWARD_POLICY__PACKS: 'nothing': " in run("check").stdout
    assert run("check", "--config", config).exit_code == 1


def test_check_of_another_wire_format(config: Path) -> None:
    """A destination behind litellm is no fault."""
    config.write_text(OPEN + "    kind: anthropic\n")

    assert run("check", "--config", config).exit_code == 0


def test_check_finds_a_missing_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is not there fails the check."""
    monkeypatch.setenv("NEARWARD_MODELS_DIR", str(tmp_path))
    result = run("check")

    assert result.exit_code == 1
    assert "model file missing" in result.stdout


def test_check_reads_the_header_of_an_own_model_file(tmp_path: Path) -> None:
    """Garbage is a fault; another model under the default name is none, and is not hashed."""
    own = tmp_path / "own.gguf"
    config = tmp_path / "c.yaml"
    config.write_text(f"device: {{model_file: {own}}}\n")
    for data, fault in [
        (b"garbage", f"FAULT  {config}:1: model file not usable: {own}: not a GGUF file"),
        (a_gguf(), ""),
    ]:
        own.write_bytes(data)
        result = run("check", "--config", config)
        assert result.exit_code == bool(fault), result.output
        assert result.stdout.startswith(fault or "ok: ")
        assert "model pull" not in result.stdout

    own.unlink()
    assert "let device.model_file name" in run("check", "--config", config).stdout


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


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b'{"status":"alive"}', "ok   nearward answers on port"),
        (b'{"status":"alive", "by":"another"}', "BAD  cannot listen"),
        (b"", "BAD  cannot listen"),
    ],
)
def test_doctor_knows_nearward_itself(config: Path, answer: bytes, verdict: str) -> None:
    """A port on which nearward answers is fine; one on which something else does is not."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            link, _ = server.accept()
            with link:
                link.recv(65536)
                link.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + answer)

        thread = threading.Thread(target=serve)
        thread.start()
        config.write_text(OPEN + f"server: {{port: {server.getsockname()[1]}}}\n")
        shown = run("doctor", "-c", config).stdout
        thread.join()

    assert verdict in shown


def test_doctor_leaves_a_device_alone_that_is_off(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model is no finding then."""
    monkeypatch.setenv("NEARWARD_MODELS_DIR", str(tmp_path / "none"))
    shown = run("doctor", "-c", config).stdout

    assert "ok   the device is switched off" in shown
    assert "model file" not in shown
