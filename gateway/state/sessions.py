# SPDX-License-Identifier: Apache-2.0
"""Session taint: a session that once carried PHI is treated as PHI while it lives.

A request first says what it carries itself and is told the highest class that its session has
carried, in one step, so that of requests at the same time none is lost.

Here in memory, for one process: bounded, keyed by a keyed hash of tenant and session so that a
session name (which may be a patient's number) is not held. Only sessions above `untainted` take
room: the others have no taint. When the table is full the oldest entry goes; a session that is not
known but should be would be a leak, so until that entry would have expired every session that is
not in the table reads as unknown. A restart forgets nothing: raises are in a file, too
(session_file.py).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from gateway.errors import BadRequest, Conflict
from gateway.state.secret import Secret
from gateway.state.session_file import SessionFile
from policies import DataClass

PURPOSE = "session"


class Sessions(Protocol):
    """The highest class each session has carried, for some time after its last request."""

    async def raise_to(self, tenant: str, session: str, data_class: DataClass) -> DataClass:
        """Remember that the session carried `data_class`; the highest it ever has, this included.

        UNKNOWN when that cannot be told; it is then not remembered as UNKNOWN. Raises BadRequest
        where sessions are not kept at all.
        """

    async def holds(self, tenant: str, session: str) -> bool:
        """Whether the session carried anything that `forget` could let go of; changes nothing.

        Raises Conflict where nothing can be let go of.
        """

    async def forget(self, tenant: str, session: str) -> bool:
        """Let go of what the session carried; whether there was anything.

        Raises OSError when that cannot be written, Conflict where it was raised meanwhile or
        others would bring it back; all is kept then.
        """

    async def watch(self) -> None:
        """Put right what can be put right later, until cancelled or for ever done."""

    async def close(self) -> None:
        """Release connections."""


class Table:
    """Keys to their highest class, bounded; what was forgotten is told when it goes."""

    def __init__(self, *, clock: Callable[[], float], ttl_s: float, capacity: int) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._capacity = capacity
        self._seen: OrderedDict[str, tuple[DataClass, float]] = OrderedDict()

    def known(self, key: str) -> DataClass | None:
        """The class under `key`; None when there is none, or its time is over."""
        entry = self._seen.get(key)
        return None if entry is None or entry[1] < self._clock() else entry[0]

    def keep(
        self, key: str, data_class: DataClass, lasts_s: float | None = None
    ) -> tuple[str, float] | None:
        """Put a class under `key`; the entry that had to go, as key and end of its time.

        `lasts_s` is how long it counts; as long as any from now on when None.
        """
        lasts_s = self._ttl_s if lasts_s is None else lasts_s
        self._seen[key] = (data_class, self._clock() + lasts_s)
        self._seen.move_to_end(key)
        if len(self._seen) <= self._capacity:
            return None
        gone, (_, expires) = self._seen.popitem(last=False)
        return gone, expires

    def entry(self, key: str) -> tuple[DataClass, float] | None:
        """What is held under `key`: another object after each `keep`."""
        return self._seen.get(key)

    def drop(self, key: str) -> bool:
        """Forget a key; whether it was there."""
        return self._seen.pop(key, None) is not None

    def keys(self) -> list[str]:
        """All keys whose time is not over."""
        return [key for key in self._seen if self.known(key) is not None]

    def __len__(self) -> int:
        return len(self._seen)


class MemorySessions:
    """Sessions of one process; `ttl_s` counts from a session's last request."""

    def __init__(
        self,
        *,
        secret: Secret,
        clock: Callable[[], float],
        untainted: DataClass = DataClass.PUBLIC,
        ttl_s: float = 86_400,
        capacity: int = 100_000,
        file: SessionFile | None = None,
    ) -> None:
        """`clock` is monotonic. Without a `file` a restart forgets all."""
        self._secret = secret
        self._clock = clock
        self._untainted = untainted
        self._table = Table(clock=clock, ttl_s=ttl_s, capacity=capacity)
        self._forgot_until = float("-inf")
        self._file = file
        if file is not None:
            if file.is_in_doubt:
                self._forgot_until = clock() + ttl_s
            for key, (data_class, lasts_s) in file.living().items():
                self._keep(key, data_class, lasts_s)

    async def raise_to(self, tenant: str, session: str, data_class: DataClass) -> DataClass:
        """See Sessions."""
        key = self._secret.code(PURPOSE, tenant, session)
        known = self._table.known(key)
        highest = DataClass.join(data_class, known or DataClass.PUBLIC)
        is_unsure = known is None and self._forgot_until > self._clock()
        if highest.rank > self._untainted.rank:
            self._keep(key, highest)
            if self._file is not None and not self._file.holds(key, highest):
                try:
                    await asyncio.to_thread(self._file.append, key, highest)
                except OSError:  # tried again with the session's next request
                    return DataClass.UNKNOWN
        return DataClass.UNKNOWN if is_unsure else highest

    async def holds(self, tenant: str, session: str) -> bool:
        """See Sessions."""
        return self._table.known(self._secret.code(PURPOSE, tenant, session)) is not None

    async def forget(self, tenant: str, session: str) -> bool:
        """See Sessions."""
        key = self._secret.code(PURPOSE, tenant, session)
        known = self._table.entry(key)
        if self._file is not None:
            await asyncio.to_thread(self._file.drop, key)
        again = self._table.entry(key)
        if again is known:
            return self._table.drop(key)
        if self._file is not None and again is not None:
            await asyncio.to_thread(self._file.append, key, again[0])
        raise Conflict("the session was in use meanwhile: nothing is forgotten, try again")

    async def watch(self) -> None:
        """Nothing is ever left to do."""

    async def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _keep(self, key: str, data_class: DataClass, lasts_s: float | None = None) -> None:
        gone = self._table.keep(key, data_class, lasts_s)
        if gone:
            self._forgot_until = max(self._forgot_until, gone[1])


class RefusedSessions:
    """Several processes and nothing that they share: no session can be promised anything."""

    async def raise_to(self, tenant: str, session: str, data_class: DataClass) -> DataClass:
        """Raises BadRequest."""
        raise BadRequest(
            "x-nearward-session needs one worker, or state.store in Redis: "
            "several workers share nothing else",
            code="unsupported_header",
            param="x-nearward-session",
        )

    async def holds(self, tenant: str, session: str) -> bool:
        """Nothing is kept."""
        return False

    async def forget(self, tenant: str, session: str) -> bool:
        """Nothing was kept."""
        return False

    async def watch(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing is open."""
