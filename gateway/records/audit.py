# SPDX-License-Identifier: Apache-2.0
"""The audit log of one worker: intents before egress, outcomes after.

An intent is in the file before its connection opens, so it survives the death of the process;
with `sync=True` it is on the disk too (fdatasync), and so survives the machine. Writes and syncs
are shared by all who wait and run in threads of their own (lane.py): a file system that hangs
does not hang the gateway. Outcomes gate nothing: they are buffered and go out with the next
intent, or within `flush_s`.

When a write fails or stalls, the log is unhealthy: intents raise AuditUnavailable (so nothing
leaves) and readiness is false. A fresh segment is tried after `retry_s`, by the next intent or by
itself: a gateway that is not ready gets no requests that could wake it. Outcomes that the buffer
cannot hold meanwhile are dropped, which is on record as soon as it heals (losses.py).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from gateway.errors import AuditUnavailable
from gateway.records.chain import Entry, Fault
from gateway.records.checkpoint import Checkpoint
from gateway.records.custody import AuditBusy, audit_key, lock, pseudonyms, signing_key
from gateway.records.lane import Job, Lane, Stalled
from gateway.records.losses import Losses
from gateway.records.segment import segments
from gateway.records.verification import verify_directory
from gateway.records.writer import Rotation, Writer

__all__ = ["AuditBusy", "AuditLog", "Entry", "Fault", "segments", "verify_directory"]

_BUFFER_RECORDS = 10_000
_CLOSE_S = 2.0


class AuditLog:
    """Appends sealed records. All methods run on one event loop."""

    def __init__(  # noqa: PLR0913  one for each bound and each clock
        self,
        directory: Path,
        *,
        clock: Callable[[], float],
        worker: int = 0,
        stall_s: float = 0.25,
        flush_s: float = 0.2,
        retry_s: float = 1.0,
        rotation: Rotation | None = None,
        timer: Callable[[], float] = time.monotonic,
        count_dropped: Callable[[], None] = lambda: None,
    ) -> None:
        """`clock` dates the records; `timer` measures, whatever happens to the wall clock.

        `count_dropped` is told of each record that is dropped.
        """
        self._clock = clock
        self._flush_s = flush_s
        self._retry_s = retry_s
        self._pending: list[Entry] = []
        self._left: Sequence[Entry] = ()
        self._awaited: set[int] = set()  # ids of the entries that somebody waits for
        self._too_long: set[int] = set()  # and of those among them that fit no record
        self._wake: asyncio.TimerHandle | None = None
        self._is_rotating = False
        self._count_dropped = count_dropped
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = audit_key(directory)
        self._signing_key = signing_key(directory)
        self.pseudonym = pseudonyms(key)
        self._covered = 0
        self._lock_fd = lock(directory / f"{worker}.lock")
        try:
            self._writer = Writer(
                directory,
                worker,
                key,
                self._signing_key,
                clock=clock,
                timer=timer,
                retry_s=retry_s,
                rotation=rotation or Rotation(),
            )
        except BaseException:
            os.close(self._lock_fd)
            raise
        self._losses = Losses(self._writer.series.pairing)
        self._writes = Lane("audit-write", self._batch, stall_s=stall_s, ended=self._written)
        self._syncs = Lane("audit-sync", lambda: self._synced, stall_s=stall_s)

    @property
    def is_healthy(self) -> bool:
        """Whether the last write reached the file, and the disk answers in time."""
        return not (self._writer.problem or self._writes.is_stalled or self._syncs.is_stalled)

    async def intent(self, entry: Entry, *, sync: bool) -> None:
        """Record before egress; raises AuditUnavailable when that cannot be done in time."""
        writer = self._writer
        if self._writes.is_stalled or self._syncs.is_stalled:
            _refuse("the disk does not answer")
        if writer.problem and not writer.is_retry_due:
            self._wake_in(self._retry_s)
            _refuse(writer.problem)
        self._pending.append(entry)
        self._awaited.add(id(entry))
        try:
            await self._writes.ask()
            if sync:
                await self._syncs.ask()
            if id(entry) in self._too_long:
                _refuse("it is longer than any record")
        except Stalled as problem:
            self._wake_in(self._retry_s)
            _refuse(str(problem))
        finally:
            self._awaited.discard(id(entry))
            self._too_long.discard(id(entry))

    async def note(self, entry: Entry) -> None:
        """Record something about the log itself, on the disk; raises AuditUnavailable."""
        await self.intent(entry, sync=True)

    def outcome(self, entry: Entry) -> None:
        """Record after the fact; never raises and never waits."""
        if len(self._pending) >= _BUFFER_RECORDS:
            self._losses.add(entry)
            self._count_dropped()
            return
        self._pending.append(entry)
        self._wake_in(self._flush_s)

    @property
    def dropped(self) -> int:
        """How many records found no room since the start."""
        return self._losses.total

    @property
    def records_since_checkpoint(self) -> int:
        """How many records no checkpoint covers yet."""
        return self._writer.series.tree.end - self._covered

    async def checkpoint(self) -> Checkpoint | None:
        """A checkpoint over all that is written, on the disk itself; None while that cannot be."""
        writer = self._writer
        if not self.is_healthy:
            return None
        made = await self._writes.call(partial(writer.checkpoint, self._signing_key))
        if not isinstance(made, Checkpoint):
            return None
        # The checkpoint's own record is no news.
        self._covered = 1 + next(h.size for h in made.heads if h.worker == made.worker)
        try:
            await self._syncs.ask()
            await self._writes.call(partial(writer.publish, made))
        except (Stalled, OSError):
            return None
        return made

    def rotate_if_due(self) -> None:
        """Close the segment and begin the next if it is large or old enough."""
        if self._writer.is_rotation_due and self.is_healthy and not self._is_rotating:
            self._is_rotating = True
            # Most of the segment goes to the disk beside the writes, which wait for the rest only.
            self._syncs.ask().add_done_callback(self._rotate)

    def close(self) -> None:
        """Write what is left and release the log; once is enough. Waits 2 s for a slow disk."""
        if self._lock_fd < 0:
            return
        if self._wake is not None:
            self._wake.cancel()
        self._writes.finish(partial(self._end, self._clock()), _CLOSE_S)
        self._syncs.stop()
        os.close(self._lock_fd)
        self._lock_fd = -1

    def _end(self, t: float) -> None:
        """In the thread, behind a batch that the loop may not have heard of."""
        left = self._losses.returned(self._left)
        entries = [*(entry for entry in left if not self._is_gate(entry)), *self._pending]
        self._writer.close(entries, {"t": t, "event": "close", "dropped": self._losses.untold})

    def _wake_in(self, seconds: float) -> None:
        if self._wake is None and self._lock_fd >= 0:
            self._wake = asyncio.get_running_loop().call_later(seconds, self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._writes.wake()

    def _batch(self) -> Job:
        entries, self._pending = self._pending, []
        self._losses.take_along(entries, self._clock())
        return partial(self._record, entries)

    def _record(self, entries: list[Entry]) -> str:
        self._left = self._writer.write(entries)
        return self._writer.problem

    def _written(self) -> None:
        left, self._left = self._left, ()
        if left and not self._writer.problem:
            left = self._give_up(left)
        if not self._writes.is_stalled:
            left = self._losses.returned(left)
        if left or self._writes.is_stalled:
            # What was refused to whoever waited is not kept: it will not happen.
            kept = [*left, *self._pending]
            self._pending = [entry for entry in kept if not self._is_gate(entry)]
        if self._writer.problem:
            self._wake_in(self._retry_s)
        else:
            self.rotate_if_due()

    def _give_up(self, too_long: Sequence[Entry]) -> Sequence[Entry]:
        """Refuse or drop, as a loss, what fits no record; nothing of it is left to be written."""
        for entry in too_long:
            if id(entry) in self._awaited:
                self._too_long.add(id(entry))
            elif not self._is_gate(entry):
                self._losses.add(entry)
                self._count_dropped()
                self._wake_in(self._flush_s)
        return ()

    def _is_gate(self, entry: Entry) -> bool:
        """Whether something happens only once this is on record."""
        return entry["event"] == "intent" or id(entry) in self._awaited

    def _rotate(self, synced: asyncio.Future[None]) -> None:
        if synced.exception() is None:
            self._writes.call(self._writer.rotate).add_done_callback(self._rotated)
        else:
            self._is_rotating = False

    def _rotated(self, _: asyncio.Future[None]) -> None:
        self._is_rotating = False

    def _synced(self) -> str:
        try:
            self._writer.sync()
        except OSError as error:
            return error.strerror or str(error)
        return ""


def _refuse(problem: str) -> NoReturn:
    raise AuditUnavailable(f"the audit log cannot be written ({problem}); nothing may leave")
