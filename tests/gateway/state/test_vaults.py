# SPDX-License-Identifier: Apache-2.0
"""What a session keeps is sealed, bounded, its own, and lost without harm."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.state.redis_sessions import redis_client
from gateway.state.secret import Secret
from gateway.state.vaults import MOST_BYTES, MemoryShelf, RedisShelf, Shelf, Vaults
from tests.doubles.redis import RedisServer, redis_server
from tests.gateway.fakes import FakeClock

SECRET = Secret(b"key")
VALUE = b"Jane Hollander"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0.0)


@pytest.fixture(params=["memory", "redis"])
async def shelf(
    request: pytest.FixtureRequest, clock: FakeClock, server: RedisServer
) -> AsyncIterator[Shelf]:
    """Both kinds."""
    made: Shelf = MemoryShelf(clock=clock, ttl_s=60, capacity_bytes=1000)
    if request.param == "redis":
        server.command("FLUSHALL")
        made = RedisShelf(redis_client(server.url, 5.0), ttl_s=60, timeout_s=5.0)
    yield made
    await made.close()


async def test_a_session_finds_what_it_kept(shelf: Shelf) -> None:
    """And no other session or tenant does."""
    vaults = Vaults(shelf, SECRET)
    await vaults.put("acme", "s1", VALUE)
    await vaults.put("acme", "s1", VALUE + b"!")
    assert await vaults.get("acme", "s1") == VALUE + b"!"
    assert await vaults.get("acme", "s2") is None
    assert await vaults.get("other", "s1") is None


async def test_a_piece_opens_under_its_own_session_and_secret_only(shelf: Shelf) -> None:
    """Moved to another session, changed, cut off, or read with another secret, it is nothing."""
    vaults = Vaults(shelf, SECRET)
    await vaults.put("acme", "s1", VALUE)
    mine, other = (SECRET.code("vault", "acme", name) for name in ("s1", "s2"))
    sealed = await shelf.get(mine)
    assert sealed is not None
    assert VALUE not in sealed
    await shelf.put(other, sealed)
    assert await vaults.get("acme", "s2") is None
    for damaged in (sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:20], b""):
        await shelf.put(mine, damaged)
        assert await vaults.get("acme", "s1") is None
    theirs = Vaults(shelf, Secret(b"other"))
    assert await theirs.get("acme", "s1") is None


async def test_equal_pieces_are_sealed_differently(shelf: Shelf) -> None:
    """Nobody who reads the store can tell that nothing changed."""
    vaults = Vaults(shelf, SECRET)
    key = SECRET.code("vault", "acme", "s1")
    seen = set()
    for _ in range(3):
        await vaults.put("acme", "s1", VALUE)
        seen.add(await shelf.get(key))
    assert len(seen) == 3


async def test_too_much_is_not_kept(shelf: Shelf) -> None:
    """What stood there before stays."""
    vaults = Vaults(shelf, SECRET)
    await vaults.put("acme", "s1", VALUE)
    await vaults.put("acme", "s1", b"x" * (MOST_BYTES + 1))
    assert await vaults.get("acme", "s1") == VALUE


async def test_memory_forgets_after_a_time_and_beyond_a_size(clock: FakeClock) -> None:
    """The oldest first."""
    shelf = MemoryShelf(clock=clock, ttl_s=60, capacity_bytes=10)
    await shelf.put("a", b"12345")
    clock.now = 30.0
    await shelf.put("b", b"12345")
    assert await shelf.get("a") == b"12345"
    await shelf.put("c", b"1")
    assert [await shelf.get(key) for key in "abc"] == [None, b"12345", b"1"]
    clock.now = 95.0
    assert await shelf.get("b") is None
    await shelf.put("d", b"1234567890")
    assert await shelf.get("d") == b"1234567890"


async def test_redis_forgets_after_a_time(server: RedisServer) -> None:
    """And holds neither names nor values."""
    server.command("FLUSHALL")
    shelf = RedisShelf(redis_client(server.url, 5.0), ttl_s=60, timeout_s=5.0)
    await Vaults(shelf, SECRET).put("acme", "MRN-4711", VALUE)
    await shelf.close()
    key = server.command("KEYS", "*").split("\r\n")[2]
    assert key.startswith("nearward:vault:")
    assert "4711" not in key
    assert 50_000 < int(server.command("PTTL", key).strip(":\r\n")) <= 60_000


async def test_a_redis_that_is_gone_keeps_nothing() -> None:
    """Without an error: the next turn begins anew."""
    shelf = RedisShelf(redis_client("redis://127.0.0.1:1/0", 0.2), ttl_s=60, timeout_s=0.2)
    await shelf.put("a", b"1")
    assert await shelf.get("a") is None
    await shelf.close()
