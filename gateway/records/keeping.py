# SPDX-License-Identifier: Apache-2.0
"""What is done for the log beside the requests: checkpoints, anchors, rotation, compression.

Rules
-----
1. A checkpoint is made when there is something new and it is `checkpoint_s` or
   `checkpoint_records` since the last one. It is on the disk before it is shown to anybody.
2. Each anchor is sent the newest checkpoint that it does not have. One that fails is tried again
   with every tick of `_RETRY_S`; nothing else waits for it, and nothing is refused because of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from gateway.records.anchors import Anchor, AnchorFailed
from gateway.records.audit import AuditLog
from gateway.records.checkpoint import Checkpoint

_log = structlog.get_logger()
_TICK_S = 1.0
_RETRY_S = 10.0
_FAREWELL_S = 3.0


@dataclass(frozen=True, slots=True)
class Pace:
    """When a checkpoint is due: after so many seconds or records, whichever comes first."""

    seconds: float = 60.0
    records: int = 10_000


class Keeper:
    """Looks after one worker's log."""

    def __init__(
        self,
        audit: AuditLog,
        anchors: Sequence[Anchor],
        pace: Pace,
        *,
        timer: Callable[[], float],
    ) -> None:
        self._audit = audit
        self._anchors = anchors
        self._pace = pace
        self._timer = timer
        self._last_at = timer()
        self._due: dict[Anchor, Checkpoint] = {}  # what each has not got
        self._retry_at: dict[Anchor, float] = {}

    @property
    def failing(self) -> int:
        """How many anchors refused the last checkpoint that they were sent."""
        return len(self._retry_at)

    async def run(self) -> None:
        """Tick for ever, until cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            await self.tick()

    async def tick(self) -> None:
        """Do what is due."""
        self._audit.rotate_if_due()
        news, waited_s = self._audit.records_since_checkpoint, self._timer() - self._last_at
        if news and (news >= self._pace.records or waited_s >= self._pace.seconds):
            await self.checkpoint()
        await self._send()

    async def checkpoint(self) -> None:
        """Make a checkpoint now; nothing happens while the log cannot be written."""
        self._last_at = self._timer()
        checkpoint = await self._audit.checkpoint()
        if checkpoint is not None:
            self._due = dict.fromkeys(self._anchors, checkpoint)

    async def finish(self) -> None:
        """One last checkpoint, sent to whoever takes it soon; then the anchors are closed."""
        if self._audit.records_since_checkpoint:
            await self.checkpoint()
        self._retry_at.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._send(), _FAREWELL_S)
        await asyncio.gather(*(anchor.close() for anchor in self._anchors), return_exceptions=True)

    async def _send(self) -> None:
        now = self._timer()
        ready = [a for a in self._anchors if a in self._due]
        await asyncio.gather(*(self._put(a) for a in ready if self._retry_at.get(a, now) <= now))

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
