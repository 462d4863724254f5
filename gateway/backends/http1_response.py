# SPDX-License-Identifier: Apache-2.0
"""A response of an upstream: its head, and the buffer between the connection and the reader.

The reader uses `status`, `headers`, `read`, `next`, iteration and `close`; the connection that
carries the response uses the rest (its rules are in `http1_protocol`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Protocol

from gateway.backends.errors import ResponseTooLarge, ResponseTruncated, UpstreamError

HIGH_WATER_BYTES: Final = 64 * 1024
"""Reading pauses above this many unread body bytes (one more read may already be under way), and
for a moment after the first, until the reader has taken them."""


class Carrier(Protocol):
    """What a response needs of its connection."""

    loop: asyncio.AbstractEventLoop

    def resume(self, response: Response) -> None:
        """Go on reading if this response had paused it."""

    def fail(self, error: UpstreamError) -> None:
        """Close, and end the response under way with this error."""


class Response:
    """A response whose head has arrived.

    `status` and `headers` (names in lower case, order and repeats kept). The body is taken with
    `read`, `next` or `async for`, by one task; `close` abandons it. A response that is neither
    read to its end nor closed holds its connection until `total_s` is over.
    """

    __slots__ = (
        "_connection",
        "buffered_bytes",
        "error",
        "headers",
        "is_done",
        "pause_above",
        "pieces",
        "status",
        "waiter",
        "wake_above",
    )

    def __init__(self, connection: Carrier) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._connection = connection
        self.pieces: list[bytes] = []
        self.buffered_bytes = 0
        self.is_done = False
        self.error: UpstreamError | None = None
        self.waiter: asyncio.Future[None] | None = None
        self.wake_above = -1
        # At the first bytes already: a sender in full flow would keep the event loop reading, and
        # the first token waiting.
        self.pause_above = 0

    async def next(self) -> bytes:
        """All body bytes that have arrived and are unread; waits for one; b"" at the end.

        Raises UpstreamError when the body cannot be completed.
        """
        while not self.pieces:
            if self.error is not None:
                raise self.error
            if self.is_done:
                return b""
            self.wake_above = 0
            await self.arrival()
        return self.take()

    async def read(self, limit_bytes: int) -> bytes:
        """The rest of the body. Raises ResponseTooLarge above the limit, else as `next` does."""
        self.wake_above = limit_bytes
        self.pause_above = max(limit_bytes, HIGH_WATER_BYTES)
        while self.buffered_bytes <= limit_bytes:
            if self.error is not None:
                raise self.error
            if self.is_done:
                return self.take()
            self._connection.resume(self)
            # What the connection held may have been all that was to come: nobody wakes us then.
            if not self._is_decided(limit_bytes):
                await self.arrival()
        self.close()
        raise ResponseTooLarge("the body is over the limit of the caller")

    def _is_decided(self, limit_bytes: int) -> bool:
        return self.is_done or self.error is not None or self.buffered_bytes > limit_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.next():
            yield piece

    def close(self) -> None:
        """Abandon what has not been read; closes the connection unless the body is complete."""
        if not self.is_done and self.error is None:
            self._connection.fail(ResponseTruncated("closed by the caller", head_seen=True))
        self.pieces.clear()
        self.buffered_bytes = 0

    async def arrival(self) -> None:
        """Wait until the connection wakes us; if we are cancelled instead, close it (rule 5)."""
        self.waiter = self._connection.loop.create_future()
        try:
            await self.waiter
        except BaseException:
            self.close()
            raise
        finally:
            self.waiter = None

    def take(self) -> bytes:
        body = b"".join(self.pieces)
        self.pieces.clear()
        self.buffered_bytes = 0
        self.pause_above = HIGH_WATER_BYTES
        self._connection.resume(self)
        return body

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)
