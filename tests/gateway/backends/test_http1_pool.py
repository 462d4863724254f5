# SPDX-License-Identifier: Apache-2.0
"""Reuse, limits and the queue of the connection pool, over real sockets."""

from __future__ import annotations

import asyncio

import pytest

from gateway.backends.errors import ConnectFailed, PoolExhausted
from gateway.backends.http1 import Client, Origin, PoolLimits, Timeouts
from gateway.backends.http1_pool import OriginPool
from tests.doubles.cloud import HANG, Act, Cloud, Ending
from tests.doubles.serving import refusing_port
from tests.gateway.backends.conftest import QUICK, post


async def ask(client: Client, cloud: Cloud) -> bytes:
    return await (await post(client, cloud)).read(10_000)


async def test_never_more_than_max_connections(cloud: Cloud) -> None:
    """Twenty callers share two connections, and all get an answer."""
    client = Client(limits=PoolLimits(max_connections=2))

    answers = await asyncio.gather(*(ask(client, cloud) for _ in range(20)))
    await client.close()

    assert all(answers)
    assert cloud.connections == 2


async def test_waiting_is_bounded_in_time(cloud: Cloud) -> None:
    """A caller who waits longer than `wait_s` is told so, and nothing left."""
    client = Client(limits=PoolLimits(max_connections=1, wait_s=0.03))
    cloud.plan(HANG)
    hanging = asyncio.ensure_future(ask(client, cloud))
    await cloud.until(lambda: cloud.requests)

    with pytest.raises(PoolExhausted) as caught:
        await ask(client, cloud)

    assert caught.value.retryable
    assert not caught.value.may_have_left
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    assert await ask(client, cloud)
    await client.close()


async def test_waiting_is_bounded_in_number(cloud: Cloud) -> None:
    """One waiter more than `max_waiting` is refused at once."""
    client = Client(limits=PoolLimits(max_connections=1, max_waiting=1))
    cloud.plan(HANG)
    callers = [asyncio.ensure_future(ask(client, cloud)) for _ in range(2)]
    await cloud.until(lambda: cloud.requests)

    with pytest.raises(PoolExhausted):
        await ask(client, cloud)

    await client.close()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result) for result in results] == [ConnectFailed, ConnectFailed]


async def test_a_failed_connection_lets_a_waiter_dial(cloud: Cloud) -> None:
    """When the connection in use breaks, the next in line opens another."""
    client = Client(limits=PoolLimits(max_connections=1))
    cloud.plan(Act(has_head=False, ending=Ending.RESET))

    results = await asyncio.gather(
        ask(client, cloud), ask(client, cloud), ask(client, cloud), return_exceptions=True
    )
    await client.close()

    assert [isinstance(result, bytes) for result in results] == [False, True, True]
    assert cloud.connections == 2


async def test_failed_dials_hand_their_slot_on(cloud: Cloud) -> None:
    """With the server down every waiter gets the failure, none is forgotten."""
    client = Client(limits=PoolLimits(max_connections=1))
    with refusing_port() as port:
        origin = f"http://127.0.0.1:{port}"
        results = await asyncio.gather(
            *(post(client, cloud, origin=origin) for _ in range(5)), return_exceptions=True
        )

    assert [type(result) for result in results] == [ConnectFailed] * 5


async def test_cancelled_waiters_do_not_lose_connections(cloud: Cloud) -> None:
    """Waiters are cancelled at every moment; afterwards the pool still serves its full size."""
    client = Client(limits=PoolLimits(max_connections=2))
    for turns in range(40):
        callers = [asyncio.ensure_future(ask(client, cloud)) for _ in range(6)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for caller in callers[::2]:
            caller.cancel()
        results = await asyncio.gather(*callers, return_exceptions=True)
        assert all(isinstance(result, bytes) for result in results[1::2])

    assert len(await asyncio.gather(*(ask(client, cloud) for _ in range(4)))) == 4
    await client.close()


def pool_of(cloud: Cloud, limits: PoolLimits) -> OriginPool:
    """A pool without a client."""
    return OriginPool(Origin.parse(cloud.origin), None, limits)


async def test_what_a_cancelled_waiter_was_given_goes_on(cloud: Cloud) -> None:
    """A waiter cancelled after it was handed a connection, or a slot, hands it to the next."""
    pool = pool_of(cloud, PoolLimits(max_connections=1))
    total_at = pool.loop.time() + 5
    for gives_connection in (True, False):
        connection = await pool.acquire(QUICK, total_at)
        first = asyncio.ensure_future(pool.acquire(QUICK, total_at))
        second = asyncio.ensure_future(pool.acquire(QUICK, total_at))
        await asyncio.sleep(0)

        if gives_connection:
            pool._on_free(connection)
        else:
            connection.shut()
        first.cancel()
        got = await second

        assert first.cancelled()
        assert got.is_open
        assert (got is connection) is gives_connection
        pool._on_free(got)
    await asyncio.wait(pool.close())


async def test_a_connection_that_dies_on_its_way_to_a_waiter(cloud: Cloud) -> None:
    """A waiter is never handed a dead connection: it takes the slot instead."""
    pool = pool_of(cloud, PoolLimits(max_connections=1))
    total_at = pool.loop.time() + 5
    connection = await pool.acquire(QUICK, total_at)
    waiting = asyncio.ensure_future(pool.acquire(QUICK, total_at))
    await asyncio.sleep(0)

    pool._on_free(connection)
    connection.shut()
    got = await waiting

    assert got is not connection
    assert got.is_open
    await asyncio.wait(pool.close())


async def test_acquire_prefers_what_is_idle(cloud: Cloud) -> None:
    """An idle connection is taken before another is opened, unless a fresh one is asked for."""
    pool = pool_of(cloud, PoolLimits(max_connections=2))
    total_at = pool.loop.time() + 5
    connection = await pool.acquire(QUICK, total_at)
    pool._on_free(connection)

    assert await pool.acquire(QUICK, total_at) is connection
    pool._on_free(connection)
    assert await pool.acquire(QUICK, total_at, is_fresh=True) is not connection
    assert connection.is_open
    await asyncio.wait(pool.close())


async def test_a_fresh_connection_makes_room(cloud: Cloud) -> None:
    """When the pool is full of idle connections the coldest makes room for a fresh one."""
    pool = pool_of(cloud, PoolLimits(max_connections=2))
    total_at = pool.loop.time() + 5
    cold, warm = [await pool.acquire(QUICK, total_at) for _ in range(2)]
    pool._on_free(cold)
    pool._on_free(warm)

    fresh = await pool.acquire(QUICK, total_at, is_fresh=True)

    assert (cold.is_open, warm.is_open, fresh.is_open) == (False, True, True)
    await asyncio.wait(pool.close())


async def test_closing_during_a_dial(cloud: Cloud) -> None:
    """A connection that is made after the client was closed is closed too."""
    client = Client()
    dialling = asyncio.ensure_future(post(client, cloud))
    await asyncio.sleep(0)

    await client.close()

    with pytest.raises(ConnectFailed):
        await dialling
    await cloud.until(lambda: cloud.open_connections == 0)
    assert cloud.requests == []


async def test_cancelling_a_dial_gives_the_slot_back(cloud: Cloud) -> None:
    """A caller that leaves while connecting does not shrink the pool."""
    client = Client(limits=PoolLimits(max_connections=1, wait_s=0.5))
    for turns in range(8):
        dialling = asyncio.ensure_future(ask(client, cloud))
        for _ in range(turns):
            await asyncio.sleep(0)
        dialling.cancel()
        await asyncio.gather(dialling, return_exceptions=True)

    assert await ask(client, cloud)
    await client.close()


async def test_idle_connections_expire(cloud: Cloud) -> None:
    """A connection that lies idle for `idle_expiry_s` is closed, one in use is not."""
    client = Client(limits=PoolLimits(idle_expiry_s=0.03))
    await ask(client, cloud)
    await cloud.until(lambda: cloud.open_connections == 0)
    cloud.plan(Act(piece_bytes=100, piece_gap_s=0.01))

    assert await ask(client, cloud)
    await client.close()

    assert cloud.connections == 2


async def test_reuse_puts_expiry_off(cloud: Cloud) -> None:
    """Each use begins a new idle time; an old timer finds that and sleeps on."""
    client = Client(limits=PoolLimits(idle_expiry_s=0.2))
    for _ in range(6):
        await ask(client, cloud)
        await asyncio.sleep(0.05)

    assert cloud.connections == 1
    await client.close()


async def test_keeps_few_idle(cloud: Cloud) -> None:
    """After a burst only `max_idle` connections stay."""
    client = Client(limits=PoolLimits(max_idle=1))
    cloud.otherwise = Act(piece_bytes=300, piece_gap_s=0.005)

    await asyncio.gather(*(ask(client, cloud) for _ in range(4)))
    await cloud.until(lambda: cloud.open_connections == 1)
    await client.close()

    assert cloud.connections == 4


async def test_drops_what_the_server_closed(client: Client, cloud: Cloud) -> None:
    """A connection that the server closes while it is idle is forgotten: one request, one try."""
    cloud.plan(Act(leaves_after=True))
    await ask(client, cloud)
    await asyncio.sleep(0.02)
    await ask(client, cloud)
    cloud.hang_up()
    await asyncio.sleep(0.02)
    await ask(client, cloud)

    assert len(cloud.requests) == 3
    assert cloud.connections == 3


async def test_the_total_deadline_counts_while_waiting(cloud: Cloud) -> None:
    """Waiting for a connection ends with the deadline of the request."""
    client = Client(limits=PoolLimits(max_connections=1))
    cloud.plan(HANG)
    hanging = asyncio.ensure_future(post(client, cloud))
    await cloud.until(lambda: cloud.requests)

    with pytest.raises(PoolExhausted):
        await post(client, cloud, timeouts=Timeouts(total_s=0.03))

    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    await client.close()
