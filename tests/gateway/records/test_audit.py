# SPDX-License-Identifier: Apache-2.0
"""The audit log on disk: what is written when, group commit, restart, tampering."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.records.audit import AuditBusy, AuditLog, segments, verify_directory
from gateway.records.chain import Entry
from gateway.records.custody import audit_key
from gateway.records.segment import SegmentFile
from gateway.records.verification import verify_log
from gateway.records.writer import Rotation
from tests.gateway.fakes import FakeClock, parsed

CLOCK = FakeClock(1_790_000_000.5)


@pytest.fixture
async def log(tmp_path: Path) -> Any:
    log = AuditLog(tmp_path / "audit", clock=CLOCK, flush_s=0.01)
    yield log
    log.close()


def intent(number: int = 0) -> Entry:
    return {"event": "intent", "id": f"r{number}"}


def outcome(number: int = 0) -> Entry:
    return {"event": "outcome", "id": f"r{number}"}


def entries(directory: Path, worker: int = 0) -> list[dict[str, Any]]:
    paths = segments(directory, worker)
    return parsed(line for p in paths for line in p.read_bytes().split(b"\n")[:-1])


def events(directory: Path) -> list[str]:
    return [e["event"] for e in entries(directory)]


async def test_intent_is_in_the_file_when_it_returns(log: AuditLog, tmp_path: Path) -> None:
    """After `intent` the record is in the file, for any reader, without close or flush."""
    await log.intent(intent(7), sync=False)

    assert entries(tmp_path / "audit")[-1]["id"] == "r7"
    assert log.is_healthy


async def test_files_are_private(log: AuditLog, tmp_path: Path) -> None:
    """Directory, key, lock and segment are for their owner only."""
    directory = tmp_path / "audit"

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    keys = {"key", "signing.key", "signing.pub"}
    assert {p.name for p in directory.iterdir()} == {*keys, "0.lock", "0-00000001.jsonl"}
    assert {stat.S_IMODE(p.stat().st_mode) for p in directory.iterdir()} == {0o600}
    assert len((directory / "key").read_bytes()) == 32


async def test_outcomes_go_out_with_the_next_intent_or_by_themselves(
    log: AuditLog, tmp_path: Path
) -> None:
    """An outcome waits in memory, in order, and not for long."""
    log.outcome(outcome(1))
    assert events(tmp_path / "audit") == ["open"]

    await log.intent(intent(2), sync=False)
    assert events(tmp_path / "audit") == ["open", "outcome", "intent"]

    log.outcome(outcome(3))
    log.outcome(outcome(4))
    async with asyncio.timeout(2):
        while len(events(tmp_path / "audit")) < 5:
            await asyncio.sleep(0.005)
    assert [e.get("id") for e in entries(tmp_path / "audit")][3:] == ["r3", "r4"]


async def test_outcomes_never_raise_and_are_bounded(
    log: AuditLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the buffer outcomes are counted as dropped, and the close record says how many."""
    monkeypatch.setattr("gateway.records.audit._BUFFER_RECORDS", 3)
    for number in range(5):
        log.outcome(outcome(number))
    assert log.dropped == 2

    log.close()
    last = entries(tmp_path / "audit")[-1]
    assert (last["event"], last["dropped"]) == ("close", 2)
    assert verify_log(tmp_path / "audit").dropped == 2


async def test_restart_continues_the_chain(tmp_path: Path) -> None:
    """Each start opens a segment that names the one before and goes on counting."""
    for _ in range(3):
        log = AuditLog(tmp_path, clock=CLOCK)
        await log.intent(intent(), sync=False)
        log.close()

    found = entries(tmp_path)
    assert [e["seq"] for e in found] == list(range(1, 10))
    opened = [e["previous"] for e in found if e["event"] == "open"]
    assert opened == ["", "0-00000001.jsonl", "0-00000002.jsonl"]
    assert verify_directory(tmp_path) == (9, 3, [])


@pytest.mark.parametrize("torn", [1, 17])
async def test_torn_tail_is_declared(tmp_path: Path, torn: int) -> None:
    """A line cut off by a crash is left as it is and declared by the next segment."""
    log = AuditLog(tmp_path, clock=CLOCK)
    await log.intent(intent(), sync=False)
    log.close()
    path = tmp_path / "0-00000001.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-torn])
    assert verify_directory(tmp_path) == (2, 1, [])

    AuditLog(tmp_path, clock=CLOCK).close()

    tail = len(whole.splitlines(keepends=True)[-1]) - torn
    assert entries(tmp_path)[-2]["torn_bytes"] == tail
    assert verify_directory(tmp_path) == (4, 2, [])


async def test_changed_byte_is_found_through_the_directory(tmp_path: Path) -> None:
    """verify_directory finds one changed byte in one of several workers' logs."""
    for worker in (0, 1, 11):
        AuditLog(tmp_path, clock=CLOCK, worker=worker).close()
    assert verify_directory(tmp_path) == (6, 3, [])

    path = tmp_path / "11-00000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"worker":11', b'"worker":12'))

    _, _, faults = verify_directory(tmp_path)
    assert [(f.segment, f.line) for f in faults] == [(path.name, 1)]


async def test_strange_files_are_left_alone(tmp_path: Path) -> None:
    """Files that are no segments neither break nor join the log."""
    AuditLog(tmp_path, clock=CLOCK).close()
    for name in ("x-1.jsonl", "0x-1.jsonl", "notes.txt"):
        (tmp_path / name).write_text("hello")

    assert verify_directory(tmp_path) == (2, 1, [])


def test_verify_without_a_log(tmp_path: Path) -> None:
    """No log, or one without its key, is FileNotFoundError, not an empty success."""
    with pytest.raises(FileNotFoundError):
        verify_directory(tmp_path)


async def test_emptied_log_is_not_silently_begun_again(tmp_path: Path) -> None:
    """A last segment without one whole record stops the start, with its path."""
    AuditLog(tmp_path, clock=CLOCK).close()
    (tmp_path / "0-00000001.jsonl").write_bytes(b"")

    with pytest.raises(AuditBusy, match="0-00000001"):
        AuditLog(tmp_path, clock=CLOCK)


_OPEN_LOG = """
import sys, time
from pathlib import Path
from gateway.records.audit import AuditBusy, AuditLog
try:
    AuditLog(Path(sys.argv[1]), clock=time.time, worker=int(sys.argv[2])).close()
except AuditBusy as error:
    sys.exit(str(error))
"""


def open_elsewhere(directory: Path, worker: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _OPEN_LOG, str(directory), str(worker)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_second_process_is_refused(log: AuditLog, tmp_path: Path) -> None:
    """Two processes cannot write one worker's log; another worker's they can."""
    refused = open_elsewhere(tmp_path / "audit", 0)
    assert refused.returncode == 1
    assert "another nearward writes" in refused.stderr

    with pytest.raises(AuditBusy):
        AuditLog(tmp_path / "audit", clock=CLOCK)
    AuditLog(tmp_path / "audit", clock=CLOCK, worker=1).close()
    await log.intent(intent(), sync=False)
    assert verify_directory(tmp_path / "audit")[2] == []


async def test_lock_goes_with_close(tmp_path: Path) -> None:
    """After close the next process may open the log."""
    AuditLog(tmp_path, clock=CLOCK).close()

    assert open_elsewhere(tmp_path, 0).returncode == 0
    assert verify_directory(tmp_path) == (4, 2, [])


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The descriptors that were synced."""
    calls: list[int] = []
    real = os.fdatasync

    def counting(fd: int) -> None:
        calls.append(fd)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", counting)
    yield calls


async def test_group_commit(log: AuditLog, syncs: list[int], tmp_path: Path) -> None:
    """Fifty that wait at once share few syncs, and each is in the file before a sync ends."""
    await asyncio.gather(*(log.intent(intent(i), sync=True) for i in range(50)))

    assert 1 <= len(syncs) <= 3
    assert len(entries(tmp_path / "audit")) == 51


async def test_every_sync_starts_after_its_write(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody is served by a sync that began before their own record was written."""
    done: list[int] = []  # size of the file when each completed sync began
    path = tmp_path / "audit" / "0-00000001.jsonl"
    real = os.fdatasync

    def noting(fd: int) -> None:
        size = path.stat().st_size
        real(fd)
        done.append(size)

    monkeypatch.setattr(os, "fdatasync", noting)

    async def one(number: int) -> None:
        await asyncio.sleep(number % 7 * 0.001)
        await log.intent(intent(number), sync=True)
        end = path.read_bytes().index(b'"r%d"' % number)
        assert max(done) > end

    await asyncio.gather(*(one(i) for i in range(100)))
    assert len(done) < 100


async def test_without_sync_there_is_none(log: AuditLog, syncs: list[int]) -> None:
    """An intent that need not survive the machine does not wait for the disk."""
    await log.intent(intent(), sync=False)

    assert syncs == []


async def test_key_is_made_once_and_whole(tmp_path: Path) -> None:
    """Whoever comes at the same time reads the same whole key; a damaged one is refused."""
    keys = await asyncio.gather(*(asyncio.to_thread(audit_key, tmp_path) for _ in range(8)))

    assert len(set(keys)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["key"]
    (tmp_path / "key").write_bytes(b"")
    with pytest.raises(AuditBusy, match="damaged"):
        audit_key(tmp_path)


Tamper = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lines: lines[:2] + lines[3:],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines[:2], lines[1], *lines[2:]],
        lambda lines: [lines[0], lines[1][:20] + b"\n", *lines[2:]],
        lambda lines: [*lines[:2], lines[2].replace(b"r1", b"r7"), *lines[3:]],
    ],
    ids=["drop", "swap", "copy", "cut", "change"],
)
async def test_tampering_on_disk_is_found(tmp_path: Path, tamper: Tamper) -> None:
    """The first segment of three, changed on disk, is named."""
    for _ in range(3):
        log = AuditLog(tmp_path, clock=CLOCK)
        for number in range(3):
            await log.intent(intent(number), sync=False)
        log.close()
    path = tmp_path / "0-00000001.jsonl"

    path.write_bytes(b"".join(tamper(path.read_bytes().splitlines(keepends=True))))

    assert [f.segment for f in verify_directory(tmp_path)[2]] == [path.name]


async def test_a_segment_is_on_the_disk_before_the_next_is_begun(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut no segment but the last may lack its end: nobody would have declared it."""
    order: list[tuple[str, str]] = []
    sync, begin = SegmentFile.sync, SegmentFile.__init__

    def syncing(self: SegmentFile) -> None:
        order.append(("sync", self.path.name))
        sync(self)

    def beginning(self: SegmentFile, path: Path, first_line: bytes) -> None:
        order.append(("begin", path.name))
        begin(self, path, first_line)

    monkeypatch.setattr(SegmentFile, "sync", syncing)
    monkeypatch.setattr(SegmentFile, "__init__", beginning)
    log._writer._rotation = Rotation(size_bytes=1)
    log._writer.rotate()

    assert order == [("sync", "0-00000001.jsonl"), ("begin", "0-00000002.jsonl")]
