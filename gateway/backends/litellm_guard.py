# SPDX-License-Identifier: Apache-2.0
"""The transport under litellm: one origin, one request for each call, our own errors.

Imported lazily. What happened on the wire is written into the call's `Traffic`, because litellm's
errors do not say it: they turn a refused connection and a 500 into the same class.

Rules
-----
1. Outside of a call, to another origin, or a second time within a call: refused. litellm asks again
   when a connection breaks, over a client of its own making; it does so on httpx's errors only, so
   none of those leaves this module.
2. Each phase has its limit (`Timeouts`) and the answer its size; litellm's time-out is not used.
3. Nothing is compressed, so that the size on the wire is the size in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpx
import litellm
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

from gateway.backends.egress import Origin, Timeouts
from gateway.backends.errors import (
    BackendError,
    ConnectFailed,
    ConnectTimeout,
    EgressRefused,
    FirstByteTimeout,
    IdleTimeout,
    PoolExhausted,
    ProtocolBroken,
    ResponseTooLarge,
    ResponseTruncated,
)

_REFUSAL_BYTES = 64 * 1024
# Where the last words of a stream are looked for.
_TAIL_BYTES = 4096


@dataclass(slots=True)
class Traffic:
    """What one call may do on the wire, and what it did.

    `refusal` is the beginning of a body that came with another status than 200, `tail` the end of
    any body; `streams` are the bodies that were opened, because litellm does not close all of them.
    """

    timeouts: Timeouts
    response_bytes: int
    has_asked: bool = False
    has_left: bool = False
    status: int = 0
    retry_after: bytes = b""
    refusal: bytes = field(default=b"", repr=False)
    tail: bytes = field(default=b"", repr=False)
    failure: BackendError | None = None
    streams: list[httpx.AsyncByteStream] = field(default_factory=list)

    def fail(self, error: BackendError) -> BackendError:
        """Keep the first failure; returns `error`, to be raised."""
        self.failure = self.failure or error
        return error


TRAFFIC: ContextVar[Traffic] = ContextVar("traffic")


class Nowhere(httpx.BaseTransport):
    """Refuses everything. litellm asks Ollama servers about models over a client of its own,
    on the event loop and past the guard; with this under that client it gets no further."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Always raises EgressRefused."""
        raise EgressRefused("litellm may only use the client of its call")


class OriginGuard(httpx.AsyncHTTPTransport):
    """Sends the one request of a call, to the cleared origin."""

    def __init__(self, origin: str) -> None:
        super().__init__(trust_env=False, retries=0)
        self._origin = origin

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send under the call's limits; raises BackendError and nothing else."""
        traffic = TRAFFIC.get(None)
        if traffic is None:
            raise EgressRefused("litellm asked outside of a call")
        self._check(request.url, traffic)
        traffic.has_asked = True
        response = await self._head(request, traffic)
        traffic.status = response.status_code
        traffic.retry_after = response.headers.get("retry-after", "").encode()
        assert isinstance(response.stream, httpx.AsyncByteStream)
        traffic.streams.append(response.stream)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.stream.aclose()
            raise traffic.fail(ProtocolBroken("the answer is compressed", head_seen=True))
        response.stream = _Body(response.stream, traffic)
        return response

    def _check(self, url: httpx.URL, traffic: Traffic) -> None:
        port = f":{url.port}" if url.port else ""
        if Origin.parse(f"{url.scheme}://{url.host}{port}").text != self._origin:
            raise traffic.fail(EgressRefused("litellm asked for another origin"))
        if traffic.has_asked:
            raise traffic.fail(EgressRefused("litellm asked a second time"))

    async def _head(self, request: httpx.Request, traffic: Traffic) -> httpx.Response:
        limits = traffic.timeouts
        clock = asyncio.get_running_loop().time

        async def trace(event: str, _: dict[str, Any]) -> None:
            # A caller's latency budget shortens the wait for an answer, not for a connection.
            if event.endswith("send_request_headers.started"):
                traffic.has_left = True
                first_byte.reschedule(clock() + limits.first_byte_s)

        request.headers["accept-encoding"] = "identity"
        request.extensions["trace"] = trace
        request.extensions["timeout"] = {"connect": limits.connect_s, "pool": limits.connect_s}
        try:
            async with asyncio.timeout(None) as first_byte:
                return await super().handle_async_request(request)
        except (TimeoutError, httpx.HTTPError) as error:
            raise traffic.fail(_failure(error, traffic)) from None


def _failure(error: Exception, traffic: Traffic) -> BackendError:
    """Why no head came; whether the request may have left is what the trace says."""
    if isinstance(error, httpx.PoolTimeout):
        return PoolExhausted("all connections are busy")
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        if traffic.has_left:
            return FirstByteTimeout("the destination did not answer in time")
        return ConnectTimeout("no connection in time")
    if not traffic.has_left:
        return ConnectFailed("the destination could not be reached")
    if isinstance(error, httpx.ProtocolError):
        return ProtocolBroken("what came is not HTTP, or the connection closed without an answer")
    return ResponseTruncated("the connection broke before the answer")


class _Body(httpx.AsyncByteStream):
    """A response's body under its limits."""

    def __init__(self, stream: httpx.AsyncByteStream, traffic: Traffic) -> None:
        self._stream = stream
        self._traffic = traffic
        self._left_bytes = traffic.response_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._stream)
        while (piece := await self._next(pieces)) is not None:
            yield piece

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        traffic = self._traffic
        try:
            async with asyncio.timeout(traffic.timeouts.idle_s):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return None
        except TimeoutError:
            raise traffic.fail(IdleTimeout("the answer fell silent", head_seen=True)) from None
        except httpx.HTTPError:
            raise traffic.fail(ResponseTruncated("the answer broke off", head_seen=True)) from None
        self._left_bytes -= len(piece)
        if self._left_bytes < 0:
            raise traffic.fail(ResponseTooLarge("the answer is larger than allowed"))
        traffic.tail = (traffic.tail + piece)[-_TAIL_BYTES:]
        if traffic.status != 200:
            traffic.refusal += piece[: _REFUSAL_BYTES - len(traffic.refusal)]
        return piece

    async def aclose(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        await self._stream.aclose()


def guarded_client(origin: str, timeout_s: float) -> Any:
    """litellm's own client over the guard; its module-wide client is cut off on the way."""
    no_client = httpx.Client(transport=Nowhere(), trust_env=False)
    litellm.module_level_client = HTTPHandler(client=no_client)
    return AsyncHTTPHandler(
        timeout=timeout_s, transport=OriginGuard(origin), follow_redirects=False
    )
