# SPDX-License-Identifier: Apache-2.0
"""The command line: help everywhere, exit codes, and one clear line for each error."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from gateway.cli.main import app, main
from gateway.cli.serve import greet
from gateway.records.audit import AuditLog
from gateway.settings import load_settings
from gateway.state.keys import KeyFile, digest_of
from tests.gateway.cli.conftest import CANARY, CHAT, OPEN, failed, run


def commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


ALL = list(commands(typer.main.get_command(app)))
CONFIGURED = [
    path
    for path in ALL
    if path
    and path[0] not in {"bench", "classify", "complexity", "device"}
    and path not in {("keys",), ("audit",), ("policy",), ("model",), ("approvals",)}
]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    """Every command explains itself."""
    result = run(*path, "--help")

    assert result.exit_code == 0
    assert "Usage:" in result.stdout
    assert len(result.stdout.splitlines()) > 4


@pytest.mark.parametrize("path", CONFIGURED, ids=" ".join)
def test_bad_config_is_one_line(path: tuple[str, ...], tmp_path: Path) -> None:
    """Every command that reads the config fails with file and line, and no traceback."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("server:\n  prot: 1\n")
    named = {("keys", "new"), ("keys", "revoke"), ("model", "pull"), ("model", "verify")}
    named |= {("model", "load"), ("model", "unload")}
    named |= {("approvals", verb) for verb in ("show", "approve", "refuse")}
    source: list[object] = ["x"] if path in named or path == ("approve",) else []
    source += ["--out", tmp_path / "out"] if path == ("audit", "export") else []
    source += ["--candidate", bad] if path == ("policy", "simulate") else []
    result = run(*path, *source, "--config", bad, text=CHAT)

    if path == ("doctor",):
        assert result.exit_code == 1
        assert f"BAD  {bad}:2: server.prot: unknown key" in result.stdout
    else:
        code = 1 if path == ("check",) or path[0] == "policy" else 2
        failed(result, code, f"{bad}:2: server.prot: unknown key")


def test_bare_command_shows_help() -> None:
    """`nearward` alone is no error without explanation."""
    assert "Usage:" in run().output


def test_serve_on_a_taken_port(config: Path) -> None:
    """A port that is taken is one line that says what to do, before anything starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failed(run("serve", "--config", config, "--port", port), 2, f"127.0.0.1:{port}", "--port")


@pytest.mark.parametrize("port", ["-1", "65536", "99999", "x"])
def test_serve_on_an_impossible_port(config: Path, port: str) -> None:
    """A number that is no port is refused as an option."""
    result = run("serve", "--config", config, "--port", port)

    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert "--port" in result.stderr


def test_serve_on_an_unknown_host(config: Path) -> None:
    """A host that is not here is one line."""
    failed(run("serve", "--config", config, "--host", "192.0.2.1", "--port", 0), 2, "192.0.2.1")


def test_serve_without_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing model file is one line with the command that brings it."""
    monkeypatch.setenv("NEARWARD_MODELS_DIR", str(tmp_path / "none"))
    result = run("serve", "--port", 0)

    failed(result, 2, "model file missing", str(tmp_path / "none"), "nearward model pull")


def test_serve_with_a_damaged_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model file that is not what it should be is one line too, before any greeting or key."""
    monkeypatch.setenv("NEARWARD_MODELS_DIR", str(tmp_path))
    (tmp_path / "smollm2-135m-instruct-q4_1.gguf").write_bytes(b"GGUF cut short")
    result = run("serve", "--port", 0)

    failed(result, 2, "model file damaged: ", "run: nearward model pull")
    assert result.stdout == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_says_nothing_before_it_can_start(
    config: Path, state_dir: Path, workers: int
) -> None:
    """A fault found late (a pack, a busy log) is one line: no greeting, no key shown or stored."""
    bad = config.with_name("bad.yaml")
    bad.write_text(OPEN.replace("[open]", "[nope]"))
    arguments = ("--port", 0, "--workers", workers)
    result = run("serve", "--config", bad, *arguments)
    failed(result, 2, "no such built-in pack")
    assert result.stdout == ""

    log = AuditLog(state_dir / "audit", clock=time.time)
    result = run("serve", "--config", config, *arguments)
    log.close()
    failed(result, 2, "another nearward writes")
    assert result.stdout == ""
    assert KeyFile(state_dir).read() == []


def test_the_line_to_try_works_when_pasted(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shell that has the key's variable puts the key into the header."""
    monkeypatch.setenv("NEARWARD_API_KEY", "k3y")
    greet(load_settings(config), 8400, "")
    _, command = capsys.readouterr().out.split("Try it:\n")
    shell = "curl() { printf '%s\\n' \"$@\"; }\n" + command
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[:3] == [
        "http://127.0.0.1:8400/v1/chat/completions",
        "-H",
        "Authorization: Bearer k3y",
    ]
    assert json.loads(done.stdout.splitlines()[-1])["model"] == "auto"


def test_serve_with_a_state_directory_that_is_a_file(config: Path, state_dir: Path) -> None:
    """A state directory that cannot be used is one line."""
    state_dir.write_text("")

    failed(run("serve", "--config", config, "--port", 0), 2, str(state_dir))


def test_keys(config: Path, state_dir: Path) -> None:
    """A new key is printed once and stored as its hash; it can be listed and revoked."""
    made = run("keys", "new", "chatbot", "--tenant", "acme", "--role", "auditor")
    secret = made.stdout.strip()
    assert made.stdout == f"{secret}\n"
    assert made.stderr == f"Stored under {state_dir}; restart nearward to admit it.\n"
    (stored,) = KeyFile(state_dir).read()
    assert (stored.id, stored.tenant, stored.role) == ("chatbot", "acme", "auditor")
    assert stored.sha256 == digest_of(secret)

    config.write_text(OPEN + f"keys: [{{id: fixed, hash: 'sha256:{'a' * 64}'}}]\n")
    listed = run("keys", "list", "--config", config).stdout
    assert "chatbot" in listed
    assert "fixed" in listed
    assert secret not in listed

    failed(run("keys", "new", "chatbot"), 2, "'chatbot' exists")
    run("keys", "new", "ward", "--may-break-glass")
    assert [k.may_break_glass for k in KeyFile(state_dir).read()] == [False, True]
    assert "yes" in next(x for x in run("keys", "list").stdout.splitlines() if "ward" in x)
    assert run("keys", "revoke", "ward").stdout == "revoked ward\n"
    run("keys", "new", "proxy", "--mfa", "header")
    assert [k.mfa for k in KeyFile(state_dir).read()] == ["no", "header"]
    failed(run("keys", "new", "x", "--mfa", "yes"), 2, "--mfa: no, always or header")
    run("keys", "revoke", "proxy")
    assert run("keys", "revoke", "chatbot").stdout == "revoked chatbot\n"
    failed(run("keys", "revoke", "chatbot"), 2, "no key named 'chatbot'")


def test_keys_for_a_config(config: Path, state_dir: Path) -> None:
    """With --config-line nothing is stored, and the line printed is one that the config takes."""
    asked = ["--tenant", "acme", "--role", "auditor", "--mfa", "always", "--config-line"]
    made = run("keys", "new", "1e3", *asked)
    config.write_text(OPEN + "keys:\n" + made.stderr.split("\n", 1)[1])
    (key,) = load_settings(config).keys

    assert (key.id, key.tenant, key.roles, key.mfa) == ("1e3", "acme", ["auditor"], "always")
    assert key.hash == f"sha256:{digest_of(made.stdout.strip())}"
    assert not state_dir.exists()


@pytest.mark.parametrize(
    "arguments", [["a b"], [""], ["a" * 65], ["a", "--tenant", "x y"], ["a", "--role", "root"]]
)
def test_keys_with_bad_names(arguments: list[str]) -> None:
    """Names that would not fit a log or config are refused."""
    failed(run("keys", "new", *arguments), 2)


def test_explain(config: Path) -> None:
    """The decision is printed as JSON, with plan and reasons, and nothing is sent anywhere."""
    result = run("explain", "--config", config, text=CHAT)
    answer = json.loads(result.stdout)

    assert answer["allowed"] == ["device", "c1"]
    assert [a["destination"] for a in answer["plan"]] == ["c1"]
    assert answer["policy_hash"].startswith("sha256:")
    assert 0 <= answer["signals"]["complexity"] <= 1


def test_explain_with_headers(config: Path) -> None:
    """Headers count as they do for a request; keys among them are not needed."""
    arguments = ["--header", "x-nearward-data-class=secret", "-H", "Authorization=Bearer x"]
    result = run("explain", "--config", config, *arguments, text=CHAT)
    answer = json.loads(result.stdout)

    assert (answer["data_class"], answer["allowed"]) == ("secret", ["device"])
    assert answer["refusal"] == "local_unavailable"


def test_explain_refuses_as_the_gateway_would(config: Path, tmp_path: Path) -> None:
    """Bad requests, headers and files are one line, without the request's text."""
    failed(run("explain", "-c", config, text="{"), 1, "invalid_json")
    failed(run("explain", "-c", config, text=CHAT[:-1] + f', "n": "{CANARY}"}}'), 1, "n: ")
    failed(run("explain", "-c", config, "-H", "x-nearward-dry-run", text=CHAT), 2, "name=value")
    failed(run("explain", "-c", config, "-H", "x-nearward-what=1", text=CHAT), 1, "unknown_header")
    failed(run("explain", "-c", config, tmp_path / "none"), 2, "cannot be read")


def test_explain_as_somebody(config: Path, tmp_path: Path) -> None:
    """A key's owner, a tenant, a session, an approval; one that is not known is refused."""
    digest = f"sha256:{'1' * 64}"
    config.write_text(
        config.read_text()
        + f"keys: [{{id: ann, hash: '{digest}', tenant: clinic, mfa: always}}]\n"
        + f"state_dir: {tmp_path / 'own'}\n"
    )

    def told(*arguments: str) -> dict[str, Any]:
        result = run("explain", "-c", config, *arguments, text=CHAT)
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    expected = {"route": "cloud", "region": "cloud", "status": 200, "reason": "device_not_ready"}
    assert told("--key", "ann", "--tenant", "clinic")["expected"].items() >= expected.items()
    assert told("--tenant", "clinic", "--session", "s", "--approved")["data_class"] == "internal"
    assert not (tmp_path / "own").exists()
    failed(run("explain", "-c", config, "--key", "bob", text=CHAT), 2, "no key has the id bob")
    failed(run("explain", "-c", config, "--tenant", "x", text=CHAT), 2, "no key is of the tenant")
    wrong = run("explain", "-c", config, "--key", "ann", "--tenant", "default", text=CHAT)
    failed(wrong, 2, "the key ann is of the tenant clinic")


def test_explain_of_a_long_prompt_ends(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt that is scanned off the loop, slowly, is explained and does not hang."""

    from gateway.signals.privacy import Detector

    real = Detector.scan

    def slow(self: Any, text: str, *rest: Any) -> Any:
        time.sleep(0.12)
        return real(self, text[:100], *rest)

    monkeypatch.setattr(Detector, "scan", slow)
    long = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "a " * 20_000}]})

    assert run("explain", "--config", config, text=long).exit_code == 0


def test_classify(tmp_path: Path) -> None:
    """Records in, classifications out, in order; from a file or standard input."""
    lines = f'{{"id": "a", "text": "Hi"}}\n\n{{"id": 2, "text": "To a.b@example.org {CANARY}"}}\n'
    path = tmp_path / "in.jsonl"
    path.write_text(lines)

    for result in (
        run("classify", path),
        run("classify", text=lines),
        run("classify", "-", text=lines),
    ):
        assert result.exit_code == 0
        first, second = map(json.loads, result.stdout.splitlines())
        assert (first["id"], second["id"]) == ("a", 2)
        assert "EMAIL" in {s["kind"] for s in second["spans"]}
        assert CANARY not in result.output
    assert run("classify", "--mode", "phi", text=lines).exit_code == 0
    assert run("classify", "--mode", "loud", text=lines).exit_code == 2


@pytest.mark.parametrize(
    ("line", "part"),
    [("{", "not a JSON object"), ("[]", "not a JSON object"), ('{"id": 1}', "each record needs")],
)
@pytest.mark.parametrize("command", [["classify"], ["complexity", "score"]])
def test_bad_records_name_their_line(command: list[str], line: str, part: str) -> None:
    """A line that is no record ends the command with its number."""
    result = run(*command, text='{"id": 1, "text": "fine"}\n' + line + "\n")

    failed(result, 2, "-:2: ", part)
    assert len(result.stdout.splitlines()) == 1


def test_records_from_a_missing_file(tmp_path: Path) -> None:
    """A file that is not there is one line."""
    failed(run("classify", tmp_path / "none"), 2, "none: cannot be read")


def test_complexity_score() -> None:
    """Scores come in order, between 0 and 1."""
    result = run("complexity", "score", text='{"id": 1, "text": "Hi"}\n{"id": 2, "text": "Why?"}\n')
    scores = [json.loads(line) for line in result.stdout.splitlines()]

    assert [s["id"] for s in scores] == [1, 2]
    assert all(0 <= s["score"] <= 1 and s["us"] >= 0 for s in scores)


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["model", "list"], "local_engine.store"),
        (["model", "pull", "x"], "local_engine.store"),
        (["model", "verify", "x"], "local_engine.store"),
        (["device", "--json"], "local_engine.device"),
        (["device"], "local_engine.device"),
    ],
)
def test_engine_commands_hand_over(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], module: str
) -> None:
    """Commands about models and the device run the engine's own program and pass its exit code."""
    ran: list[list[str]] = []

    def fake(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 7, "", "")

    monkeypatch.setattr(subprocess, "run", fake)

    assert run(*arguments).exit_code == 7
    assert ran[0][:3] == [sys.executable, "-m", module]


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, 130), (BrokenPipeError, 141)])
def test_main_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException], code: int
) -> None:
    """Ctrl-C and a closed pipe are no tracebacks."""

    def raising() -> None:
        raise error

    monkeypatch.setattr(sys.modules["gateway.cli.main"], "app", raising)
    with pytest.raises(SystemExit) as caught:
        main()

    assert caught.value.code == code


def test_help_is_quick() -> None:
    """Help loads neither the pipeline nor a detector, nor litellm."""
    code = (
        "import sys; sys.argv=['nearward','--help']\n"
        "from gateway.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'gateway.pipeline', 'gateway.signals.privacy', 'litellm', 'fastapi', 'uvicorn'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
