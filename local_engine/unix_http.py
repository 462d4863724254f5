# SPDX-License-Identifier: Apache-2.0
"""The standard library's HTTP client over a unix socket."""

from __future__ import annotations

import socket
from http.client import HTTPConnection


class UnixConnection(HTTPConnection):
    """A connection to the server that listens on `path`."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Open the socket; raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
