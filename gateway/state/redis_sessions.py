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
5. A mark in Redis names the secret of those who share it, the run of the server (`run_id`) and what
   it replicates (`master_replid`). It is made anew when it is gone or another server's: after a
   restart, a restored snapshot or a failover, what Redis holds may be older than what it was told.
   Another secret's mark: all is UNKNOWN, for the same session would have two codes. A new mark:
   all that this process saw is sent again, and every session is UNKNOWN, for all processes, for as
   long as a taint lasts: one that only a process knew which is gone, too, can then have no time
   left. A Redis without a mark is taken for a new one by processes that have never seen another.
6. Nothing is connected before the first session. Redis must not evict (`noeviction`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import structlog

from gateway.config_file import ConfigError
from gateway.errors import Conflict
from gateway.state.secret import Secret
from gateway.state.sessions import PURPOSE, Table
from policies import DataClass

_log = structlog.get_logger()
_PREFIX = "nearward:session:"
_MARK = "nearward:session-mark"
_SETTLE_S = 1.0
_CONNECTIONS = 256
_CLASSES = tuple(str(c) for c in DataClass)

# KEYS: session, mark. ARGV: fingerprint of the secret, random tail of a new mark, the mark known to
# this process ("" for none), time to live in ms, class to raise to ("" for none), all classes from
# low to high. Answers class ("" for none), mark, and for how many ms yet all sessions are in doubt.
# The value under the mark's key is the mark, a blank, and since when there is doubt (0: never).
_SCRIPT = """
local run = (string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or '?')
  .. (string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or '?')
local now = tonumber(redis.call('TIME')[1])
local kept = redis.call('GET', KEYS[2])
if kept and string.sub(kept, 1, #ARGV[1]) ~= ARGV[1] then return {'', kept, 0} end
local mark, since = string.match(kept or '', '^(%S+) (%d+)$')
if not mark or string.sub(mark, -#run) ~= run then
  mark = ARGV[1] .. ARGV[2] .. run
  since = kept and now or 0
end
if ARGV[3] ~= '' and ARGV[3] ~= mark and tonumber(since) == 0 then since = now end
local value = string.format('%s %d', mark, since)
if value ~= kept then redis.call('SET', KEYS[2], value) end
local doubt = 0
if tonumber(since) > 0 then
  doubt = math.max(0, (since - now) * 1000 + tonumber(ARGV[4]))
end
local rank = {}
for i = 6, #ARGV do rank[ARGV[i]] = i end
local class = redis.call('GET', KEYS[1]) or ''
if class ~= '' and not rank[class] then return {class, mark, doubt} end
if ARGV[5] ~= '' and (class == '' or rank[ARGV[5]] > rank[class]) then class = ARGV[5] end
if class ~= '' then redis.call('SET', KEYS[1], class, 'PX', ARGV[4]) end
return {class, mark, doubt}
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

    async def holds(self, tenant: str, session: str) -> bool:
        """Raises Conflict, as `forget` does."""
        return await self.forget(tenant, session)

    async def forget(self, tenant: str, session: str) -> bool:
        """Raises Conflict: every process that saw the session would send its raise again."""
        raise Conflict(
            "sessions that are shared in Redis cannot be forgotten one by one: this one ends "
            "state.session_ttl_s after its last request"
        )

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
        own = (self._fingerprint, secrets.token_hex(8), self._mark)
        arguments = (*own, self._ttl_ms, raised, *_CLASSES)
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
        name, mark, doubt_ms = answer[0].decode("ascii"), answer[1].decode("ascii"), int(answer[2])
        if not mark.startswith(self._fingerprint):
            raise _Unusable("Redis is used with another state.secret")
        shared = DataClass(name) if name else DataClass.PUBLIC
        if doubt_ms:
            self._unsure_until = max(self._unsure_until, self._clock() + doubt_ms / 1000)
        if self._mark not in ("", mark):
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
