# SPDX-License-Identifier: Apache-2.0
"""A real Redis for tests: a process of its own, in a directory of its own, on a free port."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_UP_S = 10.0


class RedisServer:
    """`start` and `stop` may follow each other; the port stays. Nothing is kept on disk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*command, "--dir", str(self._directory), "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _UP_S
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def stop(self) -> None:
        """Kill it; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def contents(self) -> dict[str, str]:
        """All keys and values."""
        keys = self.command("KEYS", "*").split("\r\n")[2::2]
        return {key: self.command("GET", key).split("\r\n")[1] for key in keys}

    def command(self, *words: str) -> str:
        """The raw answer to a command."""
        request = f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as link:
            link.sendall(request.encode())
            link.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := link.recv(65536):
                answer += piece
        return answer.decode()

    def _answers(self) -> bool:
        try:
            return self.command("PING") == "+PONG\r\n"
        except OSError:
            return False


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A running Redis; the test is skipped where there is none to run."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on the path; Debian: apt-get install redis-server")
    with tempfile.TemporaryDirectory(prefix="nw-redis-") as directory:
        server = RedisServer(Path(directory))
        server.start()
        try:
            yield server
        finally:
            server.stop()
