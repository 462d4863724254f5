# SPDX-License-Identifier: Apache-2.0
"""F22: a log that nearward 0.1.0 wrote, with a crash in it, verifies and is continued."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.records.audit import AuditLog
from gateway.records.selection import entries
from gateway.records.verification import verify_log
from tests.gateway.fakes import FakeClock

WRITTEN = json.loads(Path(__file__).with_name("first_format.json").read_text())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Two workers, four segments, one of them torn, as 0.1.0 left them."""
    (tmp_path / "key").write_bytes(bytes.fromhex(WRITTEN["key"]))
    for name, text in WRITTEN["files"].items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_it_verifies(directory: Path) -> None:
    """Every record, and the one intent that never got an outcome is counted."""
    report = verify_log(directory)

    assert (report.records, report.segments, report.faults) == (20, 4, [])
    assert (report.lost, report.waiting) == (1, 0)


async def test_it_is_continued(directory: Path) -> None:
    """A new writer goes on with the chain and begins a tree; both formats verify as one log."""
    log = AuditLog(directory, clock=FakeClock(), stall_s=10)
    await log.intent({"event": "intent", "id": "new", "to": "c1"}, sync=False)
    log.outcome({"event": "outcome", "id": "new", "to": "c1"})
    made = await log.checkpoint()
    log.close()

    assert made is not None
    assert (made.heads[0].base, made.heads[0].size) == (17, 2)
    assert [e["seq"] for e in entries(directory, 0)] == list(range(1, 23))
    report = verify_log(directory, [(made.heads[0], "the anchor")])
    assert (report.records, report.faults) == (25, [])

    (directory / "0-00000004.jsonl").unlink()
    assert verify_log(directory, [(made.heads[0], "the anchor")]).faults != []


@pytest.mark.parametrize("name", WRITTEN["files"])
def test_a_change_is_found(directory: Path, name: str) -> None:
    """Each of its segments is still guarded."""
    path = directory / name
    path.write_text(path.read_text().replace('"phi"', '"pii"', 1))

    assert verify_log(directory).faults[0].segment == name
