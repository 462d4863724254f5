# SPDX-License-Identifier: Apache-2.0
"""Session taint over a real Redis: shared, atomic, private, and closed at every fault."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.config_file import ConfigError
from gateway.errors import Conflict
from gateway.state.redis_sessions import RedisSessions
from gateway.state.secret import Secret
from policies import DataClass
from tests.doubles.redis import RedisServer, redis_server
from tests.gateway.fakes import FakeClock

SECRET = Secret(b"key")
MARK = "nearward:session-mark"
PATIENT = "MRN-12345678"
# Generous: these tests are not about speed, and the machine may be busy.
PATIENT_S = 5.0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


class Workers:
    """Sessions as several processes would have them, over one Redis."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.clock = FakeClock(0.0)
        self.outcomes: list[str] = []
        self._made: list[RedisSessions] = []

    def one(self, url: str = "", **more: Any) -> RedisSessions:
        given = {"secret": SECRET, "timeout_s": PATIENT_S, **more}
        sessions = RedisSessions(
            url or self.server.url, clock=self.clock, count=self.outcomes.append, **given
        )
        self._made.append(sessions)
        return sessions

    async def close(self) -> None:
        for sessions in self._made:
            await sessions.close()


@pytest.fixture
async def workers(server: RedisServer) -> AsyncIterator[Workers]:
    server.command("FLUSHALL")
    workers = Workers(server)
    yield workers
    await workers.close()


def end_of_doubt(workers: Workers) -> None:
    """As if a day and more had gone by, here and in Redis."""
    mark, since = workers.server.contents()[MARK].split(" ")
    assert int(since) > 0
    workers.server.command("SET", MARK, f"{mark} {int(since) - 100_000}")
    workers.clock.now += 86_401


async def floor(sessions: RedisSessions, session: str = "s") -> DataClass:
    """What a clean request of the session is told."""
    return await sessions.raise_to("t", session, DataClass.PUBLIC)


async def test_what_one_saw_the_other_knows(workers: Workers) -> None:
    """A raise through one worker is the floor in another; sessions and tenants are apart."""
    one, other = workers.one(), workers.one()
    assert await one.raise_to("t", "s", DataClass.PHI) is DataClass.PHI

    assert await floor(other) is DataClass.PHI
    assert await floor(other, "another") is DataClass.PUBLIC
    assert await other.raise_to("u", "s", DataClass.PII) is DataClass.PII


async def test_never_down(workers: Workers) -> None:
    """Of any two classes, in both orders, the higher stays."""
    one, other = workers.one(), workers.one()
    for low, high in itertools.combinations(DataClass, 2):
        up, down = f"{low} {high}", f"{high} {low}"
        assert await one.raise_to("t", up, low) is low
        assert await other.raise_to("t", up, high) is high
        assert await one.raise_to("t", down, high) is high
        assert await other.raise_to("t", down, low) is high
        assert await floor(one, up) is high


async def test_no_raise_is_lost_among_many(workers: Workers) -> None:
    """Many raises of one session at once, from several workers, end at the highest."""
    several = [workers.one() for _ in range(4)]
    for round_ in range(5):
        told = await asyncio.gather(
            *(w.raise_to("t", str(round_), c) for w in several for c in DataClass)
        )
        assert DataClass.UNKNOWN in told
        assert await floor(workers.one(), str(round_)) is DataClass.UNKNOWN


async def test_redis_holds_codes_and_classes_only(workers: Workers) -> None:
    """Neither tenant nor session can be read in Redis; the value is a class, for a bounded time."""
    await workers.one(ttl_s=100).raise_to("st-mary", PATIENT, DataClass.PHI)

    contents = workers.server.contents()
    mark = contents.pop(MARK)
    ((key, value),) = contents.items()
    assert value == "phi"
    assert PATIENT not in key + mark
    assert "mary" not in key + mark
    lives_s = int(workers.server.command("TTL", key).strip(":\r\n"))
    assert 90 < lives_s <= 100


async def test_what_has_no_taint_is_not_written(workers: Workers) -> None:
    """A session at or below the untainted class leaves nothing in Redis."""
    sessions = workers.one(untainted=DataClass.INTERNAL)
    assert await sessions.raise_to("t", "s", DataClass.INTERNAL) is DataClass.INTERNAL
    assert set(workers.server.contents()) == {MARK}


@pytest.mark.parametrize("value", ["harmless", "PUBLIC", "public\n", "\x00"])
async def test_a_value_that_is_no_class_is_unknown(workers: Workers, value: str) -> None:
    """What somebody else wrote there counts as unknown, also for who would raise it."""
    sessions = workers.one()
    await sessions.raise_to("t", "s", DataClass.PII)
    (key,) = set(workers.server.contents()) - {MARK}
    workers.server.command("SET", key, value)

    assert await floor(workers.one()) is DataClass.UNKNOWN
    assert await sessions.raise_to("t", "s", DataClass.SECRET) is DataClass.UNKNOWN


async def test_a_key_of_another_type_is_unknown(workers: Workers) -> None:
    """An error answer of Redis is a failure like any other."""
    await workers.one().raise_to("t", "s", DataClass.PII)
    (key,) = set(workers.server.contents()) - {MARK}
    workers.server.command("DEL", key)
    workers.server.command("LPUSH", key, "public")

    assert await floor(workers.one()) is DataClass.UNKNOWN


async def test_another_secret_is_told(workers: Workers) -> None:
    """Two gateways whose secrets differ would not see each other's sessions: all is unknown."""
    await workers.one().raise_to("t", "s", DataClass.PHI)
    stranger = workers.one(secret=Secret(b"other"))
    with capture_logs() as logs:
        assert await floor(stranger) is DataClass.UNKNOWN
        assert await floor(stranger) is DataClass.UNKNOWN
    assert [e["why"] for e in logs] == ["Redis is used with another state.secret"]


async def test_without_redis_unknown_and_nothing_lost(workers: Workers) -> None:
    """While Redis is down every session is unknown; what was raised then arrives afterwards."""
    one, other = workers.one(), workers.one()
    workers.server.stop()
    try:
        with capture_logs() as logs:
            assert await one.raise_to("t", "s", DataClass.PHI) is DataClass.UNKNOWN
            assert await floor(other) is DataClass.UNKNOWN
            await one.settle()
        assert one.unsaved == 1
        assert [e["event"] for e in logs] == ["session_store_failed"] * 2
        assert PATIENT not in str(logs)
    finally:
        workers.server.start()
    await one.settle()

    assert one.unsaved == 0
    assert await floor(other) is DataClass.PHI
    assert set(workers.outcomes) == {"failed", "answered"}


async def test_a_store_that_lost_its_memory_is_filled_again(workers: Workers) -> None:
    """All is unknown while a taint would last, also for newcomers; each sends what it saw."""
    one, other = workers.one(), workers.one()
    await one.raise_to("t", "a", DataClass.PHI)
    await other.raise_to("t", "b", DataClass.GENETIC)
    workers.server.command("FLUSHALL")

    assert await floor(other, "a") is DataClass.UNKNOWN
    await one.settle()
    await other.settle()
    assert await floor(other, "new") is DataClass.UNKNOWN
    assert await floor(workers.one(), "new") is DataClass.UNKNOWN

    end_of_doubt(workers)
    assert await floor(other, "a") is DataClass.PHI
    assert await floor(one, "b") is DataClass.GENETIC
    assert await floor(one, "new") is DataClass.PUBLIC


async def test_another_server_behind_the_address_may_know_less(workers: Workers) -> None:
    """A restart with an old snapshot, or a failover: the mark is there and of another run."""
    one = workers.one()
    await one.raise_to("t", "a", DataClass.PHI)
    (key,) = set(workers.server.contents()) - {MARK}
    mark, since = workers.server.contents()[MARK].split(" ")
    run = workers.server.command("INFO", "server").partition("run_id:")[2][:40]
    replid = workers.server.command("INFO", "replication").partition("master_replid:")[2][:40]
    assert mark.endswith(run + replid)
    workers.server.command("DEL", key)  # the snapshot is from before
    workers.server.command("SET", MARK, f"{mark[:-80]}{'0' * 40}{replid} {since}")

    assert await floor(workers.one(), "a") is DataClass.UNKNOWN
    assert await floor(workers.one(), "new") is DataClass.UNKNOWN
    await one.settle()
    end_of_doubt(workers)
    assert await floor(workers.one(), "a") is DataClass.PHI


async def test_a_mark_of_an_earlier_version_is_in_doubt(workers: Workers) -> None:
    """It says nothing of the server: what this one holds may be older."""
    workers.server.command("SET", MARK, SECRET.code("session-mark") + "0" * 16)

    assert await floor(workers.one(), "new") is DataClass.UNKNOWN


async def test_unsent_raises_that_were_pushed_out_close_the_store(workers: Workers) -> None:
    """A raise that is forgotten before it arrived could be any session's: all are unknown."""
    sessions = workers.one(capacity=2, ttl_s=100)
    workers.server.stop()
    try:
        for number in range(3):
            await sessions.raise_to("t", str(number), DataClass.PHI)
    finally:
        workers.server.start()
    assert await floor(sessions, "fresh") is DataClass.UNKNOWN
    assert sessions.unsaved == 2

    workers.clock.now = 100.1
    assert await floor(sessions, "fresh") is DataClass.PUBLIC


class Mute:
    """A port that takes bytes and answers only when told: a Redis that hangs."""

    def __init__(self, server: RedisServer) -> None:
        self._redis = server
        self.gate = asyncio.Event()
        self.connections = 0

    async def __aenter__(self) -> Mute:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, here = await asyncio.open_connection("127.0.0.1", self._redis.port)
        back = asyncio.ensure_future(self._back(there, writer))
        while data := await reader.read(65536):
            here.write(data)
        here.close()
        writer.close()
        back.cancel()
        await asyncio.gather(back, return_exceptions=True)

    async def _back(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await there.read(65536):
            await self.gate.wait()
            writer.write(data)


async def test_silence_is_bounded(workers: Workers) -> None:
    """A Redis that does not answer costs the time-out, and the session is unknown."""
    async with Mute(workers.server) as mute:
        sessions = workers.one(mute.url, timeout_s=0.02)
        async with asyncio.timeout(5):
            assert await sessions.raise_to("t", "s", DataClass.PHI) is DataClass.UNKNOWN
        await sessions.close()


async def test_a_late_answer_is_nobody_elses(workers: Workers) -> None:
    """After a command that was given up, its late answer is not taken for the next one's."""
    async with Mute(workers.server) as mute:
        await workers.one().raise_to("t", "tainted", DataClass.SECRET)
        sessions = workers.one(mute.url)
        mute.gate.set()
        assert await floor(sessions, "clean") is DataClass.PUBLIC
        mute.gate.clear()
        asked = asyncio.create_task(floor(sessions, "clean"))
        for _ in range(20):  # it is under way
            await asyncio.sleep(0.001)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        mute.gate.set()

        assert await floor(sessions, "tainted") is DataClass.SECRET
        assert await floor(sessions, "clean") is DataClass.PUBLIC
        assert mute.connections > 1
        await sessions.close()


async def test_a_raise_that_was_cancelled_is_sent_again(workers: Workers) -> None:
    """A caller who leaves while the raise is under way does not undo it."""
    async with Mute(workers.server) as mute:
        sessions = workers.one(mute.url)
        asked = asyncio.create_task(sessions.raise_to("t", "s", DataClass.PHI))
        for _ in range(20):
            await asyncio.sleep(0.001)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert sessions.unsaved == 1
        mute.gate.set()
        await sessions.settle()

        assert sessions.unsaved == 0
        assert await floor(workers.one()) is DataClass.PHI
        await sessions.close()


async def test_a_raise_that_failed_beside_one_that_arrived_is_kept(workers: Workers) -> None:
    """Two raises of one session at once: the lower arriving does not settle the higher."""
    one, other = workers.one(), workers.one()
    real, gate = one._client.eval, asyncio.Event()

    async def first_waits_second_fails(*arguments: Any) -> Any:
        if arguments[8] == "phi":  # the class to raise to
            one._client.eval = real
            raise ConnectionError
        answer = await real(*arguments)
        await gate.wait()
        return answer

    one._client.eval = first_waits_second_fails
    lower = asyncio.create_task(one.raise_to("t", "s", DataClass.PII))
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert await one.raise_to("t", "s", DataClass.PHI) is DataClass.UNKNOWN
    await other.raise_to("t", "s", DataClass.CONFIDENTIAL)
    gate.set()
    assert await lower is DataClass.PHI
    await one.settle()

    assert await floor(other) is DataClass.PHI


async def test_making_and_settling_connect_to_nothing() -> None:
    """Before the first session there is no connection, not even by the watch."""
    sessions = RedisSessions("redis://nowhere.invalid:1", secret=SECRET, clock=FakeClock(0.0))
    await sessions.settle()
    assert sessions._client.connection_pool._available_connections == []
    await sessions.close()


async def test_the_watch_settles(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """What did not arrive is sent again by itself."""
    monkeypatch.setattr("gateway.state.redis_sessions._SETTLE_S", 0.001)
    sessions = workers.one()
    workers.server.stop()
    try:
        await sessions.raise_to("t", "s", DataClass.PHI)
        watch = asyncio.create_task(sessions.watch())
    finally:
        workers.server.start()
    async with asyncio.timeout(10):
        while sessions.unsaved:
            await asyncio.sleep(0.001)
    watch.cancel()
    assert await floor(workers.one()) is DataClass.PHI


@pytest.mark.parametrize("url", ["redis://h:port/0", "redis://h:1/0?socket_timeout=never"])
def test_a_url_that_is_none(url: str) -> None:
    """A URL that cannot be used is one clear line at the start."""
    with pytest.raises(ConfigError, match=r"^state\.store: not a Redis URL"):
        RedisSessions(url, secret=SECRET, clock=FakeClock(0.0))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the extra says which one is missing."""
    monkeypatch.setitem(__import__("sys").modules, "redis.asyncio", None)
    with pytest.raises(ConfigError, match=r"nearward\[redis\]"):
        RedisSessions("redis://h", secret=SECRET, clock=FakeClock(0.0))


async def test_what_is_shared_is_not_forgotten_one_by_one(workers: Workers) -> None:
    """Asked before anything is put on record about it, and when it is done."""
    sessions = workers.one()
    await sessions.raise_to("t", "s", DataClass.PHI)
    for ask in (sessions.holds, sessions.forget):
        with pytest.raises(Conflict, match="one by one"):
            await ask("t", "s")
    assert await floor(sessions) is DataClass.PHI
