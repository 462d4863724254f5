# SPDX-License-Identifier: Apache-2.0
"""Reading a log: moments, and segments that need not be read. Filters are in cli/test_cli_audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.records.audit import AuditLog, segments
from gateway.records.selection import Selection, entries, moment, select, written
from tests.gateway.fakes import FakeClock


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("1790000000.5", 1790000000.5),
        ("2026-11-24", 1795478400.0),
        ("20261124", 1795478400.0),
        ("2026-11-24T06:00:00", 1795500000.0),
        ("2026-11-24T06:00:00Z", 1795500000.0),
        ("2026-11-24T07:00:00+01:00", 1795500000.0),
    ],
)
def test_moments(text: str, seconds: float) -> None:
    """Dates, times with and without a zone, and seconds; without a zone it is UTC."""
    assert moment(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "2026", "202611", "-1790000000", "nan", "inf", "1e99"]
)
def test_what_is_no_moment(text: str) -> None:
    """Anything else is a ValueError."""
    with pytest.raises(ValueError, match=r".*"):
        moment(text)


def test_written_is_read_again() -> None:
    """A moment for people, to the millisecond, is one that is understood."""
    assert moment(written(1790000000.125)) == 1790000000.125


async def test_segments_from_before_are_not_read(tmp_path: Path) -> None:
    """What ended before the period is not read, so damage there does not matter."""
    clock = FakeClock(1000.0)
    for _ in range(3):
        AuditLog(tmp_path, clock=clock).close()
        clock.now += 100
    segments(tmp_path, 0)[0].write_bytes(b"damaged\n")

    assert [e["t"] for e in entries(tmp_path, 0, since=1101.0)] == [1100.0, 1100.0, 1200.0, 1200.0]
    found = list(select(tmp_path, Selection(since=1150.0)))
    assert [entry["event"] for _, entry in found] == ["open", "close"]
    with pytest.raises(ValueError, match=r".*"):
        list(select(tmp_path, Selection()))
