# SPDX-License-Identifier: Apache-2.0
"""One HTTP exchange over ASGI: the request's bytes in, an answer's bytes out, and who left when.

Watching for the client's departure costs a task, so it begins only when the exchange has lasted
`_WATCH_AFTER_S`: most pass-through answers are over by then.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.errors import GatewayError, error_headers, openai_envelope
from gateway.limits import Headers, Json, Limits, Receive, parse_object, read_body, read_headers

Send = Callable[[dict[str, Any]], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]

_WATCH_AFTER_S = 0.05
_JSON = (b"content-type", b"application/json")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Exchange:
    """The request being answered, and the way to answer it."""

    __slots__ = (
        "_gone",
        "_limits",
        "_raw_headers",
        "_receive",
        "_send",
        "_started",
        "_task",
        "_timer",
        "_watcher",
        "began",
        "body_bytes",
        "headers",
        "trace",
    )

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send, limits: Limits) -> None:
        """Holds the ASGI callables; reads nothing yet."""
        self.began = time.perf_counter()
        self._receive = receive
        self._send = send
        self._limits = limits
        self._raw_headers: HeaderList = scope["headers"]
        self._started = False
        self._gone = False
        self._task = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.body_bytes = 0
        self.trace: HeaderList = []
        self.headers: Headers = {}

    def open(self) -> None:
        """Read the headers; raises BadRequest when they are over the limits."""
        self.headers = read_headers(self._raw_headers, self._limits)
        request_id = self.headers.get(b"x-request-id")
        if request_id is not None and _REQUEST_ID.fullmatch(request_id):
            self.trace.append((b"x-request-id", request_id))

    @property
    def has_begun_answer(self) -> bool:
        """Whether the status line is out: after that an error can only be an event."""
        return self._started

    @property
    def client_is_gone(self) -> bool:
        """Whether the client was seen to leave."""
        return self._gone

    async def body(self) -> bytes:
        """The whole body; from here on the client's departure is watched for."""
        body = await read_body(self._receive, self.headers, self._limits)
        self.body_bytes = len(body)
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_S, self._watch)
        return body

    async def json(self) -> Json:
        """The body as a JSON object."""
        return self.parse(await self.body())

    def parse(self, body: bytes) -> Json:
        """A bounded JSON object from bytes; raises BadRequest."""
        return parse_object(body, self._limits)

    async def answer(self, status: int, body: bytes, headers: HeaderList | None = None) -> None:
        """Send a complete answer."""
        length = (b"content-length", b"%d" % len(body))
        await self._start(status, [*(headers or [_JSON]), length, *self.trace])
        await self._send({"type": "http.response.body", "body": body})

    async def fail(self, error: GatewayError) -> None:
        """Send an error in the caller's envelope."""
        headers = [_JSON, *error_headers(error)]
        await self.answer(error.status, openai_envelope(error), headers)

    async def begin(self, status: int, headers: HeaderList) -> None:
        """Send the head of a streamed answer."""
        await self._start(status, [*headers, *self.trace])

    async def chunk(self, data: bytes) -> None:
        """Send a piece of a streamed answer; waits while the client reads slowly."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """Finish a streamed answer."""
        await self._send({"type": "http.response.body", "body": b""})

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    async def _start(self, status: int, headers: HeaderList) -> None:
        self._started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def _watch(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if self._task is not None:
            self._task.cancel()
