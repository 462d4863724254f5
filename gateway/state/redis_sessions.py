# SPDX-License-Identifier: Apache-2.0
"""Session taint in Redis, shared by workers and gateways.

Rules
-----
1. Redis holds codes and class names, never the name of a session or a tenant.
2. Raising is one script in Redis: it reads, takes the higher class and writes, with nobody in
   between. The order of classes is sent along, so Redis need not know it.
3. Whatever goes wrong (no answer in time, an error, a value that is no class) makes the request's
   session UNKNOWN, and only that request's: UNKNOWN is not written.
4. What this process saw it keeps as well. A raise that did not arrive is sent again, every second
   and with the session's next request.
5. A mark in Redis names the secret of those who share it and is made anew when Redis has lost its
   memory. Another secret's mark: all is UNKNOWN, for the same session would have two codes.
   A new mark: all that this process saw is sent again, and for `_RESTORE_S` every session is
   UNKNOWN, so that the other processes can do the same.
6. Nothing is connected before the first session. Redis must not evict (`noeviction`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import structlog

from gateway.config_file import ConfigError
from gateway.state.secret import Secret
from gateway.state.sessions import PURPOSE, Table
from policies import DataClass

_log = structlog.get_logger()
_PREFIX = "nearward:session:"
_MARK = "nearward:session-mark"
_RESTORE_S = 10.0
_SETTLE_S = 1.0
_CONNECTIONS = 256
_CLASSES = tuple(str(c) for c in DataClass)

# KEYS: session, mark. ARGV: fingerprint of the secret, tail of a new mark, time to live in ms,
# class to raise to ("" for none), all classes from low to high. Answers class ("" for none), mark.
_SCRIPT = """
local mark = redis.call('GET', KEYS[2])
if not mark then
  mark = ARGV[1] .. ARGV[2]
  redis.call('SET', KEYS[2], mark)
end
if string.sub(mark, 1, #ARGV[1]) ~= ARGV[1] then return {'', mark} end
local rank = {}
for i = 5, #ARGV do rank[ARGV[i]] = i end
local class = redis.call('GET', KEYS[1]) or ''
if class ~= '' and not rank[class] then return {class, mark} end
if ARGV[4] ~= '' and (class == '' or rank[ARGV[4]] > rank[class]) then class = ARGV[4] end
if class ~= '' then redis.call('SET', KEYS[1], class, 'PX', ARGV[3]) end
return {class, mark}
"""


class _Unusable(Exception):
    """Redis answered what it should not; the message is for the log."""


class RedisSessions:
    """See `gateway.state.sessions.Sessions`."""

    def __init__(
        self,
        url: str,
        *,
        secret: Secret,
        clock: Callable[[], float],
        count: Callable[[str], None] = lambda _: None,
        untainted: DataClass = DataClass.PUBLIC,
        ttl_s: float = 86_400,
        timeout_s: float = 0.05,
        capacity: int = 100_000,
    ) -> None:
        """Connects to nothing. `clock` is monotonic; `count` is told how each exchange went.

        Raises ConfigError for a bad `url`.
        """
        self._client = redis_client(url, timeout_s)
        self._secret = secret
        self._clock = clock
        self._count = count
        self._untainted = untainted
        self._ttl_ms = int(ttl_s * 1000)
        self._timeout_s = timeout_s
        self._local = Table(clock=clock, ttl_s=ttl_s, capacity=capacity)
        self._unsaved: set[str] = set()
        self._unsure_until = float("-inf")
        self._fingerprint = secret.code("session-mark")
        self._mark = ""
        self._is_failing = False

    @property
    def unsaved(self) -> int:
        """How many sessions' raises have not arrived yet."""
        return len(self._unsaved)

    async def raise_to(self, tenant: str, session: str, data_class: DataClass) -> DataClass:
        """See Sessions; takes `timeout_s` at most."""
        key = self._secret.code(PURPOSE, tenant, session)
        mine = DataClass.join(data_class, self._known(key))
        if mine.rank > self._untainted.rank:
            self._keep(key, mine)
            self._unsaved.add(key)  # before waiting: a cancelled request's raise is not lost
        shared = await self._exchange(key, mine)
        if shared is None:
            return DataClass.UNKNOWN
        highest = DataClass.join(shared, mine, self._known(key))  # raised further meanwhile
        if shared.rank > mine.rank:
            self._keep(key, highest)
        return DataClass.UNKNOWN if self._clock() < self._unsure_until else highest

    async def watch(self) -> None:
        """Settle each second, for ever."""
        while True:
            await asyncio.sleep(_SETTLE_S)
            await self.settle()

    async def settle(self) -> None:
        """Look at the mark, and send what did not arrive, until one fails.

        Does nothing while no session was ever asked for.
        """
        if not self._mark and not self._unsaved:
            return
        if await self._exchange("", DataClass.PUBLIC) is None:
            return
        for key in tuple(self._unsaved):
            if await self._exchange(key, self._known(key)) is None:
                return

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _known(self, key: str) -> DataClass:
        return self._local.known(key) or DataClass.PUBLIC

    def _keep(self, key: str, data_class: DataClass) -> None:
        gone = self._local.keep(key, data_class)
        if gone and gone[0] in self._unsaved:
            self._unsaved.discard(gone[0])
            self._unsure_until = max(self._unsure_until, gone[1])

    async def _exchange(self, key: str, mine: DataClass) -> DataClass | None:
        """The class in Redis after raising it to `mine`; PUBLIC for none, None for a failure."""
        raised = mine if mine.rank > self._untainted.rank else ""
        arguments = (self._fingerprint, secrets.token_hex(8), self._ttl_ms, raised, *_CLASSES)
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._client.eval(_SCRIPT, 2, _PREFIX + key, _MARK, *arguments)
            shared = self._read(key, answer)
        except Exception as error:
            self._tell_failure(error)
            return None
        self._is_failing = False
        self._count("answered")
        return shared

    def _read(self, key: str, answer: Any) -> DataClass:
        name, mark = (part.decode("ascii") for part in answer)
        if not mark.startswith(self._fingerprint):
            raise _Unusable("Redis is used with another state.secret")
        shared = DataClass(name) if name else DataClass.PUBLIC
        if self._mark not in ("", mark):
            self._unsure_until = max(self._unsure_until, self._clock() + _RESTORE_S)
            self._unsaved.update(self._local.keys())
        elif shared.rank >= self._known(key).rank:  # or another raise is still under way
            self._unsaved.discard(key)
        self._mark = mark
        return shared

    def _tell_failure(self, error: Exception) -> None:
        """One line when it begins: texts of the library name hosts, keys and values."""
        if not self._is_failing:
            why = str(error) if isinstance(error, _Unusable) else type(error).__name__
            _log.error("session_store_failed", why=why)
        self._is_failing = True
        self._count("failed")


def redis_client(url: str, timeout_s: float) -> Any:
    """A client that is connected to nothing yet; raises ConfigError for a bad `url`."""
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise ConfigError("state.store: Redis needs the extra nearward[redis]") from None
    try:
        return Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=_CONNECTIONS,
        )
    except ValueError:  # its text may quote the password
        raise ConfigError("state.store: not a Redis URL") from None
