# SPDX-License-Identifier: Apache-2.0
"""The taint of sessions over a restart: kept, and closed where the file cannot be trusted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gateway.state import session_file
from gateway.state.secret import Secret
from gateway.state.session_file import SessionFile
from gateway.state.sessions import MemorySessions
from policies import DataClass
from tests.gateway.fakes import FakeClock

SECRET = Secret(b"key")
TTL_S = 100.0


class Process:
    """The sessions of one process after another, over one file."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "state" / "sessions"
        self.wall = FakeClock(1_000_000.0)
        self.monotonic = FakeClock(0.0)
        self.fingerprint = "f" * 64
        self.restart()

    def restart(self, **more: Any) -> None:
        self.monotonic.now = 0.0
        self.file = SessionFile(
            self.path, fingerprint=self.fingerprint, clock=self.wall, ttl_s=TTL_S
        )
        self.sessions = MemorySessions(
            secret=SECRET, clock=self.monotonic, ttl_s=TTL_S, file=self.file, **more
        )

    def pass_s(self, seconds: float) -> None:
        self.wall.now += seconds
        self.monotonic.now += seconds

    async def floor(self, session: str) -> DataClass:
        return await self.sessions.raise_to("t", session, DataClass.PUBLIC)

    async def carry(self, session: str, data_class: DataClass = DataClass.PHI) -> DataClass:
        return await self.sessions.raise_to("t", session, data_class)


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(tmp_path)


async def test_a_restart_forgets_nothing(process: Process) -> None:
    """The highest class stays, what was clean stays clean, and no name is in the file."""
    await process.carry("MRN-4711")
    await process.carry("MRN-4711", DataClass.SECRET)
    await process.carry("MRN-4711", DataClass.PII)
    await process.sessions.close()
    process.restart()

    assert await process.floor("MRN-4711") is DataClass.SECRET
    assert await process.floor("new") is DataClass.PUBLIC
    assert b"MRN" not in process.path.read_bytes()
    assert process.path.stat().st_mode & 0o777 == 0o600


async def test_a_death_without_farewell_forgets_nothing(process: Process) -> None:
    """The raise was on the disk before its request went on."""
    await process.carry("s")
    process.restart()

    assert await process.floor("s") is DataClass.PHI


async def test_a_taint_lasts_no_shorter_than_promised(process: Process) -> None:
    """Requests that prolong it write little, and the file still covers the last of them."""
    await process.carry("s")
    for _ in range(5):
        process.pass_s(TTL_S * 0.9)
        assert await process.floor("s") is DataClass.PHI
    lines = process.path.read_text().count("\n")
    process.restart()
    process.pass_s(TTL_S * 0.99)

    assert await process.floor("s") is DataClass.PHI
    assert lines < 5 + 1
    process.restart()
    process.pass_s(TTL_S * 2 + 1)
    process.restart()
    assert await process.floor("s") is DataClass.PUBLIC


@pytest.mark.parametrize("damage", ["torn", "class", "empty", "binary", "secret"])
async def test_a_file_in_doubt_makes_sessions_unknown(process: Process, damage: str) -> None:
    """As long as a taint lasts; then it is as good as new, and new raises mend the file."""
    await process.carry("s")
    whole = process.path.read_bytes()
    process.fingerprint = "e" * 64 if damage == "secret" else process.fingerprint
    process.path.write_bytes(
        {
            "torn": whole[:-1],
            "class": whole.replace(b" phi ", b" phj "),
            "empty": b"",
            "binary": b"\xff\n",
            "secret": whole,
        }[damage]
    )
    process.restart()

    assert await process.floor("new") is DataClass.UNKNOWN
    await process.carry("other")
    process.pass_s(TTL_S + 1)
    assert await process.floor("new") is DataClass.PUBLIC
    process.restart()
    assert await process.floor("new") is DataClass.PUBLIC


async def test_what_cannot_be_written_is_unknown(process: Process) -> None:
    """And is tried again with the session's next request."""
    process.path.parent.parent.joinpath("state").write_text("no directory")
    assert await process.carry("s") is DataClass.UNKNOWN
    assert await process.floor("s") is DataClass.UNKNOWN
    process.path.parent.unlink()

    assert await process.floor("s") is DataClass.PHI
    process.restart()
    assert await process.floor("s") is DataClass.PHI


async def test_a_disk_that_takes_a_part(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line is no promise, and is not left for the next one to go on from."""
    await process.carry("a")
    real = os.write
    with monkeypatch.context() as patched:
        patched.setattr("gateway.state.session_file.os.write", lambda fd, d: real(fd, d[:3]))
        assert await process.carry("s") is DataClass.UNKNOWN
    await process.carry("b")
    process.restart()

    assert not process.file.is_in_doubt
    assert await process.floor("b") is DataClass.PHI


async def test_the_file_does_not_grow_for_ever(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is over is left out when it is written anew; the living are not."""
    monkeypatch.setattr(session_file, "_SPARE_LINES", 2)
    for number in range(30):
        await process.carry(str(number))
        process.pass_s(TTL_S / 2)

    assert process.path.read_text().count("\n") < 15
    process.restart()
    assert await process.floor("29") is DataClass.PHI


async def test_more_than_the_table_holds(process: Process) -> None:
    """What does not fit at the start could be any session."""
    for number in range(3):
        await process.carry(str(number))
    process.restart(capacity=2)

    assert await process.floor("new") is DataClass.UNKNOWN
