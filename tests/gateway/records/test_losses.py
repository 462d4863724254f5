# SPDX-License-Identifier: Apache-2.0
"""Outcomes that the buffer cannot hold: counted, and on record as soon as the log heals."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.errors import AuditUnavailable
from gateway.records.audit import AuditLog, segments
from gateway.records.chain import Entry
from gateway.records.segment import SegmentFile
from gateway.records.verification import verify_log
from tests.gateway.fakes import FakeClock, parsed
from tests.gateway.records.test_audit_stalls import hung, until_healthy
from tests.gateway.serving_gateway import RunningGateway, settings_for

__all__ = ["hung"]
BUFFER = 3


class Full:
    """A disk that takes nothing while it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        real = SegmentFile.append

        def append(file: SegmentFile, data: bytes) -> None:
            if self.is_full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(file, data)

        monkeypatch.setattr(SegmentFile, "append", append)


@pytest.fixture
def timer() -> FakeClock:
    return FakeClock(100.0)


@pytest.fixture
async def log(
    tmp_path: Path, timer: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AuditLog]:
    monkeypatch.setattr("gateway.records.audit._BUFFER_RECORDS", BUFFER)
    counted: list[None] = []
    log = AuditLog(
        tmp_path,
        clock=FakeClock(),
        timer=timer,
        flush_s=30,
        retry_s=1.0,
        stall_s=10,
        count_dropped=lambda: counted.append(None),
    )
    yield log
    log.close()
    assert len(counted) == log.dropped


def intent(name: str) -> Entry:
    return {"event": "intent", "id": name, "to": "c1"}


def outcome(name: str, to: str = "c1") -> Entry:
    return {"event": "outcome", "id": name, "to": to}


def found(directory: Path, event: str) -> list[dict[str, Any]]:
    lines = [x for p in segments(directory, 0) for x in p.read_bytes().splitlines()]
    return [entry for entry in parsed(lines) if entry["event"] == event]


async def refused(log: AuditLog, name: str) -> None:
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(name), sync=False)


async def test_what_was_dropped_is_on_record_when_the_log_heals(
    log: AuditLog, tmp_path: Path, timer: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One record, in the first batch that the disk takes, with whose outcomes are gone."""
    disk = Full(monkeypatch)
    for name in ("a", "b"):
        await log.intent(intent(name), sync=False)
    disk.is_full = True
    await refused(log, "c")
    for number in range(BUFFER):
        log.outcome(outcome(f"d{number}", "device"))
    for name in ("a", "e", "b"):
        log.outcome(outcome(name, "device"))
    timer.now += 2
    await refused(log, "f")  # the batch that says so is not taken either
    assert found(tmp_path, "dropped") == []
    log.outcome(outcome("g", "device"))

    disk.is_full = False
    timer.now += 2
    await log.intent(intent("h"), sync=False)

    (told,) = found(tmp_path, "dropped")
    assert (told["records"], told["ids"]) == (4, ["a", "b"])
    report = verify_log(tmp_path)
    assert (report.dropped, report.lost, report.waiting, report.faults) == (4, 2, 1, [])
    log.outcome(outcome("h"))
    log.close()
    report = verify_log(tmp_path)
    assert (report.dropped, report.lost, report.waiting, report.faults) == (4, 2, 0, [])
    assert [entry["dropped"] for entry in found(tmp_path, "close")] == [0]


async def test_an_intent_that_a_hung_disk_takes_in_the_end_is_not_left_open(
    log: AuditLog, tmp_path: Path, hung: Any
) -> None:
    """It was refused, its refusal found no room, and then the write returned: it is named."""
    log._writes._stall_s = 0.05
    await refused(log, "a")
    for number in range(BUFFER):
        log.outcome(outcome(f"d{number}", "device"))
    log.outcome({"event": "refused", "id": "a"})
    assert found(tmp_path, "dropped") == []

    hung.set()
    await until_healthy(log)
    await log.intent(intent("b"), sync=False)

    assert [entry["ids"] for entry in found(tmp_path, "dropped")] == [["a"]]
    report = verify_log(tmp_path)
    assert (report.dropped, report.lost, report.waiting, report.faults) == (1, 1, 1, [])


async def test_the_log_heals_and_tells_by_itself(
    log: AuditLog, tmp_path: Path, timer: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to come with an intent for it."""
    disk = Full(monkeypatch)
    log._retry_s = 0.01
    disk.is_full = True
    await refused(log, "a")
    for number in range(BUFFER + 2):
        log.outcome(outcome(f"d{number}", "device"))
    disk.is_full = False
    timer.now += 2

    async with asyncio.timeout(5):
        while not found(tmp_path, "dropped"):
            await asyncio.sleep(0.005)

    assert verify_log(tmp_path).dropped == 2


async def test_a_stop_tells_of_it_once(
    log: AuditLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the batch that tells of it is under way, of which the loop hears no more."""
    await log.intent(intent("a"), sync=False)
    for number in range(BUFFER + 2):
        log.outcome(outcome(f"d{number}", "device"))
    log._writes.wake()
    await asyncio.sleep(0)  # the batch goes to the thread
    log.outcome(outcome("a"))
    log.close()

    assert [entry["records"] for entry in found(tmp_path, "dropped")] == [2]
    assert [entry["dropped"] for entry in found(tmp_path, "close")] == [0]
    report = verify_log(tmp_path)
    assert (report.dropped, report.lost, report.faults) == (2, 0, [])


async def test_the_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There from the start, so that an alert sees it rise, and counted for whoever scrapes."""
    monkeypatch.setattr("gateway.records.audit._BUFFER_RECORDS", 0)
    async with (
        RunningGateway(settings_for(tmp_path)) as gateway,
        httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http,
    ):
        before = await http.get("/metrics")
        gateway.application.audit.outcome({"event": "refused", "id": "a"})
        after = await http.get("/metrics")

    assert "\nnearward_audit_dropped_total 0.0\n" in before.text
    assert "\nnearward_audit_dropped_total 1.0\n" in after.text
