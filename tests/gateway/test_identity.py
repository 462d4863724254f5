# SPDX-License-Identifier: Apache-2.0
"""API keys to principals."""

from __future__ import annotations

import hashlib

import pytest

from gateway.errors import Unauthenticated
from gateway.identity import Identity, Key, Principal, key_digest

ADA = Principal("ada", "acme", "user")
BOB = Principal("bob", "acme", "admin")


def identity() -> Identity:
    return Identity(
        Key(hashlib.sha256(secret).hexdigest(), who)
        for secret, who in [(b"k-a", ADA), (b"k-b", BOB)]
    )


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        ({b"authorization": b"Bearer k-a"}, ADA),
        ({b"authorization": b"bearer k-b"}, BOB),
        ({b"authorization": b"BEARER  k-b "}, BOB),
        ({b"x-api-key": b"k-a"}, ADA),
        ({b"authorization": b"Bearer k-a", b"x-api-key": b"k-b"}, ADA),
    ],
)
def test_known_keys(headers: dict[bytes, bytes], who: Principal) -> None:
    """Either header works; Authorization counts when both are sent."""
    assert identity().authenticate(headers) is who


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"x-api-key": b""},
        {b"x-api-key": b"K-A"},
        {b"x-api-key": b"k-a "},
        {b"authorization": b""},
        {b"authorization": b"Bearer"},
        {b"authorization": b"Bearer "},
        {b"authorization": b"Bearer  "},
        {b"authorization": b"Bearer \t"},
        {b"authorization": b"k-a"},
        {b"authorization": b"Basic k-a"},
        {b"authorization": b"Bearer k-"},
        {b"authorization": b"Bearer k-ax"},
        {b"authorization": b"Bearer \xff\x00"},
        {b"authorization": b"Bearer " + hashlib.sha256(b"k-a").hexdigest().encode()},
        {b"authorization": b"Bearer nobody", b"x-api-key": b"k-a"},
    ],
)
def test_everybody_else_is_refused(headers: dict[bytes, bytes]) -> None:
    """No key, a wrong scheme, a prefix, a longer key, the stored digest itself: all refused."""
    with pytest.raises(Unauthenticated) as caught:
        identity().authenticate(headers)

    assert caught.value.status == 401
    for value in headers.values():
        secret = value.removeprefix(b"Bearer ").strip()
        assert len(secret) < 8 or secret.decode("latin-1") not in caught.value.message


def test_without_keys_nobody_enters() -> None:
    """An empty table admits nobody, not everybody."""
    with pytest.raises(Unauthenticated):
        Identity([]).authenticate({b"x-api-key": b"k-a"})

    assert len(Identity([])) == 0
    assert len(identity()) == 2


def test_the_empty_key_admits_nobody() -> None:
    """Whatever the configuration says, nothing is not a key."""
    nothing = Identity([Key(hashlib.sha256(b"").hexdigest(), BOB)])
    for headers in ({b"authorization": b"Bearer  "}, {b"x-api-key": b""}):
        with pytest.raises(Unauthenticated):
            nothing.authenticate(headers)


def test_digest_is_sha256() -> None:
    """What is stored is SHA-256 (FIPS 180-4, the vector for "abc")."""
    assert key_digest(b"abc").hex().startswith("ba7816bf8f01cfea414140de5dae2223")
