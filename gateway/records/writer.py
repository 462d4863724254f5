# SPDX-License-Identifier: Apache-2.0
"""Writes one worker's series into its segments. All of it, save `sync`, runs in one thread.

A file system may hang for ever in any call here, so no call is made on the event loop (audit.py).

States
------
1. *open*: a segment takes lines. An error, a short write, or a file that somebody deleted,
   replaced or changed leads to *failed*; what the disk took whole is on record all the same.
2. *failed*: nothing is taken until `retry_s` has passed; then a fresh segment is tried, which
   leads to *open*, or to *failed* anew. The fresh one's `open` says what happened.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.records.chain import Entry, Seal
from gateway.records.checkpoint import Checkpoint
from gateway.records.custody import AuditBusy, put_back
from gateway.records.segment import (
    LONGEST_LINE_BYTES,
    SegmentFile,
    SegmentLost,
    clear_unfinished,
    read_lines,
    segment_name,
    segments,
)
from gateway.records.series import Cause, Head, Series, begun, name_after, torn_digest


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a segment is closed and the next one begun."""

    size_bytes: int = 64 * 1024 * 1024
    age_s: float = 86_400.0


class Writer:
    """The series of one worker, on disk. `problem` is "" while it can be written."""

    def __init__(
        self,
        directory: Path,
        worker: int,
        key: bytes,
        signer: Ed25519PrivateKey,
        *,
        clock: Callable[[], float],
        timer: Callable[[], float],
        retry_s: float,
        rotation: Rotation,
    ) -> None:
        """Opens a segment; raises OSError, or AuditBusy when the last one says nothing."""
        self._directory = directory
        self._worker = worker
        self._key = key
        self._signer = signer
        self._clock = clock
        self._timer = timer
        self._retry_s = retry_s
        self._rotation = rotation
        self._swap = threading.Lock()
        self._is_sync_lost = False
        self.problem = ""
        self._failed_at = 0.0
        clear_unfinished(directory, worker)
        existing = segments(directory, worker)
        previous = segment_name(existing[-1]) if existing else ""
        self.series, torn = recover(Seal(key), existing)
        self._segment = self._create(previous, torn, "start")

    def write(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Put entries on record, all in one system call; returns those that are not, if any.

        With no `problem` after it, these are too long for any record and never will be.
        """
        lines: list[bytes] = []
        too_long: Sequence[Entry] = ()
        try:
            if self.problem:
                self._reopen()
            if entries:
                entries, lines, too_long = self._sealed(entries)
                self._segment.append(b"".join(lines))
        except OSError as error:
            taken = self._taken_lines(lines, error)
            self._fail(error)
        else:
            taken = len(lines)
        self.series.commit(entries[:taken], lines[:taken])
        return [*entries[taken:], *too_long]

    def _sealed(
        self, entries: Sequence[Entry]
    ) -> tuple[Sequence[Entry], list[bytes], Sequence[Entry]]:
        """The entries that fit a record, their lines, and those that nobody could read again."""
        try:
            lines = self.series.seal(entries)
        except TypeError:  # one of them holds what JSON does not have
            fit: list[Entry] = []
            unfit: list[Entry] = []
            for entry in entries:
                (fit if self._is_fit(entry) else unfit).append(entry)
            fitting, lines, too_long = self._sealed(fit) if fit else ((), [], ())
            return fitting, lines, [*too_long, *unfit]
        if len(max(lines, key=len)) <= LONGEST_LINE_BYTES:
            return entries, lines, ()
        sized = list(zip(entries, map(len, lines), strict=True))
        # A line also has its number, which may have one digit more or less in another place.
        fitting = [entry for entry, size in sized if size < LONGEST_LINE_BYTES]
        too_long = [entry for entry, size in sized if size >= LONGEST_LINE_BYTES]
        return fitting, self.series.seal(fitting), too_long

    def _is_fit(self, entry: Entry) -> bool:
        try:
            self.series.seal([entry])
        except TypeError:
            return False
        return True

    @property
    def is_retry_due(self) -> bool:
        """Whether enough time has passed since the last failure."""
        return self._timer() - self._failed_at >= self._retry_s

    @property
    def is_rotation_due(self) -> bool:
        """Whether the segment is large or old enough to be closed."""
        segment, limit = self._segment, self._rotation
        is_old = self._timer() - self._opened_at >= limit.age_s
        return segment.size >= limit.size_bytes or (is_old and segment.size > self._opening_bytes)

    def rotate(self) -> None:
        """Close the segment and begin the next one, if that is due."""
        if self.problem or not self.is_rotation_due:
            return
        try:
            # First: after a power cut no segment but the last may lack its end.
            self._segment.sync()
            self._replace(self._create(segment_name(self._segment.path), b"", "rotation"))
        except OSError as error:
            self._fail(error)

    def sync(self) -> None:
        """Force all that is written to the disk; raises OSError. Safe in a thread of its own."""
        try:
            self._sync()
        except OSError as error:
            # After a failed sync the same file may claim success: only a fresh one is trusted.
            if not self.problem:
                self._fail(error)
            raise

    def _sync(self) -> None:
        with self._swap:
            fd = self._segment.duplicate()
            is_lost, self._is_sync_lost = self._is_sync_lost, False
        try:
            if self.problem:
                raise OSError(self.problem)
            if is_lost:
                raise OSError("the segment before could not be forced to disk")
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def checkpoint(self, key: Ed25519PrivateKey) -> Checkpoint | None:
        """State how far this worker has come, and the others as they last said, in the log itself.

        None when it could not be written. To be shown to others only after a `sync`.
        """
        heads = [head for head in published(self._directory) if head.worker != self._worker]
        heads.append(self.series.head(self._worker))
        made = Checkpoint.sign(key, heads, worker=self._worker, t=self._clock())
        return None if self.write([{"event": "checkpoint", **made.to_json()}]) else made

    def publish(self, checkpoint: Checkpoint) -> None:
        """Let the other workers see it; raises OSError."""
        path = self._directory / f"{self._worker}.checkpoint"
        fresh = path.with_suffix(".new")
        fresh.write_bytes(checkpoint.to_line())
        fresh.replace(path)

    def close(self, entries: Sequence[Entry], closing: Entry) -> None:
        """Write the last records, as far as the disk lets us, and release the file."""
        self.write(entries)
        self.write([{**closing, "lost": self.series.pairing.lose()}])
        with contextlib.suppress(OSError):
            self.sync()
        self._segment.close()

    def _fail(self, error: OSError) -> None:
        self.problem = error.strerror or str(error) or "write failed"
        self._failed_at = self._timer()

    def _taken_lines(self, lines: Sequence[bytes], error: OSError) -> int:
        """How many lines the failed write put into the file; notes what is torn behind them."""
        if not lines:  # it was the fresh segment that failed: the old one stays as it is
            return 0
        self._torn = b"" if isinstance(error, SegmentLost) else self._segment.taken()
        for number, line in enumerate(lines):
            if not self._torn.startswith(line):
                return number
            self._torn = self._torn[len(line) :]
        return len(lines)

    def _reopen(self) -> None:
        if not self.is_retry_due:
            raise OSError(self.problem)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        put_back(self._directory, self._key, self._signer)
        segment = self._create(segment_name(self._segment.path), self._torn, "fault")
        try:
            self._segment.sync()
        except OSError:
            self._is_sync_lost = True  # whoever waits for records in it must not be told "done"
        self._replace(segment)
        self.problem = ""

    def _create(self, previous: str, torn: bytes, cause: Cause) -> SegmentFile:
        entry: Entry = {
            "t": self._clock(),
            "event": "open",
            "worker": self._worker,
            "previous": previous,
            "torn_bytes": len(torn),
            **self.series.opening(cause),
        }
        if torn:
            entry["torn_digest"] = torn_digest(torn)
        if self.problem:
            entry["problem"] = self.problem
        (line,) = self.series.seal([entry])
        if len(line) > LONGEST_LINE_BYTES:
            raise OSError("too many requests are under way for an `open` record")
        segment = SegmentFile(self._directory / name_after(self._worker, previous), line)
        self.series.commit([entry], [line])
        self._torn = b""
        self._opened_at = self._timer()
        self._opening_bytes = len(line)
        return segment

    def _replace(self, segment: SegmentFile) -> None:
        with self._swap:
            old, self._segment = self._segment, segment
        old.close()


def published(directory: Path) -> list[Head]:
    """The head that each worker last published of itself; what cannot be read is left out."""
    heads = []
    for path in directory.glob("*.checkpoint"):
        with contextlib.suppress(OSError, ValueError):
            made = Checkpoint.from_json(orjson.loads(path.read_bytes()))
            heads += [head for head in made.heads if head.worker == made.worker]
    return heads


def recover(seal: Seal, existing: Sequence[Path]) -> tuple[Series, bytes]:
    """The series at the end of a worker's last segment, and the bytes torn off behind it.

    Nothing is verified here. Raises OSError, or AuditBusy when no record is left to go on from.
    """
    if not existing:
        return Series(seal), b""
    series: Series | None = None
    torn = b""
    try:
        for line in read_lines(existing[-1]):
            if not line.endswith(b"\n"):
                torn = line
            elif series is None:
                series = begun(seal, line)
            else:
                series.pass_by(line)
    except ValueError as error:
        raise AuditBusy(f"{existing[-1]}: {error}; move it away and start again") from None
    if series is None:
        raise AuditBusy(f"{existing[-1]} holds no complete record; move it away and start again")
    return series, torn
