# SPDX-License-Identifier: Apache-2.0
"""The port between an exchange and whatever speaks HTTP, and its form over any ASGI server.

`front.py` has the other form, straight from the HTTP parser, for the hot routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from gateway.limits import Receive

HeaderList = list[tuple[bytes, bytes]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Watching for the client's departure costs a task over ASGI, so it begins only when an exchange
# has lasted this long: most pass-through answers are over by then.
_WATCH_AFTER_S = 0.05


class Channel(Protocol):
    """One request's bytes in, its answer's bytes out."""

    @property
    def headers(self) -> HeaderList:
        """The request's headers, names in lower case, in the order in which they came."""

    @property
    def address(self) -> str:
        """The client's address, "" where it has none."""

    @property
    def receive(self) -> Receive:
        """Gives the body piece by piece as ASGI's messages; a disconnect when it is cut off."""

    def take_whole(self) -> bytes | None:
        """The whole body if it is here already; None when `receive` has to be asked."""

    async def begin(self, status: int, headers: HeaderList, body: bytes, *, more: bool) -> None:
        """The answer's head and the first bytes of its body; the only ones unless `more`."""

    async def write(self, body: bytes, *, more: bool) -> None:
        """Further bytes; waits while the client reads slowly."""

    def watch(self, on_gone: Callable[[], None]) -> None:
        """If the client leaves before the answer is complete: `on_gone`, then cancel the task."""

    def close(self) -> None:
        """Watch no more."""


class AsgiChannel:
    """A channel over ASGI's two callables."""

    __slots__ = (
        "_on_gone",
        "_send",
        "_task",
        "_timer",
        "_watcher",
        "address",
        "headers",
        "receive",
    )

    def __init__(
        self, headers: HeaderList, receive: Receive, send: Send, address: str = ""
    ) -> None:
        self.headers = headers
        self.address = address
        self.receive = receive
        self._send = send
        self._on_gone: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    def take_whole(self) -> bytes | None:
        """Nobody can tell."""
        return None

    async def begin(self, status: int, headers: HeaderList, body: bytes, *, more: bool) -> None:
        """See `Channel`."""
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        if body or not more:
            await self.write(body, more=more)

    async def write(self, body: bytes, *, more: bool) -> None:
        """See `Channel`."""
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def watch(self, on_gone: Callable[[], None]) -> None:
        """See `Channel`."""
        self._on_gone = on_gone
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_S, self._start_watcher)

    def close(self) -> None:
        """See `Channel`."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def _start_watcher(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
        if self._on_gone is not None and self._task is not None:
            self._on_gone()
            self._task.cancel()
