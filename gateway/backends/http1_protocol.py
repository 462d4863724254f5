# SPDX-License-Identifier: Apache-2.0
"""One HTTP/1.1 connection as a state machine.

Rules
-----
1.  A connection is *idle* (no response object), *busy* (one) or *closed*; closed is final.
2.  One request at a time, never pipelined. `exchange` writes it in a single call.
3.  Bytes that arrive while idle, or behind the end of a response, belong to nobody: the
    connection is closed. A later caller can never be given them as its answer.
4.  The response object, not the connection, owns body bytes. So a connection is free for the
    next request when the last byte has arrived, even if nobody has read it yet.
5.  A connection goes back to the pool only from a complete response that allows it, with the
    request fully written. Cancelled, failed, timed out, abandoned: closed at once, with abort().
6.  1xx responses are read and dropped. 101 is an error: nothing here asks for an upgrade.
7.  The end of input completes a body only when neither Content-Length nor Transfer-Encoding was
    given, and only when it is an orderly end (FIN, not RST). Otherwise the body is truncated.
8.  Body bytes that came before a fault are handed out first, then the fault is raised; so what
    a reader sees does not depend on how the bytes were cut into packets.
9.  There is one timer. A later deadline is only written down; the timer wakes at the old time,
    looks, and sleeps again. Only an earlier deadline touches the event loop.
10. The idle deadline stands still while reading is paused for a slow reader: then it is not the
    other side that is silent. The total deadline never stands still.
11. The first body bytes go to the reader before more is parsed or read: what came with them in
    one long read is held until then, so that a first token never waits for its followers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

import httptools

from gateway.backends.errors import (
    FirstByteTimeout,
    IdleTimeout,
    ProtocolBroken,
    ResponseTooLarge,
    ResponseTruncated,
    TotalTimeout,
    UpstreamError,
)
from gateway.backends.http1_request import Timeouts
from gateway.backends.http1_response import Response

HEAD_LIMIT_BYTES: Final = 64 * 1024
"""Most bytes of status lines and headers of one response, 1xx included."""

QUIET_LIMIT_BYTES: Final = 2 * HEAD_LIMIT_BYTES
"""Most bytes without any body among them: head, chunk extensions, trailers. They cost memory or
time and carry nothing; without a limit a server could send them until the total deadline."""

_FIRST_BYTES: Final = 2048
"""What is parsed of the read that begins a response: a head and the first events of a stream."""

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class StaleConnection(ResponseTruncated):
    """A reused connection ended before one byte of the response; only the client sees this."""


class Connection(asyncio.Protocol):
    """One connection; made by the pool, which is told through two callbacks.

    `on_free`: the response is complete and the connection can be used again. `on_closed`: it
    cannot; called exactly once in its life.
    """

    __slots__ = (
        "_deadline",
        "_head_bytes",
        "_headers",
        "_held",
        "_idle_s",
        "_is_interim",
        "_is_paused",
        "_may_reuse",
        "_on_closed",
        "_on_free",
        "_parser",
        "_quiet_bytes",
        "_response",
        "_timer",
        "_timer_at",
        "_total_at",
        "_transport",
        "is_open",
        "is_reused",
        "loop",
        "lost",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_free: Callable[[Connection], None],
        on_closed: Callable[[Connection], None],
    ) -> None:
        self.loop = loop
        self.lost: asyncio.Future[None] = loop.create_future()
        self.is_open = False
        self.is_reused = False
        self._on_free = on_free
        self._on_closed = on_closed
        self._parser = httptools.HttpResponseParser(self)
        self._response: Response | None = None
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._held = b""
        self._is_interim = False
        self._is_paused = False
        self._may_reuse = False
        self._head_bytes = 0
        self._quiet_bytes = 0
        self._idle_s = 0.0
        self._total_at = self._deadline = self._timer_at = float("inf")
        self._timer: asyncio.TimerHandle | None = None

    # -- the side of the client ---------------------------------------------------------------

    async def exchange(self, request: bytes, timeouts: Timeouts, total_at: float) -> Response:
        """Write a whole request; the response once its head is complete.

        `total_at` is a time of the loop. Raises UpstreamError; StaleConnection if the connection
        had served before and ended without a byte.
        """
        self._response = response = Response(self)
        self._headers = response.headers
        self._head_bytes = self._quiet_bytes = 0
        self._idle_s = timeouts.idle_s
        self._total_at = total_at
        self._set_deadline(min(self.loop.time() + timeouts.first_byte_s, total_at))
        self._transport.write(request)
        await response.arrival()
        if not response.status and response.error is not None:
            raise response.error
        return response

    def rest(self, expiry_s: float) -> None:
        """Lie idle in the pool, for so long at most."""
        self.is_reused = True
        self._set_deadline(self.loop.time() + expiry_s)

    def resume(self, response: Response) -> None:
        """Go on reading, what is held first, if this response had paused it."""
        if self._is_paused and response is self._response:
            self._is_paused = False
            self._transport.resume_reading()
            self._set_deadline(min(self.loop.time() + self._idle_s, self._total_at))
            self._take_held()

    def fail(self, error: UpstreamError) -> None:
        """Close, and let the response under way (if any) end with this error."""
        response, self._response = self._response, None
        self.shut()
        if response is not None:
            response.error = error
            response.wake()

    def shut(self) -> None:
        """Close at once: nothing is flushed, nobody is waited for."""
        if self.is_open:
            self.is_open = False
            self._held = b""
            if self._timer is not None:
                self._timer.cancel()
            self._transport.abort()
            self._on_closed(self)

    # -- the side of the transport ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        if len(data) <= _FIRST_BYTES or self._head_bytes:
            self._take_in(data)
            return
        self._take_in(data[:_FIRST_BYTES])
        self._held = data[_FIRST_BYTES:]
        if not self._is_paused:
            self._take_held()

    def _take_held(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._take_in(held)

    def _take_in(self, data: bytes) -> None:
        response = self._response
        if response is None:  # rule 3
            self.shut()
            return
        unread_bytes = response.buffered_bytes
        try:
            if response.status:
                self._parser.feed_data(data)
            else:
                self._feed_head(response, data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(ProtocolBroken("malformed response", head_seen=bool(response.status)))
        if response.is_done:
            self._release()
            response.wake()
        elif self.is_open:
            grew = response.buffered_bytes > unread_bytes
            self._quiet_bytes = 0 if grew else self._quiet_bytes + len(data)
            self._continue(response)

    def eof_received(self) -> None:
        self._end_of_input(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_of_input(exc)
        if not self.lost.done():
            self.lost.set_result(None)

    def _continue(self, response: Response) -> None:
        """More is to come: move the deadline, pause if the reader is behind, wake the reader."""
        if self._quiet_bytes > QUIET_LIMIT_BYTES:
            self.fail(ResponseTooLarge("too much framing around the body"))
            return
        if response.buffered_bytes > response.pause_above:
            self._is_paused = True
            self._transport.pause_reading()
            self._deadline = self._total_at  # rule 10
        else:
            idle_at = self.loop.time() + self._idle_s
            self._set_deadline(idle_at if idle_at < self._total_at else self._total_at)
        if response.status and response.buffered_bytes > response.wake_above:
            response.wake()

    def _feed_head(self, response: Response, data: bytes) -> None:
        """Parse while the head is incomplete: never more of it than the limit."""
        room_bytes = HEAD_LIMIT_BYTES - self._head_bytes
        self._head_bytes += len(data)
        if len(data) <= room_bytes:
            self._parser.feed_data(data)
            return
        self._parser.feed_data(data[:room_bytes])
        if response.status:
            self._parser.feed_data(data[room_bytes:])
        else:
            self.fail(ResponseTooLarge("the response head is over its limit"))

    def _release(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        # A server may answer before it has read the request: the rest must not be left behind.
        if self._may_reuse and self.is_open and not self._transport.get_write_buffer_size():
            self._on_free(self)
        else:
            self.shut()

    def _end_of_input(self, exc: Exception | None) -> None:
        self._take_held()
        response = self._response
        if response is None:
            self.shut()
        elif exc is None and response.status and not self._is_framed(response):  # rule 7
            self._response = None
            response.is_done = True
            self.shut()
            response.wake()
        elif self.is_reused and not self._head_bytes:
            self.fail(StaleConnection("an idle connection had been closed"))
        else:
            head_seen = bool(response.status)
            self.fail(ResponseTruncated("the connection ended early", head_seen=head_seen))

    @staticmethod
    def _is_framed(response: Response) -> bool:
        return any(name in _FRAMING for name, _ in response.headers)

    # -- the timer (rule 9) -------------------------------------------------------------------

    def _set_deadline(self, deadline: float) -> None:
        self._deadline = deadline
        if deadline < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self.loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        now = self.loop.time()
        self._timer_at = float("inf")
        self._timer = None
        response = self._response
        if now < self._deadline:
            self._set_deadline(self._deadline)
        elif response is None:
            self.shut()
        elif now >= self._total_at:
            self.fail(TotalTimeout("the deadline is over", head_seen=bool(response.status)))
        elif not self._head_bytes:
            self.fail(FirstByteTimeout("no first byte in time"))
        else:
            self.fail(IdleTimeout("the response stalled", head_seen=bool(response.status)))

    # -- the side of the parser ---------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._response is None:  # rule 3: bytes behind the end of a response
            self._may_reuse = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._headers is not None:  # trailers and surplus are dropped
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        response = self._response
        if response is None:
            return
        status = self._parser.get_status_code()
        if status < 200:  # rule 6
            self._is_interim = True
            response.headers.clear()
        else:
            response.status = status
            self._headers = None

    def on_body(self, body: bytes) -> None:
        response = self._response
        if response is not None:
            response.pieces.append(body)
            response.buffered_bytes += len(body)

    def on_message_complete(self) -> None:
        if self._is_interim:
            self._is_interim = False
        elif self._response is not None:
            self._response.is_done = True
            self._response = None
            self._may_reuse = self._parser.should_keep_alive()
