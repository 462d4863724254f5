# SPDX-License-Identifier: Apache-2.0
"""API key to Principal: who asks, for which tenant, in which role.

Keys are 256-bit random strings, kept only as SHA-256. The table is indexed by the digest of the
whole key, so what a lookup's timing could tell is about a digest the caller cannot steer; the
digest found is compared once more in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import Unauthenticated, UnknownKey
from gateway.limits import Headers
from policies import DataClass


@dataclass(frozen=True, slots=True)
class Principal:
    """One API key's owner. `may_relax` holds the classes a declaration may lower.

    `role` is the one that rules see; `roles` holds all of them. `mfa` says whether the owner was
    authenticated by more than one factor: "no", "always", or "header" when each request says so.
    """

    id: str
    tenant: str
    role: str
    may_relax: frozenset[DataClass] = frozenset()
    may_break_glass: bool = False
    mfa: str = "no"
    roles: frozenset[str] = frozenset()

    def has_role(self, *roles: str) -> bool:
        """Whether one of these roles is theirs."""
        return self.role in roles or not self.roles.isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class Key:
    """A stored key: the hex SHA-256 of the secret and whom it stands for."""

    sha256: str
    principal: Principal


def key_digest(secret: bytes) -> bytes:
    """What is stored instead of a key."""
    return hashlib.sha256(secret).digest()


class Identity:
    """Answers who a request comes from; raises Unauthenticated for everybody else."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._by_digest = {bytes.fromhex(key.sha256): key for key in keys}
        # No configuration may let in whoever sends nothing.
        self._by_digest.pop(key_digest(b""), None)

    def __len__(self) -> int:
        return len(self._by_digest)

    @property
    def tenants(self) -> frozenset[str]:
        """Whom keys stand for."""
        return frozenset(key.principal.tenant for key in self._by_digest.values())

    def known_as(self, key_id: str) -> Principal | None:
        """Whom the key of this id stands for."""
        principals = (key.principal for key in self._by_digest.values())
        return next((found for found in principals if found.id == key_id), None)

    def authenticate(self, headers: Headers) -> Principal:
        """The principal of `Authorization: Bearer` or `x-api-key`."""
        presented = _presented_key(headers)
        digest = key_digest(presented)
        key = self._by_digest.get(digest)
        if key is None or not hmac.compare_digest(bytes.fromhex(key.sha256), digest):
            raise UnknownKey("the API key is not known here")
        return key.principal


def _presented_key(headers: Headers) -> bytes:
    authorization = headers.get(b"authorization")
    if authorization is not None:
        scheme, _, secret = authorization.partition(b" ")
        secret = secret.strip()
        if scheme.lower() != b"bearer" or not secret:
            raise Unauthenticated("send the key as: Authorization: Bearer <key>")
        return secret
    secret = headers.get(b"x-api-key", b"")
    if not secret:
        raise Unauthenticated("no API key: send Authorization: Bearer <key>")
    return secret
