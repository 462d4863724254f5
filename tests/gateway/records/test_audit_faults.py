# SPDX-License-Identifier: Apache-2.0
"""The audit log when the disk is full, slow, short or gone (F12): nothing leaves, and it heals."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.errors import AuditUnavailable
from gateway.records.audit import AuditLog, segments, verify_directory
from gateway.records.chain import Entry
from gateway.records.custody import read_public_key, signing_key
from gateway.records.segment import SegmentFile
from gateway.records.writer import Rotation
from tests.gateway.fakes import FakeClock, parsed


class Disk:
    """os.write that fails on chosen calls to the audit log."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real = os.write
        self.calls = 0
        self.fails_at: set[int] = set()
        self.takes_bytes: int | None = None
        self.error = errno.ENOSPC
        self.timer = FakeClock(100.0)
        monkeypatch.setattr(os, "write", self)

    def __call__(self, fd: int, data: bytes) -> int:
        if b'"mac":"' not in data:  # another file, or the loop waking itself
            return self._real(fd, data)
        self.calls += 1
        if self.calls not in self.fails_at:
            return self._real(fd, data)
        if self.takes_bytes is None:
            raise OSError(self.error, os.strerror(self.error))
        return self._real(fd, data[: self.takes_bytes])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def timer(disk: Disk) -> FakeClock:
    return disk.timer


@pytest.fixture
async def log(tmp_path: Path, timer: FakeClock, disk: Disk) -> AsyncIterator[AuditLog]:
    log = AuditLog(tmp_path, clock=FakeClock(), timer=timer, flush_s=30, retry_s=1.0, stall_s=10)
    yield log
    disk.fails_at = set()
    timer.now += 10
    log.close()


def intent(number: int) -> Entry:
    return {"event": "intent", "id": f"r{number}"}


def ids(directory: Path) -> list[str]:
    lines = [x for p in segments(directory, 0) for x in p.read_bytes().split(b"\n")[:-1]]
    return [e["id"] for e in parsed(lines) if "id" in e]


@pytest.mark.parametrize(
    ("nth", "error"), [(2, errno.ENOSPC), (3, errno.EIO), (4, errno.EROFS), (5, errno.EIO)]
)
async def test_failed_write_refuses_and_heals_after_a_second(
    log: AuditLog, disk: Disk, tmp_path: Path, nth: int, error: int
) -> None:
    """The N-th write fails: refused and unhealthy until a second later; then all is well.

    The refused intent is nowhere in the log; the chain is whole.
    """
    disk.fails_at, disk.error = {nth}, error
    timer = disk.timer
    kept = []
    for number in range(2, 7):
        try:
            await log.intent(intent(number), sync=False)
            kept.append(f"r{number}")
        except AuditUnavailable:
            assert number == nth
            assert not log.is_healthy
            with pytest.raises(AuditUnavailable):
                await log.intent(intent(90), sync=False)
            timer.now += 0.99
            with pytest.raises(AuditUnavailable):
                await log.intent(intent(91), sync=False)
            timer.now += 0.02

    assert log.is_healthy
    assert ids(tmp_path) == kept
    assert len(kept) == 4
    assert verify_directory(tmp_path)[2] == []
    assert len(segments(tmp_path, 0)) == 2


@pytest.mark.parametrize("takes", [0, 1, 40])
async def test_short_write_is_a_failure(
    log: AuditLog, disk: Disk, timer: FakeClock, tmp_path: Path, takes: int
) -> None:
    """A disk that takes part of a record refuses the intent; the torn part is declared."""
    disk.fails_at, disk.takes_bytes = {2}, takes
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(1), sync=False)

    timer.now += 1
    await log.intent(intent(2), sync=False)

    assert ids(tmp_path) == ["r2"]
    assert verify_directory(tmp_path)[2] == []
    assert b'"torn_bytes":%d' % takes in segments(tmp_path, 0)[1].read_bytes()


async def test_reopening_that_fails_waits_again(
    log: AuditLog, disk: Disk, timer: FakeClock, tmp_path: Path
) -> None:
    """When the fresh segment cannot be opened either, no half segment stays, and it waits anew."""
    disk.fails_at = {2, 3, 4}
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(1), sync=False)
    timer.now += 1
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(2), sync=False)
    timer.now += 0.5
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(3), sync=False)
    disk.takes_bytes = 30
    timer.now += 0.5
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(4), sync=False)
    assert len(segments(tmp_path, 0)) == 1

    timer.now += 1
    await log.intent(intent(5), sync=False)

    assert disk.calls == 6
    assert ids(tmp_path) == ["r5"]
    assert verify_directory(tmp_path)[2] == []


async def test_outcomes_survive_a_full_disk(
    log: AuditLog, disk: Disk, timer: FakeClock, tmp_path: Path
) -> None:
    """Outcomes never raise, and are written once the disk has room; refused intents are not."""
    disk.fails_at = {2}
    log.outcome({"event": "outcome", "id": "o1"})
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(1), sync=False)
    log.outcome({"event": "outcome", "id": "o2"})
    timer.now += 1

    await log.intent(intent(2), sync=False)

    assert ids(tmp_path) == ["o1", "o2", "r2"]


async def test_heals_without_any_request(disk: Disk, tmp_path: Path) -> None:
    """A gateway that is not ready gets no requests, so the log must come back by itself."""
    log = AuditLog(tmp_path, clock=FakeClock(), flush_s=0.01, retry_s=0.02)
    disk.fails_at = {2, 3}  # the write, and the first try of a fresh segment
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(1), sync=False)

    async with asyncio.timeout(5):
        while not log.is_healthy:
            await asyncio.sleep(0.01)

    assert disk.calls >= 4
    log.close()
    assert verify_directory(tmp_path)[2] == []


async def test_wall_clock_steps_do_not_matter(disk: Disk, tmp_path: Path, timer: FakeClock) -> None:
    """The pause after a failure is measured, not read off a clock that may be set back (F14)."""
    wall = FakeClock()
    log = AuditLog(tmp_path, clock=wall, timer=timer)
    disk.fails_at = {2}
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(1), sync=False)
    wall.now -= 3600
    timer.now += 1

    await log.intent(intent(2), sync=False)
    assert log.is_healthy
    log.close()


async def test_emptied_segment_is_named_and_the_log_goes_on(
    log: AuditLog, disk: Disk, timer: FakeClock, tmp_path: Path
) -> None:
    """A segment emptied while it could not be written is a fault; those after it are whole."""
    disk.fails_at = {2}
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(1), sync=False)
    segments(tmp_path, 0)[0].write_bytes(b"")
    timer.now += 1

    await log.intent(intent(2), sync=False)

    assert log.is_healthy
    assert [(f.segment, f.line) for f in verify_directory(tmp_path)[2]] == [("0-00000001.jsonl", 0)]
    assert ids(tmp_path) == ["r2"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def replace(path: Path) -> None:
    copy = path.with_suffix(".new")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


@pytest.mark.parametrize(
    ("vandalism", "problem"),
    [
        (Path.unlink, "its segment was deleted"),
        (replace, "its segment was replaced"),
        (cut, "its segment was changed by somebody else"),
    ],
    ids=["deleted", "replaced", "cut"],
)
async def test_segment_that_is_no_longer_ours(
    log: AuditLog,
    timer: FakeClock,
    tmp_path: Path,
    vandalism: Callable[[Path], None],
    problem: str,
) -> None:
    """An intent that would go into a file that is gone or changed is refused; then it heals.

    The fresh segment says why it was begun, and what happened to the old one stays visible.
    """
    await log.intent(intent(1), sync=False)
    vandalism(segments(tmp_path, 0)[0])
    with pytest.raises(AuditUnavailable, match=problem):
        await log.intent(intent(2), sync=False)
    assert not log.is_healthy
    timer.now += 1

    await log.intent(intent(3), sync=True)

    assert log.is_healthy
    opening = parsed(segments(tmp_path, 0)[-1].read_bytes().splitlines())[0]
    assert (opening["cause"], opening["problem"]) == ("fault", problem)
    assert (verify_directory(tmp_path)[2] == []) == (vandalism is replace)


async def test_deleted_directory_is_made_again(
    log: AuditLog, timer: FakeClock, tmp_path: Path
) -> None:
    """With the whole directory gone the log goes on under the same keys; what is gone is missed."""
    signer = signing_key(tmp_path).private_bytes_raw()
    for path in tmp_path.iterdir():
        path.unlink()
    tmp_path.rmdir()
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(1), sync=False)
    timer.now += 1

    await log.intent(intent(2), sync=True)

    (fault,) = verify_directory(tmp_path)[2]
    assert "0-00000001.jsonl is gone" in fault.problem
    assert signing_key(tmp_path).private_bytes_raw() == signer
    made = await log.checkpoint()
    assert made is not None
    assert made.is_signed_by(read_public_key(tmp_path / "signing.pub"))


async def test_failed_sync_refuses(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, timer: FakeClock
) -> None:
    """An I/O error of the sync refuses the intent, for the first and for those who wait behind."""
    real = os.fdatasync

    def failing(_: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(os, "fdatasync", failing)
    results = await asyncio.gather(
        *(log.intent(intent(i), sync=True) for i in range(3)), return_exceptions=True
    )
    assert all(isinstance(r, AuditUnavailable) for r in results)

    monkeypatch.setattr(os, "fdatasync", real)
    timer.now += 1
    await log.intent(intent(9), sync=True)
    assert log.is_healthy


async def test_close_on_a_full_disk(tmp_path: Path, disk: Disk) -> None:
    """Closing raises nothing when the last record cannot be written, and frees the lock."""
    log = AuditLog(tmp_path, clock=FakeClock())
    log.outcome({"event": "outcome", "id": "o"})
    disk.fails_at = {2}
    log.close()

    AuditLog(tmp_path, clock=FakeClock()).close()
    assert verify_directory(tmp_path)[2] == []


async def test_a_rotation_that_fails_is_a_failure_like_others(
    tmp_path: Path, disk: Disk, timer: FakeClock
) -> None:
    """With no room for the next segment the log is unhealthy, heals, and is whole."""
    limit = Rotation(size_bytes=600)
    log = AuditLog(tmp_path, clock=FakeClock(), timer=timer, rotation=limit, stall_s=10, flush_s=30)
    disk.fails_at = {3}  # open, intent, and the next segment's open
    await log.intent({**intent(1), "pad": "x" * 300}, sync=False)
    async with asyncio.timeout(5):
        while log.is_healthy:
            await asyncio.sleep(0.001)
    timer.now += 1
    await log.intent(intent(2), sync=True)
    log.close()

    assert ids(tmp_path) == ["r1", "r2"]
    assert verify_directory(tmp_path)[2] == []


async def test_a_sync_for_a_segment_that_was_given_up_is_refused(
    log: AuditLog, disk: Disk, timer: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh segment's sync says nothing about records in the one before: not "done"."""
    writer = log._writer
    disk.fails_at = {2}
    with pytest.raises(AuditUnavailable):
        await log.intent(intent(1), sync=False)
    timer.now += 1
    with monkeypatch.context() as patched:
        patched.setattr(writer._segment, "sync", failing_sync)
        writer.write([])
    with pytest.raises(OSError, match="the segment before"):
        writer.sync()

    timer.now += 1
    await log.intent(intent(2), sync=True)
    assert ids(tmp_path) == ["r2"]


def failing_sync() -> None:
    raise OSError(errno.EIO, "I/O error")


def test_what_a_crash_left_behind_is_cleared(tmp_path: Path) -> None:
    """An unfinished segment of this worker goes at its next start, another worker's stays."""
    for worker in (0, 10):
        (tmp_path / f".segment-{worker}-abc").write_bytes(b"half")
    AuditLog(tmp_path, clock=FakeClock()).close()

    assert [path.name for path in tmp_path.glob(".segment-*")] == [".segment-10-abc"]


def test_start_on_a_full_disk(tmp_path: Path, disk: Disk) -> None:
    """A log that cannot be opened at start says so and leaves no empty segment behind."""
    disk.fails_at = {1}
    with pytest.raises(OSError, match="No space"):
        AuditLog(tmp_path, clock=FakeClock())

    assert segments(tmp_path, 0) == []


def test_a_crash_while_a_segment_is_made_blocks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment gets its name when its first record is on disk: a half one is never found."""
    path = tmp_path / "0-00000001.jsonl"

    def die(_: int) -> None:
        assert not path.exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", die)
        with pytest.raises(KeyboardInterrupt):
            SegmentFile(path, b"{}")
    assert list(tmp_path.iterdir()) == []

    AuditLog(tmp_path, clock=FakeClock(0.0)).close()
    assert verify_directory(tmp_path) == (2, 1, [])
