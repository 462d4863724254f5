# SPDX-License-Identifier: Apache-2.0
"""The connections to one origin: reuse, limits, and the queue of those who wait for one.

Rules
-----
1. `open` connections and `reserved` slots (dials under way, or about to be) never exceed
   `max_connections` together.
2. The warmest idle connection is used first; the others grow cold and expire.
3. Whoever gives up a connection or a slot hands it to the first waiter, directly; a waiter that
   was cancelled after it had been handed something hands it on.
4. A waiter is woken with a connection, or with None: then a slot is reserved for it to dial.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass

from gateway.backends.errors import ConnectFailed, ConnectTimeout, PoolExhausted, TlsFailed
from gateway.backends.http1_protocol import Connection
from gateway.backends.http1_request import Origin, Timeouts


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Limits per origin. `idle_expiry_s` should be below the keep-alive time of the servers."""

    max_connections: int = 256
    max_idle: int = 64
    idle_expiry_s: float = 15.0
    max_waiting: int = 512
    wait_s: float = 5.0


class OriginPool:
    """Connections to one origin. `is_tls` comes from the origin; the context from the client."""

    def __init__(self, origin: Origin, tls: ssl.SSLContext | None, limits: PoolLimits) -> None:
        self._origin = origin
        self._tls = tls
        self._limits = limits
        self.loop = asyncio.get_running_loop()
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()
        self._reserved = 0
        self._is_closed = False
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()

    def take_idle(self) -> Connection | None:
        """The warmest idle connection, without waiting."""
        return self._idle.pop() if self._idle else None

    async def acquire(
        self, timeouts: Timeouts, total_at: float, *, is_fresh: bool = False
    ) -> Connection:
        """A connection to use now: idle (unless `is_fresh`), new, or the next that comes free.

        Raises PoolExhausted, ConnectFailed, ConnectTimeout or TlsFailed.
        """
        while True:
            connection = None if is_fresh else self.take_idle()
            if connection is not None:
                return connection
            if is_fresh and self._idle and self._is_full():
                self._idle.popleft().shut()
            if self._is_full():
                connection = await self._wait(total_at)
                if connection is None:
                    return await self._dial(timeouts, total_at)
                if connection.is_open:
                    return connection
            else:
                self._reserved += 1
                return await self._dial(timeouts, total_at)

    def close(self) -> list[asyncio.Future[None]]:
        """Close all; returns what to await until the sockets are closed."""
        self._is_closed = True
        lost = [connection.lost for connection in self._open]
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(ConnectFailed("the client is closed"))
        self._waiters.clear()
        for connection in list(self._open):
            connection.fail(ConnectFailed("the client is closed", head_seen=True))
        return lost

    def _is_full(self) -> bool:
        return len(self._open) + self._reserved >= self._limits.max_connections

    async def _wait(self, total_at: float) -> Connection | None:
        if len(self._waiters) >= self._limits.max_waiting:
            raise PoolExhausted("too many requests wait for a connection")
        waiter: asyncio.Future[Connection | None] = self.loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout_at(min(self.loop.time() + self._limits.wait_s, total_at)):
                return await waiter
        except TimeoutError:
            self._retire(waiter)
            raise PoolExhausted("no connection came free in time") from None
        except asyncio.CancelledError:
            self._retire(waiter)
            raise

    def _retire(self, waiter: asyncio.Future[Connection | None]) -> None:
        """This waiter leaves; what it may have been handed goes on (rule 3)."""
        if waiter.cancelled() or not waiter.done():
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        elif waiter.exception() is None:
            connection = waiter.result()
            if connection is None:
                self._reserved -= 1
                self._offer_slot()
            elif connection.is_open:
                self._on_free(connection)

    async def _dial(self, timeouts: Timeouts, total_at: float) -> Connection:
        """A new connection in the slot that was reserved for it."""
        try:
            async with asyncio.timeout_at(min(self.loop.time() + timeouts.connect_s, total_at)):
                connection = await self._connect()
        except TimeoutError:
            self._give_up_slot()
            raise ConnectTimeout("no connection in time") from None
        except (ssl.SSLError, ssl.CertificateError) as fault:
            self._give_up_slot()
            raise TlsFailed(f"TLS handshake failed ({type(fault).__name__})") from None
        except OSError as fault:
            self._give_up_slot()
            raise ConnectFailed(f"cannot connect ({type(fault).__name__})") from None
        except BaseException:
            self._give_up_slot()
            raise
        self._reserved -= 1
        self._open.add(connection)
        if self._is_closed:
            connection.shut()
        if not connection.is_open:
            self._on_closed(connection)
            raise ConnectFailed("the connection ended at once, or the client was closed")
        return connection

    async def _connect(self) -> Connection:
        origin = self._origin
        if origin.scheme == "unix":
            _, connection = await self.loop.create_unix_connection(self._make, origin.path)
        elif origin.scheme == "http":
            _, connection = await self.loop.create_connection(self._make, origin.host, origin.port)
        elif self._tls is None:
            raise ssl.SSLError("no TLS context")
        else:
            _, connection = await self.loop.create_connection(
                self._make, origin.host, origin.port, ssl=self._tls, server_hostname=origin.host
            )
        return connection

    def _make(self) -> Connection:
        return Connection(self.loop, self._on_free, self._on_closed)

    def _give_up_slot(self) -> None:
        self._reserved -= 1
        self._offer_slot()

    def _offer_slot(self) -> None:
        while self._waiters and not self._is_full():
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._reserved += 1
                waiter.set_result(None)

    def _on_free(self, connection: Connection) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                connection.rest(self._limits.idle_expiry_s)
                waiter.set_result(connection)
                return
        if len(self._idle) < self._limits.max_idle:
            connection.rest(self._limits.idle_expiry_s)
            self._idle.append(connection)
        else:
            connection.shut()

    def _on_closed(self, connection: Connection) -> None:
        # A dial that was cancelled may have made a connection that never was counted.
        if connection in self._open:
            self._open.remove(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._offer_slot()
