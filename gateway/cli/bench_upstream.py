# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a cloud, for `nearward bench gateway`: answers chat requests as fast as it can.

`python -m gateway.cli.bench_upstream` listens on a free port of the loopback interface, prints
that port, and serves until it is stopped. A body with `"stream":true` gets `EVENTS` events at
once; any other gets one JSON answer.
"""

from __future__ import annotations

import asyncio
import re
from typing import cast

EVENTS = 50
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER = (
    b'{"id":"b","object":"chat.completion","created":0,"model":"bench","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"A short answer."},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":200,"completion_tokens":4,"total_tokens":204}}'
)
_EVENT = (
    b'data: {"id":"b","object":"chat.completion.chunk","created":0,"model":"bench","choices":'
    b'[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n'
)
_DONE = b"data: [DONE]\n\n"
_PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(_ANSWER),
    _ANSWER,
)
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_STREAM = _STREAM_HEAD + _chunk(_EVENT) * EVENTS + _chunk(_DONE) + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A gateway came."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._held, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._held) < whole:
                return
            streams = b'"stream":true' in self._held[end:whole]
            self._transport.write(_STREAM if streams else _PLAIN)
            self._held = self._held[whole:]


async def serve() -> None:
    """Listen and print the port."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve())
