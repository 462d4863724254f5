# SPDX-License-Identifier: Apache-2.0
"""F16: kill -9 at random moments, under load, over four workers that write one log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.records.audit import AuditLog
from gateway.records.segment import workers
from gateway.records.selection import entries
from gateway.records.verification import verify_log
from tests.gateway.fakes import FakeClock


def killed(directory: Path, kills: int, seed: int) -> int:
    """Run the load; how often it was killed."""
    command = [sys.executable, "-m", "tests.doubles.audit_load", str(directory)]
    done = subprocess.run(
        [*command, "--kills", str(kills), "--seed", str(seed)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return int(done.stdout)


def check(directory: Path) -> tuple[int, int]:
    """The promises after all the kills; (records, intents without outcome)."""
    before = verify_log(directory / "audit")
    assert before.faults == []
    intents: set[str] = set()
    open_now: set[str] = set()
    for worker in workers(directory / "audit"):
        for entry in entries(directory / "audit", worker):
            if entry["event"] == "intent":
                intents.add(entry["id"])
                open_now.add(entry["id"])
            elif entry["event"] == "outcome":
                open_now.discard(entry["id"])
    sent = {
        name
        for path in directory.glob("sent-*")
        for name in path.read_text().splitlines(keepends=True)
        if name.endswith("\n")
    }
    assert len(sent) > 100
    assert {name.strip() for name in sent} <= intents

    # One more start of each: now every loss is marked, and there are no others.
    for worker in workers(directory / "audit"):
        AuditLog(directory / "audit", clock=FakeClock(), worker=worker).close()
    after = verify_log(directory / "audit")
    assert (after.faults, after.waiting) == ([], 0)
    assert after.lost == len(open_now)
    return after.records, after.lost


def test_every_log_verifies_after_kills(tmp_path: Path) -> None:
    """Every log is whole, nothing was sent without an intent, every loss is marked."""
    assert killed(tmp_path, kills=16, seed=1) == 20

    check(tmp_path)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_every_log_verifies_after_500_kills(tmp_path: Path) -> None:
    """The same, 500 times."""
    assert killed(tmp_path, kills=496, seed=2) == 500

    records, lost = check(tmp_path)
    sys.stdout.write(f"{records} records, {lost} intents lost and marked\n")
