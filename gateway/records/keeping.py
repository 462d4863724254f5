# SPDX-License-Identifier: Apache-2.0
"""What is done for the log beside the requests: checkpoints, anchors, rotation, compression.

Rules
-----
1. A checkpoint is made when there is something new and it is `checkpoint_s` or
   `checkpoint_records` since the last one. It is on the disk before it is shown to anybody.
2. Each anchor is sent the newest checkpoint that it does not have. One that fails is tried again
   every `_RETRY_S`, one that hangs is left to itself; nothing is refused because of either.
3. Closed segments are compressed, and deleted when they are older than `retention_s`, which is on
   record before it is done (archive.py). What fails is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from gateway.errors import AuditUnavailable
from gateway.records.anchors import Anchor, AnchorFailed
from gateway.records.archive import Archive
from gateway.records.audit import AuditLog
from gateway.records.checkpoint import Checkpoint

_log = structlog.get_logger()
_TICK_S = 1.0
_RETRY_S = 10.0
_TIDY_S = 60.0
_PATIENCE_S = 5.0
_FAREWELL_S = 3.0


@dataclass(frozen=True, slots=True)
class Pace:
    """When a checkpoint is due: after so many seconds or records, whichever comes first."""

    seconds: float = 60.0
    records: int = 10_000


@dataclass(frozen=True, slots=True)
class Shelf:
    """What happens to closed segments."""

    archive: Archive
    retention_s: float
    compresses: bool = True


class Keeper:
    """Looks after one worker's log."""

    def __init__(
        self,
        audit: AuditLog,
        anchors: Sequence[Anchor],
        pace: Pace,
        shelf: Shelf,
        *,
        clock: Callable[[], float],
        timer: Callable[[], float],
    ) -> None:
        """`clock` is held against the dates in the records; `timer` measures."""
        self._audit = audit
        self._anchors = anchors
        self._pace = pace
        self._shelf = shelf
        self._clock = clock
        self._timer = timer
        self._tidied_at = timer()
        self._last_at = timer()
        self._due: dict[Anchor, Checkpoint] = {}  # what each has not got
        self._retry_at: dict[Anchor, float] = {}
        self._sending: dict[Anchor, asyncio.Task[None]] = {}

    @property
    def failing(self) -> int:
        """How many anchors refused the last checkpoint they were sent, or have not answered."""
        return len({*self._retry_at, *self._sending})

    async def run(self) -> None:
        """Tick for ever, until cancelled. A fault in one tick must not end all later ones."""
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                await self.tick()
            except Exception as error:
                _log.error("audit_keeper_failed", type=type(error).__name__)

    async def tick(self) -> None:
        """Do what is due."""
        self._audit.rotate_if_due()
        news, waited_s = self._audit.records_since_checkpoint, self._timer() - self._last_at
        if news and (news >= self._pace.records or waited_s >= self._pace.seconds):
            await self.checkpoint()
        await self._send()
        if self._timer() - self._tidied_at >= _TIDY_S:
            self._tidied_at = self._timer()
            await self.tidy()

    async def tidy(self) -> None:
        """Compress and retire what is due."""
        archive = self._shelf.archive
        try:
            if self._shelf.compresses:
                await asyncio.to_thread(archive.compress)
            now = self._clock()
            expired = await asyncio.to_thread(archive.expired, now - self._shelf.retention_s)
            if expired is not None:
                await self._audit.note(expired.to_entry(now))
                await asyncio.to_thread(archive.delete, expired)
        except (OSError, AuditUnavailable) as error:
            _log.error("audit_not_tidied", problem=str(error))

    async def checkpoint(self) -> None:
        """Make a checkpoint now; nothing happens while the log cannot be written."""
        self._last_at = self._timer()
        checkpoint = await self._audit.checkpoint()
        if checkpoint is not None:
            self._due = dict.fromkeys(self._anchors, checkpoint)

    async def finish(self) -> None:
        """One last checkpoint, sent to whoever takes it soon; then the anchors are closed."""
        self._retry_at.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                if self._audit.records_since_checkpoint:
                    await self.checkpoint()
                await self._send()
        for task in tuple(self._sending.values()):
            task.cancel()
        await asyncio.gather(*(anchor.close() for anchor in self._anchors), return_exceptions=True)

    async def _send(self) -> None:
        """Send what is due; whoever takes longer than `_PATIENCE_S` goes on by itself."""
        now = self._timer()
        begun = [
            self._begin(anchor)
            for anchor in self._anchors
            if anchor in self._due
            and anchor not in self._sending
            and self._retry_at.get(anchor, now) <= now
        ]
        if begun:
            await asyncio.wait(begun, timeout=_PATIENCE_S)

    def _begin(self, anchor: Anchor) -> asyncio.Task[None]:
        task = self._sending[anchor] = asyncio.create_task(self._put(anchor))
        task.add_done_callback(lambda _: self._sending.pop(anchor))
        return task

    async def _put(self, anchor: Anchor) -> None:
        checkpoint = self._due[anchor]
        try:
            await anchor.put(checkpoint)
        except AnchorFailed as problem:
            if anchor not in self._retry_at:
                _log.error("audit_anchor_failed", anchor=anchor.name, problem=str(problem))
            self._retry_at[anchor] = self._timer() + _RETRY_S
            return
        self._retry_at.pop(anchor, None)
        if self._due.get(anchor) is checkpoint:
            del self._due[anchor]
