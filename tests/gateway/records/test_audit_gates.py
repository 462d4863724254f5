# SPDX-License-Identifier: Apache-2.0
"""Records that something waits for: on record before it happens, or neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import AuditUnavailable
from gateway.records.audit import AuditLog
from tests.gateway.fakes import FakeClock
from tests.gateway.records.test_audit_faults import Disk, ids, intent


async def test_what_was_refused_to_whoever_waited_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An approval that came to nothing must not be on record; an outcome, which is so, must."""
    disk = Disk(monkeypatch)
    disk.fails_at = {2}
    log = AuditLog(tmp_path, clock=FakeClock(), timer=disk.timer, flush_s=30, stall_s=10)
    log.outcome({"event": "outcome", "id": "was"})
    with pytest.raises(AuditUnavailable):
        await log.note({"event": "approval", "id": "was not"})

    disk.timer.now += 1
    await log.intent(intent(2), sync=False)
    log.close()
    assert ids(tmp_path) == ["was", "r2"]
