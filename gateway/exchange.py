# SPDX-License-Identifier: Apache-2.0
"""One HTTP exchange: the request's headers and body in, one answer out, and who left when."""

from __future__ import annotations

import re
import time

from gateway.channel import Channel, HeaderList
from gateway.errors import GatewayError, error_headers, openai_envelope
from gateway.limits import Headers, Json, Limits, bounded, parse_object, read_body, read_headers

_JSON = (b"content-type", b"application/json")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Exchange:
    """The request being answered, and the way to answer it."""

    __slots__ = (
        "_channel",
        "_gone",
        "_limits",
        "_started",
        "began",
        "body_bytes",
        "headers",
        "trace",
    )

    def __init__(self, channel: Channel, limits: Limits) -> None:
        """Reads nothing yet."""
        self.began = time.perf_counter()
        self._channel = channel
        self._limits = limits
        self._started = False
        self._gone = False
        self.body_bytes = 0
        self.trace: HeaderList = []
        self.headers: Headers = {}

    def open(self) -> None:
        """Read the headers; raises BadRequest when they are over the limits."""
        self.headers = read_headers(self._channel.headers, self._limits)
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
        """The whole body; from here on the client's departure cancels the task that asked."""
        channel = self._channel
        whole = channel.take_whole()
        if whole is None:
            body = await read_body(channel.receive, self.headers, self._limits)
        else:  # as nearly always: a timeout would cost more than all else here
            body = bounded(whole, self._limits)
        self.body_bytes = len(body)
        channel.watch(self._leave)
        return body

    async def json(self) -> Json:
        """The body as a JSON object."""
        return parse_object(await self.body(), self._limits)

    def parse(self, body: bytes) -> Json:
        """A bounded JSON object from bytes; raises BadRequest."""
        return parse_object(body, self._limits)

    async def answer(self, status: int, body: bytes, headers: HeaderList | None = None) -> None:
        """Send a complete answer."""
        length = (b"content-length", b"%d" % len(body))
        head = [*(headers or [_JSON]), length, *self.trace]
        await self._channel.begin(status, head, body, more=False)
        self._started = True

    async def fail(self, error: GatewayError) -> None:
        """Send an error in the caller's envelope."""
        headers = [_JSON, *error_headers(error)]
        await self.answer(error.status, openai_envelope(error), headers)

    async def begin(self, status: int, headers: HeaderList, first: bytes = b"") -> None:
        """Send the head of a streamed answer, together with its first piece."""
        await self._channel.begin(status, [*headers, *self.trace], first, more=True)
        self._started = True

    async def chunk(self, data: bytes) -> None:
        """Send a piece of a streamed answer; waits while the client reads slowly."""
        await self._channel.write(data, more=True)

    async def end(self) -> None:
        """Finish a streamed answer."""
        await self._channel.write(b"", more=False)

    def close(self) -> None:
        """Stop watching."""
        self._channel.close()

    def _leave(self) -> None:
        self._gone = True
