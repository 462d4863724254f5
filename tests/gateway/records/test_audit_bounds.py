# SPDX-License-Identifier: Apache-2.0
"""No record is longer than can be read again, and one that is stops a start in words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.errors import AuditUnavailable
from gateway.records.audit import AuditBusy, AuditLog, segments, verify_directory
from gateway.records.segment import LONGEST_LINE_BYTES
from gateway.records.writer import Rotation
from tests.gateway.fakes import FakeClock, parsed
from tests.gateway.records.test_audit_faults import ids, intent


async def test_what_is_longer_than_any_record_is_refused_alone(
    tmp_path: Path,
) -> None:
    """What cannot be read again is not written: its request is refused, an outcome is a loss."""
    log = AuditLog(tmp_path, clock=FakeClock(), flush_s=30, stall_s=10)
    long = "x" * (1 << 20)
    log.outcome({"event": "outcome", "id": "r0", "error": long})
    results = await asyncio.gather(
        log.intent({**intent(1), "model": long}, sync=False),
        log.intent(intent(2), sync=False),
        log.note({"event": "note", "id": "r3", "tenant": long}),
        return_exceptions=True,
    )
    await log.intent(intent(4), sync=True)
    written = parsed(segments(tmp_path, 0)[0].read_bytes().splitlines())

    assert [type(result) for result in results] == [AuditUnavailable, type(None), AuditUnavailable]
    assert "longer than any record" in str(results[0])
    assert (log.is_healthy, ids(tmp_path)) == (True, ["r2", "r4"])
    assert [e["records"] for e in written if e["event"] == "dropped"] == [1]
    log.close()
    assert verify_directory(tmp_path)[2] == []


async def test_what_json_does_not_have_is_refused_alone(tmp_path: Path) -> None:
    """A number too large for it takes nothing else of its batch along."""
    log = AuditLog(tmp_path, clock=FakeClock(), flush_s=30, stall_s=10)
    log.outcome({"event": "refused", "id": "r0", "tokens_out": 1 << 70})
    results = await asyncio.gather(
        log.intent({**intent(1), "bytes": 1 << 70}, sync=False),
        log.intent(intent(2), sync=False),
        return_exceptions=True,
    )
    await log.intent(intent(4), sync=True)
    written = parsed(segments(tmp_path, 0)[0].read_bytes().splitlines())

    assert [type(result) for result in results] == [AuditUnavailable, type(None)]
    assert (log.is_healthy, ids(tmp_path)) == (True, ["r2", "r4"])
    assert [e["records"] for e in written if e["event"] == "dropped"] == [1]
    log.close()
    assert verify_directory(tmp_path)[2] == []


async def test_a_line_longer_than_any_record_stops_a_start_in_words(tmp_path: Path) -> None:
    """Such a log says which file it is, and does not fall over it."""
    AuditLog(tmp_path, clock=FakeClock()).close()
    with segments(tmp_path, 0)[0].open("ab") as file:
        file.write(b"x" * (1 << 20) + b"\n")

    with pytest.raises(AuditBusy, match=r"0-00000001.jsonl: a line longer .* move it away"):
        AuditLog(tmp_path, clock=FakeClock())


async def test_an_opening_that_names_too_many_requests_is_not_written(tmp_path: Path) -> None:
    """The log fails closed with what it has whole; the next start counts them as lost."""
    rotation = Rotation(size_bytes=40 * 30_000)  # with the last of the requests
    assert rotation.size_bytes > LONGEST_LINE_BYTES
    log = AuditLog(tmp_path, clock=FakeClock(), stall_s=10, rotation=rotation)
    for number in range(40):
        await log.intent({"event": "intent", "id": f"{number:030000}"}, sync=False)
    with pytest.raises(AuditUnavailable, match="too many requests are under way"):
        for number in range(100):
            await log.intent(intent(number), sync=True)
    log.close()
    assert (len(segments(tmp_path, 0)), verify_directory(tmp_path)[2]) == (1, [])

    AuditLog(tmp_path, clock=FakeClock()).close()
    assert (len(segments(tmp_path, 0)), verify_directory(tmp_path)[2]) == (2, [])
