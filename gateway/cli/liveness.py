# SPDX-License-Identifier: Apache-2.0
"""The running nearward on this machine, asked by a command: is it there, what waits for a person.

The one connection outside the guarded transport. It goes to the address that this machine would
listen on itself, and carries nothing of any request: a path, an id, a verdict, the operator's key.
"""

from __future__ import annotations

import contextlib
import http.client

import orjson

from gateway.limits import Json

_TIMEOUT_S = 1.0
_ANSWER_S = 30.0
_ANSWER = b'{"status":"alive"}'
# What a server binds to for all addresses, and the one of them to ask.
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared with, not bound


class NotRunning(Exception):
    """Nobody answers there, or somebody else does."""


def is_served(host: str, port: int) -> bool:
    """Whether `/health/liveliness` answers there as nearward does."""
    connection = http.client.HTTPConnection(_ANY.get(host, host), port, timeout=_TIMEOUT_S)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/health/liveliness")
            return connection.getresponse().read(len(_ANSWER) + 1) == _ANSWER
        except (OSError, http.client.HTTPException):
            return False


def ask(host: str, port: int, key: str, path: str, body: Json | None = None) -> tuple[int, Json]:
    """Status and JSON of an endpoint for operators: POST with a body, else GET.

    The key is shown to nobody but a nearward. Raises NotRunning.
    """
    if not is_served(host, port):
        raise NotRunning
    connection = http.client.HTTPConnection(_ANY.get(host, host), port, timeout=_ANSWER_S)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    with contextlib.closing(connection):
        try:
            sent = None if body is None else orjson.dumps(body)
            connection.request("GET" if body is None else "POST", path, sent, headers)
            answer = connection.getresponse()
            found = orjson.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            raise NotRunning from None
    if not isinstance(found, dict):
        raise NotRunning
    return answer.status, found
