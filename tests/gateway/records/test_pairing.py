# SPDX-License-Identifier: Apache-2.0
"""Intents and how they end: every loss is counted, and nothing left without an intent."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.records.audit import AuditLog
from gateway.records.chain import Entry
from gateway.records.pairing import Pairing
from gateway.records.segment import segments
from gateway.records.verification import verify_log
from gateway.records.writer import Rotation
from tests.gateway.fakes import FakeClock, parsed


def intent(name: str, to: str = "c1") -> Entry:
    return {"event": "intent", "id": name, "to": to}


def outcome(name: str, to: str = "c1") -> Entry:
    return {"event": "outcome", "id": name, "to": to}


@pytest.mark.parametrize(
    ("records", "waiting", "problems"),
    [
        ([intent("a")], 1, 0),
        ([intent("a"), outcome("a")], 0, 0),
        ([intent("a"), {"event": "refused", "id": "a"}], 0, 0),
        ([intent("a"), intent("a", "c2"), outcome("a", "c2")], 0, 0),
        ([intent("a"), {"event": "close"}], 0, 0),
        ([outcome("a", "device")], 0, 0),
        ([intent("a"), outcome("a", "device")], 0, 0),
        ([{"event": "refused", "id": "a"}], 0, 0),
        ([outcome("a")], 0, 1),
        ([intent("a"), outcome("b")], 1, 1),
        ([intent("a"), outcome("a", "c2")], 0, 1),
        ([intent("a"), outcome("a"), outcome("a")], 0, 1),
        ([{"event": "checkpoint"}], 0, 0),
    ],
)
def test_what_closes_an_intent(records: list[Entry], waiting: int, problems: int) -> None:
    """Outcomes and refusals do; an outcome away from the device needs the intent for its place."""
    pairing = Pairing()
    found = [pairing.follow(entry) for entry in records]

    assert len(pairing.waiting) == waiting
    assert len([problem for problem in found if problem]) == problems


def opening(directory: Path) -> dict[str, Any]:
    """The newest `open` record."""
    record: dict[str, Any] = parsed(segments(directory, 0)[-1].read_bytes().splitlines())[0]
    return record


async def crashed(directory: Path) -> None:
    """A log whose writer died with two of four requests under way."""
    log = AuditLog(directory / "live", clock=FakeClock(), stall_s=10)
    for name in "abcd":
        await log.intent(intent(name), sync=False)
    log.outcome(outcome("a"))
    log.outcome(outcome("b"))
    await log.intent(intent("e", "device"), sync=False)
    shutil.copytree(directory / "live", directory / "audit")
    log.close()


async def test_the_start_after_a_crash_says_what_was_lost(tmp_path: Path) -> None:
    """Before it the intents are open, after it they are lost, and the record says how many."""
    await crashed(tmp_path)
    directory = tmp_path / "audit"
    assert (verify_log(directory).waiting, verify_log(directory).lost) == (3, 0)

    AuditLog(directory, clock=FakeClock()).close()

    assert (opening(directory)["cause"], opening(directory)["lost"]) == ("start", 3)
    report = verify_log(directory)
    assert (report.waiting, report.lost, report.faults) == (0, 3, [])


async def test_a_stop_says_what_was_lost(tmp_path: Path) -> None:
    """Requests that were still under way when the log was closed are counted there."""
    log = AuditLog(tmp_path, clock=FakeClock(), stall_s=10)
    await log.intent(intent("a"), sync=False)
    log.close()

    last = parsed(segments(tmp_path, 0)[0].read_bytes().splitlines())[-1]
    assert (last["event"], last["lost"]) == ("close", 1)
    report = verify_log(tmp_path)
    assert (report.lost, report.faults) == (1, [])

    AuditLog(tmp_path, clock=FakeClock()).close()
    assert opening(tmp_path)["lost"] == 0
    assert verify_log(tmp_path).lost == 1


async def test_requests_under_way_go_over_to_the_next_segment(tmp_path: Path) -> None:
    """A rotation in mid-request loses nothing: the new segment names who is still open."""
    log = AuditLog(tmp_path, clock=FakeClock(), stall_s=10, rotation=Rotation(size_bytes=1))
    await log.intent(intent("a"), sync=False)
    while len(segments(tmp_path, 0)) < 2 or log._is_rotating:
        await log.checkpoint()
    log.outcome(outcome("a"))
    log.close()

    report = verify_log(tmp_path)
    assert (report.lost, report.faults) == (0, [])
    second = parsed(segments(tmp_path, 0)[1].read_bytes().splitlines())[0]
    assert (second["cause"], second["waiting"]) == ("rotation", [["a", "c1"]])


async def test_an_outcome_without_its_intent_is_a_fault(tmp_path: Path) -> None:
    """A writer that skipped the intent is found out by its own records."""
    log = AuditLog(tmp_path, clock=FakeClock(), stall_s=10)
    log.outcome(outcome("x"))
    log.close()

    (fault,) = verify_log(tmp_path).faults
    assert (fault.line, fault.problem) == (2, "an outcome whose intent is not on record")
