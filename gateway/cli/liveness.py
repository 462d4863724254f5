# SPDX-License-Identifier: Apache-2.0
"""Whether a nearward already serves the configured address: `doctor` asks it, with a bare GET.

The one connection outside the guarded transport. It carries nothing of any request, and goes to the
address that this machine would listen on itself.
"""

from __future__ import annotations

import contextlib
import http.client

_TIMEOUT_S = 1.0
_ANSWER = b'{"status":"alive"}'
# What a server binds to for all addresses, and the one of them to ask.
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared with, not bound


def is_served(host: str, port: int) -> bool:
    """Whether `/health/liveliness` answers there as nearward does."""
    connection = http.client.HTTPConnection(_ANY.get(host, host), port, timeout=_TIMEOUT_S)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/health/liveliness")
            return connection.getresponse().read(len(_ANSWER) + 1) == _ANSWER
        except (OSError, http.client.HTTPException):
            return False
