# SPDX-License-Identifier: Apache-2.0
"""Starting opens no network connection: no telemetry, no price list, no vocabulary, no upstream.

A `sitecustomize` module in front of the child's path writes down every connect and every look-up
of a name, whether made by the standard library (audit events) or by uvloop (its own C code).
The engine's process inherits it.
"""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

WATCH = """
import os, sys

def note(event, detail):
    with open(os.environ["CONNECTION_LOG"], "a") as log:
        log.write(f"{event} {detail}\\n")

def hook(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        if args[1] is not None and not isinstance(args[1], (str, bytes)):
            note(event, args[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        # A look-up of a literal address, as for the listening socket, asks nobody.
        if str(args[0]) not in ("127.0.0.1", "::1", "None"):
            note(event, args[0])

sys.addaudithook(hook)
note("watching", os.getpid())
try:
    import uvloop
except ImportError:
    pass
else:
    def watched(name):
        original = getattr(uvloop.Loop, name)
        def method(self, *args, **kwargs):
            note("uvloop." + name, args[:3])
            return original(self, *args, **kwargs)
        return method
    for name in ("create_connection", "create_datagram_endpoint", "getaddrinfo", "sock_connect"):
        setattr(uvloop.Loop, name, watched(name))
"""
START = "from gateway.cli import main; main()"
LISTENS = re.compile(r"listens on http://127\.0\.0\.1:(\d+)")
CONFIG = """\
device: {{enabled: {device}}}
policy: {{packs: [hipaa]}}
state: {{store: "redis://127.0.0.1:9/0"}}
destinations:
  - {{name: one, tier: cloud, kind: openai, base_url: "https://one.invalid/v1", models: {{m: m}}}}
  - {{name: two, tier: cloud, kind: anthropic, base_url: "https://two.invalid", models: {{n: n}}}}
"""


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """An environment in which a Python process writes its connections to `CONNECTION_LOG`."""
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    (tmp_path / "connections").touch()
    return os.environ | {
        "PYTHONPATH": str(tmp_path),
        "CONNECTION_LOG": str(tmp_path / "connections"),
        "NEARWARD_STATE_DIR": str(tmp_path / "state"),
    }


def _connections(environment: dict[str, str]) -> list[str]:
    lines = Path(environment["CONNECTION_LOG"]).read_text().splitlines()
    assert any(line.startswith("watching") for line in lines)
    return [line for line in lines if not line.startswith("watching")]


@contextmanager
def _serving(environment: dict[str, str], config: Path) -> Iterator[int]:
    """`nearward serve` as a child; gives the port that it says it listens on."""
    command = [sys.executable, "-c", START, "serve", "--config", str(config), "--port", "0"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        try:
            for line in process.stdout:
                said.append(line)
                if found := LISTENS.search(line):
                    drain = threading.Thread(target=process.stdout.read, daemon=True)
                    drain.start()
                    yield int(found[1])
                    break
            else:
                pytest.fail("it did not start: " + "".join(said))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


def _wait_until(port: int, path: str, seconds: float) -> None:
    """Return once a GET of the path is answered with 200; fail after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except ConnectionError:
            pass
        finally:
            connection.close()
        threading.Event().wait(0.05)
    pytest.fail(f"{path} did not answer 200 within {seconds} s")


def test_the_watch_sees_connections(watched: dict[str, str]) -> None:
    """What this file relies on: both kinds of connection leave a line."""
    attempts = """
import asyncio, contextlib, socket, uvloop
with contextlib.suppress(OSError):
    socket.create_connection(("127.0.0.1", 9), timeout=1)
async def connect():
    with contextlib.suppress(OSError):
        await asyncio.open_connection("127.0.0.1", 9)
uvloop.run(connect())
"""
    subprocess.run([sys.executable, "-c", attempts], env=watched, check=True, timeout=20)

    seen = "\n".join(_connections(watched))
    assert "socket.connect ('127.0.0.1', 9)" in seen
    assert "uvloop.create_connection" in seen


def test_gateway_starts_without_a_connection(watched: dict[str, str], tmp_path: Path) -> None:
    """With two kinds of cloud and a Redis configured, starting and being asked contacts nobody."""
    config = tmp_path / "nearward.yaml"
    config.write_text(CONFIG.format(device="false"))

    with _serving(watched, config) as port:
        _wait_until(port, "/health/liveliness", 20)
        _wait_until(port, "/metrics", 5)

    assert _connections(watched) == []


@pytest.mark.engine
def test_engine_starts_without_a_connection(watched: dict[str, str], tmp_path: Path) -> None:
    """With the model on the device, gateway and engine reach readiness over unix sockets alone."""
    config = tmp_path / "nearward.yaml"
    config.write_text(CONFIG.format(device="true"))

    with _serving(watched, config) as port:
        _wait_until(port, "/health/readiness", 45)

    assert _connections(watched) == []
