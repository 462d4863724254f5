# SPDX-License-Identifier: Apache-2.0
"""`nearward serve` as a user runs it: a process of its own, with the real engine and model."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY = "served-test-key"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
_READY_S = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """A running gateway."""

    process: subprocess.Popen[str]
    port: int
    state_dir: Path

    @property
    def base_url(self) -> str:
        """For an OpenAI client."""
        return f"http://127.0.0.1:{self.port}/v1"

    def engine_health(self) -> dict[str, Any]:
        """The engine's own report, read from its socket; {} while it is down."""
        return engine_report(self.state_dir / "run/engine.sock")

    def until_ready(self) -> None:
        """Wait until the gateway knows that the engine is ready; raises when it takes too long."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if _is_ready(f"http://127.0.0.1:{self.port}/health/readiness"):
                return
            assert self.process.poll() is None, "nearward serve ended"
            time.sleep(0.05)
        raise TimeoutError("the engine did not become ready")


@contextmanager
def served(*arguments: str, **environment: str) -> Iterator[Served]:
    """Run `nearward serve` on a free port around a block."""
    with tempfile.TemporaryDirectory(prefix="nw") as state_dir:
        variables = {"NEARWARD_STATE_DIR": state_dir, "NEARWARD_API_KEY": KEY, **environment}
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--port", "0", *arguments],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            match = _ADDRESS.search(first)
            assert match, f"no address in {first!r}"
            yield Served(process, int(match[1]), Path(state_dir))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            assert process.stdout is not None
            process.stdout.close()


def engine_report(path: Path) -> dict[str, Any]:
    """The /health of an engine; {} while it is down."""
    return _get_json(str(path), "/health")


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  a URL of ours
            return bool(answer.status == 200)
    except OSError:
        return False


def _get_json(path: str, target: str) -> dict[str, Any]:
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(2)
            link.connect(path)
            link.sendall(f"GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
            data = b""
            while piece := link.recv(65536):
                data += piece
    except OSError:
        return {}
    found = re.search(rb"\{.*\}", data, re.DOTALL)
    answer = json.loads(found[0]) if found else {}
    return answer if isinstance(answer, dict) else {}
