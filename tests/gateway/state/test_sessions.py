# SPDX-License-Identifier: Apache-2.0
"""Session taint in memory: never down, per tenant, bounded, closed when something was forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, Conflict
from gateway.state.secret import Secret
from gateway.state.session_file import SessionFile
from gateway.state.sessions import MemorySessions, RefusedSessions
from policies import DataClass
from tests.gateway.fakes import FakeClock

SECRET = Secret(b"key")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0.0)


def sessions_of(clock: FakeClock, **more: Any) -> MemorySessions:
    return MemorySessions(secret=SECRET, clock=clock, **more)


async def floor(sessions: MemorySessions, session: str, tenant: str = "t") -> DataClass:
    """What a clean request of the session is told."""
    return await sessions.raise_to(tenant, session, DataClass.PUBLIC)


@given(st.lists(st.sampled_from(DataClass), min_size=1, max_size=10))
def test_the_highest_class_stays(classes: list[DataClass]) -> None:
    """Each request is told the highest class so far, its own included, in any order."""

    async def told() -> list[DataClass]:
        sessions = sessions_of(FakeClock(0.0))
        return [await sessions.raise_to("t", "s", c) for c in classes]

    expected = [DataClass.join(*classes[: n + 1]) for n in range(len(classes))]
    assert asyncio.run(told()) == expected


async def test_sessions_and_tenants_are_apart(clock: FakeClock) -> None:
    """Another session, another tenant, and another split of the same letters are not tainted."""
    sessions = sessions_of(clock)
    await sessions.raise_to("ab", "c", DataClass.PHI)

    assert await floor(sessions, "d", "ab") is DataClass.PUBLIC
    assert await floor(sessions, "bc", "a") is DataClass.PUBLIC
    assert await floor(sessions, "abc", "") is DataClass.PUBLIC
    assert await floor(sessions, "c", "ab") is DataClass.PHI


async def test_taint_lasts_from_the_last_request(clock: FakeClock) -> None:
    """The time to live counts from the last request, and then the taint ends."""
    sessions = sessions_of(clock, ttl_s=10)
    await sessions.raise_to("t", "s", DataClass.PHI)
    clock.now = 9
    assert await floor(sessions, "s") is DataClass.PHI
    clock.now = 19
    assert await floor(sessions, "s") is DataClass.PHI

    clock.now = 29.1
    assert await floor(sessions, "s") is DataClass.PUBLIC


async def test_bounded_and_closed_when_full(clock: FakeClock) -> None:
    """At capacity the oldest goes; from then on an unseen session counts as unknown."""
    sessions = sessions_of(clock, capacity=3)
    for number in range(3):
        await sessions.raise_to("t", str(number), DataClass.PHI)
    assert await floor(sessions, "new") is DataClass.PUBLIC

    assert await sessions.raise_to("t", "3", DataClass.PHI) is DataClass.PHI

    assert len(sessions._table) == 3
    assert await floor(sessions, "0") is DataClass.UNKNOWN
    assert await floor(sessions, "never seen") is DataClass.UNKNOWN
    assert await floor(sessions, "3") is DataClass.PHI


async def test_what_could_not_be_told_is_not_remembered(clock: FakeClock) -> None:
    """Unknown for want of memory takes no room: it would push out what is known, for ever."""
    sessions = sessions_of(clock, capacity=2, ttl_s=10)
    for number in range(3):
        await sessions.raise_to("t", str(number), DataClass.PHI)
    for number in range(10):
        assert await floor(sessions, f"new {number}") is DataClass.UNKNOWN
    assert await floor(sessions, "1") is DataClass.PHI

    clock.now = 10.1
    assert await floor(sessions, "new 0") is DataClass.PUBLIC


async def test_recently_used_is_kept(clock: FakeClock) -> None:
    """The one that goes is the one that was used longest ago."""
    sessions = sessions_of(clock, capacity=2)
    await sessions.raise_to("t", "a", DataClass.PHI)
    await sessions.raise_to("t", "b", DataClass.PII)
    await floor(sessions, "a")
    await sessions.raise_to("t", "c", DataClass.PII)

    assert await floor(sessions, "a") is DataClass.PHI
    assert await floor(sessions, "b") is DataClass.UNKNOWN


async def test_what_had_ended_anyway_is_not_forgotten(clock: FakeClock) -> None:
    """An entry past its time may go without closing the table."""
    sessions = sessions_of(clock, capacity=1, ttl_s=10)
    await sessions.raise_to("t", "a", DataClass.PHI)
    clock.now = 11
    await sessions.raise_to("t", "b", DataClass.PHI)

    assert await floor(sessions, "never seen") is DataClass.PUBLIC


async def test_what_has_no_taint_takes_no_room(clock: FakeClock) -> None:
    """Sessions at or below the untainted class cannot fill the table."""
    sessions = sessions_of(clock, capacity=1, untainted=DataClass.INTERNAL)
    await sessions.raise_to("t", "a", DataClass.PHI)
    for number in range(10):
        await sessions.raise_to("t", str(number), DataClass.INTERNAL)
    assert await floor(sessions, "a") is DataClass.PHI
    assert await floor(sessions, "never seen") is DataClass.PUBLIC


async def test_names_are_not_held(clock: FakeClock) -> None:
    """A session's name may be a patient's number: it is not in the table, nor is its plain hash."""
    sessions = sessions_of(clock)
    other = MemorySessions(secret=Secret(b"other"), clock=clock)
    for table in (sessions, other):
        await table.raise_to("t", "MRN-12345678", DataClass.PHI)

    assert "MRN" not in repr(sessions._table._seen)
    assert sessions._table._seen.keys() != other._table._seen.keys()


async def test_what_is_not_shared_is_refused() -> None:
    """Where processes share nothing a session is an error of the caller's, not a promise."""
    sessions = RefusedSessions()
    with pytest.raises(BadRequest) as caught:
        await sessions.raise_to("t", "s", DataClass.PUBLIC)
    assert caught.value.code == "unsupported_header"
    assert not await sessions.holds("t", "s")
    assert not await sessions.forget("t", "s")
    for quiet in (sessions, MemorySessions(secret=SECRET, clock=FakeClock())):
        await quiet.watch()
        await quiet.close()


async def test_what_is_forgotten_is_forgotten_on_the_disk(tmp_path: Path, clock: FakeClock) -> None:
    """After a restart, too; of another session nothing is."""

    def started() -> MemorySessions:
        file = SessionFile(tmp_path / "sessions", fingerprint="f", clock=clock, ttl_s=100)
        return sessions_of(clock, file=file)

    sessions = started()
    for name in ("a", "b"):
        await sessions.raise_to("t", name, DataClass.PHI)
    assert await sessions.holds("t", "a") is True
    assert await sessions.forget("t", "a") is True
    assert await sessions.holds("t", "a") is False
    assert await sessions.forget("t", "a") is False
    assert await floor(sessions, "a") is DataClass.PUBLIC
    await sessions.close()

    sessions = started()
    assert await floor(sessions, "a") is DataClass.PUBLIC
    assert await floor(sessions, "b") is DataClass.PHI
    await sessions.close()


async def test_a_session_in_use_is_not_forgotten(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A raise that comes while the file is written stays, in memory and on the disk."""
    file = SessionFile(tmp_path / "sessions", fingerprint="f", clock=clock, ttl_s=100)
    sessions = sessions_of(clock, file=file)
    await sessions.raise_to("t", "a", DataClass.PHI)
    drop = file.drop

    def slowly(code: str) -> None:
        asyncio.run_coroutine_threadsafe(sessions.raise_to("t", "a", DataClass.PHI), loop).result()
        drop(code)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(file, "drop", slowly)
    with pytest.raises(Conflict):
        await sessions.forget("t", "a")
    assert await floor(sessions, "a") is DataClass.PHI
    await sessions.close()

    again = SessionFile(tmp_path / "sessions", fingerprint="f", clock=clock, ttl_s=100)
    assert [kept for kept, _ in again.living().values()] == [DataClass.PHI]
