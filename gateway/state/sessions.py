# SPDX-License-Identifier: Apache-2.0
"""Session taint: a session that once carried PHI is treated as PHI while it lives.

Kept in memory, bounded, keyed by a keyed hash of tenant and session so that a session name (which
may be a patient's number) is not held. Only sessions above `untainted` take room: the others
have no taint. When the table is full the oldest entry goes; a session that is not known but
should be would be a leak, so until that entry would have expired every session that is not in
the table reads as unknown.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable

from policies import DataClass


class Sessions:
    """The highest class each session has carried, for `ttl_s` after its last request."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        untainted: DataClass = DataClass.PUBLIC,
        ttl_s: float = 86_400,
        capacity: int = 100_000,
    ) -> None:
        self._clock = clock
        self._untainted = untainted
        self._ttl_s = ttl_s
        self._capacity = capacity
        self._secret = secrets.token_bytes(32)
        self._seen: OrderedDict[bytes, tuple[DataClass, float]] = OrderedDict()
        self._forgot_until = float("-inf")

    def floor(self, tenant: str, session: str) -> DataClass:
        """The least class a request of this session may have."""
        entry = self._seen.get(self._key(tenant, session))
        if entry is None or entry[1] < self._clock():
            has_forgotten = self._forgot_until > self._clock()
            return DataClass.UNKNOWN if has_forgotten else DataClass.PUBLIC
        return entry[0]

    def raise_to(self, tenant: str, session: str, data_class: DataClass) -> None:
        """Remember that the session carried `data_class`; it never goes down again."""
        highest = DataClass.join(data_class, self.floor(tenant, session))
        if highest.rank <= self._untainted.rank:
            return
        key = self._key(tenant, session)
        self._seen[key] = (highest, self._clock() + self._ttl_s)
        self._seen.move_to_end(key)
        if len(self._seen) > self._capacity:
            _, (_, expires) = self._seen.popitem(last=False)
            self._forgot_until = max(self._forgot_until, expires)

    def _key(self, tenant: str, session: str) -> bytes:
        text = f"{len(tenant)}:{tenant}{session}".encode()
        return hashlib.blake2b(text, key=self._secret, digest_size=16).digest()
