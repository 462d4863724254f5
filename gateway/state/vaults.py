# SPDX-License-Identifier: Apache-2.0
"""What a session must find again at its next turn, sealed with AES-256-GCM.

A shelf (memory, or Redis for several workers) holds ciphertext under a code of tenant and session,
for a time to live, bounded in number and size. The key is derived from the secret that the gateways
share; the code is authenticated with the text, so that a sealed piece opens under its own session
only. What cannot be read (another secret, a damaged or lost entry, no answer in time) is as if it
had never been there: a session then begins anew, which costs consistency and no secrecy.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.state.secret import Secret

_NONCE_BYTES = 12  # NIST SP 800-38D; random ones serve 2^32 messages under one key
MOST_BYTES = 64 * 1024
_PREFIX = "nearward:vault:"


class Shelf(Protocol):
    """Keeps sealed pieces for a while. Neither method raises."""

    async def get(self, key: str) -> bytes | None:
        """What is there."""

    async def put(self, key: str, sealed: bytes) -> None:
        """Keep it, if that can be done."""

    async def close(self) -> None:
        """Release connections."""


class Vaults:
    """Sealed pieces of sessions."""

    def __init__(self, shelf: Shelf, secret: Secret) -> None:
        self._shelf = shelf
        self._secret = secret
        self._cipher = AESGCM(bytes.fromhex(secret.code("vault-key")))

    async def get(self, tenant: str, session: str) -> bytes | None:
        """What was put for the session; None when nothing is there that can be read."""
        key = self._secret.code("vault", tenant, session)
        sealed = await self._shelf.get(key)
        if sealed is None:
            return None
        try:
            nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, text, key.encode())
        except (InvalidTag, ValueError):
            return None

    async def put(self, tenant: str, session: str, data: bytes) -> None:
        """Keep `data` for the session; more than MOST_BYTES is not kept."""
        if len(data) > MOST_BYTES:
            return
        key = self._secret.code("vault", tenant, session)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        await self._shelf.put(key, nonce + self._cipher.encrypt(nonce, data, key.encode()))

    async def close(self) -> None:
        """Release connections."""
        await self._shelf.close()


class MemoryShelf:
    """For one process; the oldest go when there are too many, or too much."""

    def __init__(
        self, *, clock: Callable[[], float], ttl_s: float, capacity_bytes: int = 32 * 1024 * 1024
    ) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._capacity_bytes = capacity_bytes
        self._held_bytes = 0
        self._pieces: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        """See Shelf."""
        sealed, expires = self._pieces.get(key, (None, 0.0))
        return sealed if self._clock() < expires else None

    async def put(self, key: str, sealed: bytes) -> None:
        """See Shelf."""
        self._drop(key)
        self._pieces[key] = (sealed, self._clock() + self._ttl_s)
        self._held_bytes += len(sealed)
        while self._held_bytes > self._capacity_bytes:
            self._drop(next(iter(self._pieces)))
        while self._pieces and self._pieces[(first := next(iter(self._pieces)))][1] < self._clock():
            self._drop(first)

    def _drop(self, key: str) -> None:
        sealed, _ = self._pieces.pop(key, (b"", 0.0))
        self._held_bytes -= len(sealed)

    async def close(self) -> None:
        """Nothing is open."""


class RedisShelf:
    """For several processes; `client` is a Redis client, connected to nothing yet."""

    def __init__(self, client: Any, *, ttl_s: float, timeout_s: float) -> None:
        self._client = client
        self._ttl_ms = int(ttl_s * 1000)
        self._timeout_s = timeout_s

    async def get(self, key: str) -> bytes | None:
        """See Shelf; takes `timeout_s` at most."""
        try:
            async with asyncio.timeout(self._timeout_s):
                sealed = await self._client.get(_PREFIX + key)
        except Exception:  # its text may name hosts and keys
            return None
        return sealed if isinstance(sealed, bytes) else None

    async def put(self, key: str, sealed: bytes) -> None:
        """See Shelf; takes `timeout_s` at most."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._client.set(_PREFIX + key, sealed, px=self._ttl_ms)
        except Exception:
            return

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
