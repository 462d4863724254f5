# SPDX-License-Identifier: Apache-2.0
"""The pool's control socket: small HTTP, for the gateway and the command line.

GET  /models                what is loaded, and the last report of each engine
POST /models/NAME/want      200 ready; 202 come again, with retry_after_s; 503 never; 404
POST /models/NAME/unload    200; 409 while it answers a request; 404
"""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import unquote

from local_engine.listening import listen

Reply = tuple[int, dict[str, Any]]


class Controlled(Protocol):
    """What answers."""

    def describe(self) -> dict[str, Any]: ...

    def want(self, name: str) -> Reply: ...

    def unload(self, name: str) -> Reply: ...


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    pool: Controlled

    def do_GET(self) -> None:
        """Describe everything."""
        if self.path == "/models":
            self._answer(200, self.pool.describe())
        else:
            self._answer(404, {"reason": "no such path"})

    def do_POST(self) -> None:
        """Want or unload."""
        self.rfile.read(min(int(self.headers.get("content-length") or 0), 65_536))
        match self.path.split("/"):
            case ["", "models", name, "want"]:
                self._answer(*self.pool.want(unquote(name)))
            case ["", "models", name, "unload"]:
                self._answer(*self.pool.unload(unquote(name)))
            case _:
                self._answer(404, {"reason": "no such path"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response_only(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep no log of requests."""


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    # The socket is made by `listen`, with its modes.
    def __init__(self, listener: socket.socket, handler: type[_Handler]) -> None:
        super().__init__("", handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener


class ControlServer:
    """Answers in threads of its own while the `with` block runs. Raises EngineSetupError."""

    def __init__(self, path: Path, pool: Controlled) -> None:
        handler = type("Handler", (_Handler,), {"pool": pool})
        self._path = path
        self._server = _Server(listen(path), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)
