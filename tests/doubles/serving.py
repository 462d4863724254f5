# SPDX-License-Identifier: Apache-2.0
"""A server for tests that runs in the test's own loop, or in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self


class Serving:
    """Base of the doubles: `async with` serves in this loop, `with` in a thread.

    The thread is for gateways in a subprocess and for tests without a loop. What a double records
    are plain lists that only grow, so they may be read from the other thread.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Listen; the port is known afterwards."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Close the listener and all connections."""
        raise NotImplementedError

    async def until(self, claim: Callable[[], object], within_s: float = 3.0) -> None:
        """Wait until the claim holds; fails the test when it does not in time."""
        async with asyncio.timeout(within_s):
            while not claim():
                await asyncio.sleep(0.002)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._thread is not None
        asyncio.run_coroutine_threadsafe(self.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses connections for as long as the context lasts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and never listening
        yield taken.getsockname()[1]
