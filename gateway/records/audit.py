# SPDX-License-Identifier: Apache-2.0
"""The audit log on disk: intents before egress, outcomes after, one chained file per worker.

An intent is written to the file before its connection opens, so it survives the death of the
process; with `sync=True` it is on the disk too (fdatasync), and so survives the machine. Syncs
are shared: everyone who waits while one runs is served by the next (group commit). Outcomes
gate nothing: they are buffered and go out with the next intent, or within `flush_s`.

When a write fails, the log is unhealthy: intents raise AuditUnavailable (so nothing leaves) and
readiness is false. A fresh segment is tried after `retry_s`, by the next intent or by itself: a
gateway that is not ready gets no requests that could wake it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from gateway.errors import AuditUnavailable
from gateway.records.chain import GENESIS, Entry, Fault, Link, last_link, seal, verify

_BUFFER_RECORDS = 10_000
_KEY_BYTES = 32
_TAIL_BYTES = 1024 * 1024


class AuditBusy(Exception):
    """The log cannot be opened: another process writes it, or its files are damaged."""


class AuditLog:
    """Appends sealed records. All methods run on one event loop."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: Callable[[], float],
        worker: int = 0,
        sync_timeout_s: float = 0.25,
        flush_s: float = 0.2,
        retry_s: float = 1.0,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` dates the records; `timer` measures, whatever happens to the wall clock."""
        self._directory = directory
        self._clock = clock
        self._worker = worker
        self._sync_timeout_s = sync_timeout_s
        self._flush_s = flush_s
        self._retry_s = retry_s
        self._timer = timer
        # Threads of its own: scans of long prompts may fill the loop's shared ones.
        self._syncer = ThreadPoolExecutor(2, "audit")
        self._pending: list[Entry] = []
        self._link = Link(0, GENESIS)
        self._fd = -1
        self._failed_at: float | None = None
        self._sync: asyncio.Task[None] | None = None
        self._next_sync: asyncio.Task[None] | None = None
        self._flush: asyncio.TimerHandle | None = None
        self.dropped = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key = audit_key(directory)
        self._lock_fd = _lock(directory / f"{worker}.lock")
        self._open_segment()

    @property
    def is_healthy(self) -> bool:
        """Whether the last write reached the file."""
        return self._failed_at is None

    async def intent(self, entry: Entry, *, sync: bool) -> None:
        """Record before egress; raises AuditUnavailable when that cannot be done in time."""
        self._pending.append(entry)
        self._write()
        if sync:
            await self._durable()

    def outcome(self, entry: Entry) -> None:
        """Record after the fact; never raises and never waits."""
        if len(self._pending) >= _BUFFER_RECORDS:
            self.dropped += 1
            return
        self._pending.append(entry)
        self._wake_in(self._flush_s)

    def close(self) -> None:
        """Write what is left and release the log; once is enough."""
        if self._lock_fd < 0:
            return
        self._pending.append({"t": self._clock(), "event": "close", "dropped": self.dropped})
        with contextlib.suppress(AuditUnavailable):
            self._write()
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.fdatasync(self._fd)
        # After the last write, which wakes again when it fails.
        if self._flush is not None:
            self._flush.cancel()
        self._syncer.shutdown(wait=False)
        self._close_segment()
        os.close(self._lock_fd)
        self._lock_fd = -1

    def _wake_in(self, seconds: float) -> None:
        if self._flush is None:
            loop = asyncio.get_running_loop()
            self._flush = loop.call_later(seconds, self._flush_quietly)

    def _flush_quietly(self) -> None:
        self._flush = None
        with contextlib.suppress(AuditUnavailable):
            self._write()

    def _write(self) -> None:
        """Seal and write all that is pending, in one system call."""
        if self._failed_at is not None:
            self._reopen()
        if not self._pending:
            return
        lines: list[bytes] = []
        link = self._link
        for entry in self._pending:
            line, link = seal(self._key, link, entry)
            lines.append(line)
        data = b"".join(lines)
        try:
            if os.write(self._fd, data) != len(data):
                self._fail("the disk took only part of a record")
        except OSError as error:
            self._fail(error.strerror or "write failed")
        self._link = link
        self._pending.clear()

    def _fail(self, problem: str) -> NoReturn:
        self._failed_at = self._timer()
        self._refuse(problem)

    def _refuse(self, problem: str) -> NoReturn:
        # The intent that could not be written is not kept: its request will not go out.
        self._pending = [e for e in self._pending if e["event"] != "intent"]
        self._wake_in(self._retry_s)
        raise AuditUnavailable(f"the audit log cannot be written ({problem}); nothing may leave")

    def _reopen(self) -> None:
        assert self._failed_at is not None
        if self._timer() - self._failed_at < self._retry_s:
            self._refuse("it failed a moment ago")
        self._close_segment()
        try:
            self._open_segment()
        except OSError as error:
            self._fail(error.strerror or "no new segment")
        except AuditBusy:
            self._fail("its last segment was emptied")
        self._failed_at = None

    async def _durable(self) -> None:
        """Wait for an fdatasync that starts after now."""
        if self._sync is None or self._sync.done():
            task = self._sync = asyncio.create_task(self._fdatasync())
        else:
            if self._next_sync is None or self._next_sync.done():
                self._next_sync = asyncio.create_task(self._after(self._sync))
            task = self._next_sync
        try:
            await asyncio.wait_for(asyncio.shield(task), self._sync_timeout_s)
        except (OSError, TimeoutError):
            self._failed_at = self._timer()
            self._wake_in(self._retry_s)
            raise AuditUnavailable("the audit log's disk does not answer in time") from None

    async def _after(self, running: asyncio.Task[None]) -> None:
        with contextlib.suppress(OSError):
            await asyncio.shield(running)
        self._sync, self._next_sync = self._next_sync, None
        await self._fdatasync()

    async def _fdatasync(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._syncer, os.fdatasync, self._fd)

    def _open_segment(self) -> None:
        existing = segments(self._directory, self._worker)
        previous, torn = "", 0
        self._link = Link(0, GENESIS)
        if existing:
            previous = existing[-1].name
            try:
                self._link, torn = last_link(_tail(existing[-1]))
            except ValueError:
                raise AuditBusy(
                    f"{existing[-1]} holds no complete record; move it away and start again"
                ) from None
        number = int(previous.split("-")[1].split(".")[0]) + 1 if previous else 1
        path = self._directory / f"{self._worker}-{number:08d}.jsonl"
        opening = {
            "t": self._clock(),
            "event": "open",
            "worker": self._worker,
            "previous": previous,
            "torn_bytes": torn,
        }
        line, link = seal(self._key, self._link, opening)
        self._fd, self._link = _new_file(path, line), link

    def _close_segment(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _new_file(path: Path, first_line: bytes) -> int:
    """A file descriptor at the end of a new segment.

    The segment gets its name only when its first record is on the disk: a crash in between must
    not leave a segment that says nothing.
    """
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=".segment-")
    try:
        if os.write(fd, first_line) != len(first_line):
            raise OSError("short write")
        os.fdatasync(fd)
        path.hardlink_to(name)
        return os.open(path, os.O_WRONLY | os.O_APPEND)
    finally:
        os.close(fd)
        Path(name).unlink(missing_ok=True)


def _tail(path: Path) -> bytes:
    """The end of a segment, large enough to hold its last record and what is torn behind it."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read()


def segments(directory: Path, worker: int) -> list[Path]:
    """One worker's segment files, oldest first."""
    return sorted(directory.glob(f"{worker}-*.jsonl"))


def verify_directory(directory: Path) -> tuple[int, int, list[Fault]]:
    """(records, segments, faults) over all workers; FileNotFoundError without a log or its key."""
    key = (directory / "key").read_bytes()
    workers = {p.name.split("-")[0] for p in directory.glob("[0-9]*-*.jsonl")}
    records, files, faults = 0, 0, []
    for worker in sorted(int(name) for name in workers if name.isdecimal()):
        paths = segments(directory, worker)
        files += len(paths)
        whole, fault = verify(key, ((p.name, p.read_bytes()) for p in paths))
        records += whole
        if fault:
            faults.append(fault)
    return records, files, faults


def audit_key(directory: Path) -> bytes:
    """The HMAC key beside the log, made on first use (mode 0600)."""
    path = directory / "key"
    if not path.exists():
        # Linked into place whole: another worker that starts now must not read half a key.
        fd, name = tempfile.mkstemp(dir=directory, prefix=".key-")
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(name)
        finally:
            Path(name).unlink()
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise AuditBusy(f"{path}: damaged; restore it, or move the whole log away")
    return key


def ensure_free(directory: Path, worker: int) -> None:
    """Raise AuditBusy while another process writes this worker's part of the log."""
    path = directory / f"{worker}.lock"
    if path.exists():
        os.close(_lock(path))


def _lock(path: Path) -> int:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise AuditBusy(
            f"another nearward writes to {path.parent}; stop it or set NEARWARD_STATE_DIR"
        ) from None
    return fd
