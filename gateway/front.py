# SPDX-License-Identifier: Apache-2.0
"""The hot routes, straight from uvicorn's HTTP parser; every other request goes uvicorn's own way.

ASGI costs a request more than everything that nearward does for it: a scope, an event, two
messages, a check of each header by two regular expressions, head and body written apart, a timer.
This protocol is uvicorn's, with a shorter road for a POST to a path in its table.

Rules
-----
1. A request takes the short road when it is a POST whose target is exactly a hot path, speaks
   HTTP/1.1 without an upgrade, and follows no unanswered request on its connection. All others,
   pipelined ones too, take uvicorn's road, which leads to the same handlers.
2. Each channel is uvicorn's `cycle` while it is served, and has the attributes that uvicorn looks
   at: `response_complete`, `disconnected`, `keep_alive`, `body`, `more_body`, `message_event`.
3. An answer begins with its head in one piece, and a head with a stray CR, LF or NUL is not sent.
4. A connection has one deadline and at most one timer. A request's head must arrive within
   `_HEAD_S`; after an answer the next request may take uvicorn's keep-alive time; while a request
   is served there is no deadline here (`limits.read_body` bounds the body). A timer that wakes too
   early sleeps on.
5. A request names HTTP/1.0 or 1.1, and in 1.1 exactly one host (RFC 9112, 3.2).
6. An answer that the client does not take for `_WRITE_S`, with every buffer on the way full, is
   given up: it holds up an upstream that others wait for. A client that closes its side of the
   connection is taken as gone, as by most proxies: nobody can tell it from one that left.
7. A head may take `_HEAD_BYTES`; what comes behind a body (trailers) is no header. No upgrade is
   offered, so a request that asks for one is read again as if it had not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from operator import itemgetter
from typing import Any, Final

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.channel import Channel, HeaderList
from gateway.errors import (
    BadRequest,
    GatewayError,
    HeadersTooLarge,
    MethodNotAllowed,
    openai_envelope,
)

Serve = Callable[[Channel], Awaitable[None]]
_HEAD_S: Final = 10.0
_WRITE_S: Final = 10.0
_HEAD_BYTES: Final = 64 * 1024
_NEVER: Final = float("inf")
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_UPGRADE: Final = frozenset({b"upgrade", b"connection", b"http2-settings"})
_CLOSE: Final = (b"connection", b"close")
_CHUNKED: Final = (b"transfer-encoding", b"chunked")
_name_of = itemgetter(0)


class FrontProtocol(HttpToolsProtocol):
    """One client's connection. `hot` maps the targets of the short road to what serves them."""

    def __init__(self, hot: Mapping[bytes, Serve], **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        # uvicorn counts connections in its own road only.
        self._hot = hot if self.limit_concurrency is None else {}
        self._channel: FrontChannel | None = None
        self._is_in_head = self._is_head_timed = False
        self._head_bytes = 0
        self._without_upgrade = b""
        self._deadline = self._timer_at = _NEVER
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came: its first head is due."""
        super().connection_made(transport)
        self._due_in(_HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left, or was let go."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()
        if self._channel is not None:  # uvicorn tells the newest cycle only
            self._channel.lose()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            fault = "this is not HTTP of version 1.0 or 1.1 with one host"
            self._refuse(BadRequest(fault, code="invalid_http"))
            return
        except httptools.HttpParserUpgrade as where:
            self._read_as_plain(data[where.args[0] :])
            return
        if self._is_in_head:
            self._bound_head(len(data))

    def on_message_begin(self) -> None:
        """A head begins. The scope is made later, for those who need one."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._is_in_head, self._is_head_timed = True, False
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, unless it is a trailer."""
        if self._is_in_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Choose the road (rule 1)."""
        self._is_in_head = False
        self._deadline = _NEVER
        version = self.parser.get_http_version()
        names = list(map(_name_of, self.headers))
        if version not in _VERSIONS or (version == "1.1" and names.count(b"host") != 1):
            raise ValueError("version or host")  # ends the parser, as broken framing does
        self.expect_100_continue = b"expect" in names and any(map(_expects, self.headers))
        if self.parser.should_upgrade():
            self._without_upgrade = self._plain_head()
            return
        serve = self._hot.get(self.url)
        is_plain = version == "1.1" and self.parser.get_method() == b"POST"
        if serve is None or not is_plain or not self._is_free():
            headers, url, expects = self.headers, self.url, self.expect_100_continue
            super().on_message_begin()
            self.scope["headers"] = self.headers = headers
            self.url, self.expect_100_continue = url, expects
            super().on_headers_complete()
            return
        channel = FrontChannel(self, self.headers, expects_continue=self.expect_100_continue)
        self._channel = channel
        self.cycle = channel  # type: ignore[assignment]
        task = channel.task = self.loop.create_task(channel.run(serve))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        channel = self._channel
        newest: Any = self.cycle
        if channel is None or channel is not newest or self._without_upgrade:
            super().on_body(body)
        elif not channel.response_complete:
            channel.body += body
            if len(channel.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            channel.set()

    def on_message_complete(self) -> None:
        """The body has ended."""
        channel = self._channel
        newest: Any = self.cycle
        if self._without_upgrade:
            return
        if channel is None or channel is not newest:
            super().on_message_complete()
        else:
            channel.more_body = False
            channel.set()

    def on_response_complete(self) -> None:
        """An answer is out: the next request may begin, or is waiting already."""
        self._channel = None
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self._due_in(self.timeout_keep_alive)

    def _is_free(self) -> bool:
        """Whether no request of this connection waits for its answer."""
        cycle: Any = self.cycle
        return cycle is None or cycle.response_complete

    def _bound_head(self, fed_bytes: int) -> None:
        """The head goes on: bound its time from its beginning, and its size."""
        # An answer under way has no deadline, nor does a head that waits behind it.
        if not self._is_head_timed and self._is_free():
            self._is_head_timed = True
            self._due_in(_HEAD_S)
        self._head_bytes += fed_bytes
        if self._head_bytes > _HEAD_BYTES:
            self._refuse(HeadersTooLarge(f"the head is over {_HEAD_BYTES} bytes"))

    def _plain_head(self) -> bytes:
        """The head that was read, without what asks for another protocol."""
        if self.parser.get_method() == b"CONNECT":
            return b"CONNECT"
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] not in _UPGRADE]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _read_as_plain(self, rest: bytes) -> None:
        head, self._without_upgrade = self._without_upgrade, b""
        if head == b"CONNECT":
            self._refuse(MethodNotAllowed("this is no proxy"))
            return
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(head + rest)

    def _refuse(self, error: GatewayError) -> None:
        """Answer what cannot be read, unless another answer has begun, and close."""
        channel = self._channel
        if channel is not None and not channel.has_begun:
            channel.lose()
        if self._is_free() or (channel is not None and channel.disconnected):
            body = openai_envelope(error)
            head = b"content-type: application/json\r\nconnection: close\r\n"
            length = b"content-length: %d\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[error.status] + head + length + body)
        self.transport.close()

    def _due_in(self, seconds: float) -> None:
        deadline = self._deadline = self.loop.time() + seconds
        if deadline < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self.loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, _NEVER
        if self._deadline <= self.loop.time():
            self.transport.close()
        elif self._deadline is not _NEVER:
            self._due_in(self._deadline - self.loop.time())


def _expects(header: tuple[bytes, bytes]) -> bool:
    """Whether it asks for leave to send the body; nothing else can be expected."""
    name, value = header
    return name == b"expect" and value.lower() == b"100-continue"


class FrontChannel:
    """One request on the short road; see `channel.Channel`."""

    __slots__ = (
        "_expects_continue",
        "_is_chunked",
        "_on_gone",
        "_protocol",
        "_waiter",
        "body",
        "disconnected",
        "has_begun",
        "headers",
        "keep_alive",
        "more_body",
        "response_complete",
        "task",
    )

    def __init__(
        self, protocol: FrontProtocol, headers: HeaderList, *, expects_continue: bool
    ) -> None:
        self.headers = headers
        self.keep_alive: bool = protocol.parser.should_keep_alive()
        self.response_complete = False
        self.disconnected = False
        self.body = b""
        self.more_body = True
        self.task: asyncio.Task[None] | None = None
        self._protocol = protocol
        self._expects_continue = expects_continue
        self.has_begun = False
        self._is_chunked = False
        self._on_gone: Callable[[], None] | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def run(self, serve: Serve) -> None:
        """Serve the request; a connection whose answer was not finished is closed."""
        try:
            await serve(self)
        finally:
            if not self.response_complete:
                self._protocol.transport.close()

    @property
    def address(self) -> str:
        """See `Channel`."""
        client = self._protocol.client
        return client[0] if client else ""

    def take_whole(self) -> bytes | None:
        """See `Channel`."""
        if self.more_body or self.disconnected or self._expects_continue:
            return None
        return self._take()

    @property
    def message_event(self) -> FrontChannel:
        """What uvicorn sets when something arrives. No attribute: it would make a cycle."""
        return self

    async def receive(self) -> MutableMapping[str, Any]:
        """See `Channel`."""
        protocol = self._protocol
        if self._expects_continue:
            self._expects_continue = False
            protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not self.body and self.more_body and not self.disconnected:
            protocol.flow.resume_reading()
            self._waiter = protocol.loop.create_future()
            await self._waiter
        if self.disconnected:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self._take(), "more_body": self.more_body}

    def _take(self) -> bytes:
        """What has come of the body."""
        body, self.body = self.body, b""
        if not self.more_body and not self._protocol.pipeline:
            # A large body stops reading; it goes on, or nobody sees that the client leaves.
            self._protocol.flow.resume_reading()
        return body

    async def begin(self, status: int, headers: HeaderList, body: bytes, *, more: bool) -> None:
        """See `Channel`."""
        fields = headers + self._protocol.server_state.default_headers
        if not self.keep_alive:
            fields.append(_CLOSE)
        if more:
            self._is_chunked = True
            fields.append(_CHUNKED)
        lines = b"\r\n".join(map(b": ".join, fields))
        breaks = len(fields) - 1
        if lines.count(b"\n") != breaks or lines.count(b"\r") != breaks or b"\0" in lines:
            raise ValueError("a header holds a control character")
        self.has_begun = True
        if self._protocol.flow.write_paused:
            await self._drain()
        self._put(b"%b%b\r\n\r\n" % (STATUS_LINE[status], lines), body, more=more)

    async def write(self, body: bytes, *, more: bool) -> None:
        """See `Channel`."""
        if self._protocol.flow.write_paused:
            await self._drain()
        self._put(b"", body, more=more)

    def watch(self, on_gone: Callable[[], None]) -> None:
        """See `Channel`."""
        self._on_gone = on_gone
        if self.disconnected:
            self.lose()

    def close(self) -> None:
        """See `Channel`."""
        self._on_gone = None

    def set(self) -> None:
        """Something arrived, or the client left: uvicorn sets its `message_event`."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def lose(self) -> None:
        """The connection is gone."""
        self.disconnected = True
        self.set()
        on_gone, self._on_gone = self._on_gone, None
        if on_gone is not None and self.task is not None and not self.response_complete:
            on_gone()
            self.task.cancel()

    async def _drain(self) -> None:
        """Until the client has taken some of what waits; rule 6."""
        if self.disconnected:
            return
        try:
            async with asyncio.timeout(_WRITE_S):
                await self._protocol.flow.drain()
        except TimeoutError:
            self._protocol.transport.abort()
            self.lose()
            await asyncio.sleep(0)  # here the task is cancelled, if anybody watches

    def _put(self, head: bytes, body: bytes, *, more: bool) -> None:
        protocol = self._protocol
        if self.disconnected:
            return
        if self._is_chunked:
            head += b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body = b"" if more else b"0\r\n\r\n"
        if head or body:
            protocol.transport.write(head + body)
        if not more:
            self.response_complete = True
            if not self.keep_alive:
                protocol.transport.close()
            protocol.on_response_complete()
