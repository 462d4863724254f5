# SPDX-License-Identifier: Apache-2.0
"""The audit log on a disk that does not answer (F12): refused in time, and it heals."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.errors import AuditUnavailable
from gateway.records.audit import AuditLog, segments, verify_directory
from gateway.records.chain import Entry
from tests.gateway.fakes import FakeClock, parsed


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[AuditLog]:
    log = AuditLog(tmp_path, clock=FakeClock(), stall_s=0.05, flush_s=0.01)
    yield log
    log.close()


def intent(number: int) -> Entry:
    return {"event": "intent", "id": f"r{number}", "to": "c1"}


def ids(directory: Path) -> list[str]:
    lines = [x for p in segments(directory, 0) for x in p.read_bytes().split(b"\n")[:-1]]
    return [e["id"] for e in parsed(lines) if "id" in e]


async def until_healthy(log: AuditLog) -> None:
    for lane in (log._writes, log._syncs):
        lane._stall_s = 10  # from here on; a busy test machine is no stalled disk
    async with asyncio.timeout(5):
        while not log.is_healthy:
            await asyncio.sleep(0.005)


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """fdatasync waits until the event is set."""
    release = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda _: release.wait(5))
    return release


async def test_slow_sync_refuses_in_time(log: AuditLog, stuck: threading.Event) -> None:
    """A disk that hangs refuses all who wait within the timeout, and heals when it is back."""
    began = asyncio.get_running_loop().time()
    results = await asyncio.gather(
        *(log.intent(intent(i), sync=True) for i in range(10)), return_exceptions=True
    )
    took_s = asyncio.get_running_loop().time() - began
    assert all(isinstance(r, AuditUnavailable) for r in results)
    assert took_s < 1
    assert not log.is_healthy

    stuck.set()
    await until_healthy(log)
    await log.intent(intent(11), sync=True)


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Writes of records wait until the event is set."""
    release, real = threading.Event(), os.write

    def write(fd: int, data: bytes) -> int:
        if b'"intent"' in data:
            release.wait(5)
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    yield release
    release.set()


async def test_hung_write_refuses_in_time_and_the_loop_goes_on(
    log: AuditLog, tmp_path: Path, hung: threading.Event
) -> None:
    """All who wait are refused within the bound, whoever comes later at once; then it heals.

    Outcomes are kept meanwhile. What the disk took in the end is on record, though it was refused.
    """
    first = asyncio.create_task(log.intent(intent(1), sync=False))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(log.intent(intent(2), sync=True))
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert all(isinstance(r, AuditUnavailable) for r in results)
    assert not log.is_healthy
    with pytest.raises(AuditUnavailable, match="does not answer"):
        await log.intent(intent(3), sync=False)
    log.outcome({"event": "outcome", "id": "r0", "to": "device"})

    hung.set()
    await until_healthy(log)
    await log.intent(intent(4), sync=False)

    assert ids(tmp_path) == ["r1", "r0", "r4"]
    log.close()
    assert verify_directory(tmp_path)[2] == []


async def test_close_does_not_wait_for_a_hung_disk(
    tmp_path: Path, hung: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that stops is not held up by a file system that hangs."""
    monkeypatch.setattr("gateway.records.audit._CLOSE_S", 0.02)
    log = AuditLog(tmp_path, clock=FakeClock(), stall_s=0.02)
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(1), sync=False)

    log.close()

    AuditLog(tmp_path, clock=FakeClock(), worker=1).close()


async def test_busy_threads_do_not_hold_up_the_sync(log: AuditLog) -> None:
    """Scans of long prompts may fill every shared thread: intents still get to the disk (F20)."""
    log._syncs._stall_s = log._writes._stall_s = 10
    release = threading.Event()
    busy = [asyncio.create_task(asyncio.to_thread(release.wait, 5)) for _ in range(64)]
    await asyncio.sleep(0)
    try:
        await log.intent(intent(1), sync=True)
    finally:
        release.set()
        await asyncio.gather(*busy)
