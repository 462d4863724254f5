# SPDX-License-Identifier: Apache-2.0
"""What the server does once a second beside its requests.

Rules
1. It writes down that the event loop gets on.
2. A process whose private memory has grown beyond its bound is to be started anew, but only when
   it has been idle for `IDLE_S`: nobody's answer is cut.
3. The bound lies above what the model needs with a full context, so a start does not cross it by
   itself. It lies below the hard limit, where allocations fail.
4. Where the engine's thread has ended, nobody would ever be answered: the process ends at once.
5. A model file that was written to under its map gives other answers, or none and SIGBUS where it
   became shorter; so does that of a model that drafts. The process ends at once: the next one
   checks the file before it loads it. A file that was replaced by another of its name is no
   concern: the map is of the old one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local_engine.engine import Engine
from local_engine.heartbeat import LOOP_BOUND_S, Cell, Heart
from local_engine.resident import ResidentMemory

IDLE_S = 3.0
PERIOD_S = 1.0


@dataclass(frozen=True, slots=True)
class FileMark:
    """A file as it was when it was checked."""

    path: Path
    identity: tuple[int, int]
    state: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> FileMark:
        """The file as it is; raises OSError."""
        details = path.stat()
        return cls(path, (details.st_dev, details.st_ino), (details.st_size, details.st_mtime_ns))

    def was_written(self) -> bool:
        """Whether this very file, not a successor of its name, has changed."""
        try:
            now = FileMark.of(self.path)
        except OSError:
            return False
        return now.identity == self.identity and now.state != self.state


class Upkeep:
    """`tick` it; `idle_s` says for how long no request has been seen."""

    def __init__(
        self,
        engine: Engine,
        heart: Heart,
        memory: ResidentMemory,
        *,
        bound_bytes: int | None,
        model: FileMark | None = None,
        draft: FileMark | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._heart = heart
        self._memory = memory
        self._bound_bytes = bound_bytes
        self._files = tuple(mark for mark in (model, draft) if mark is not None)
        self._clock = clock
        self._busy_at = clock()

    def tick(self) -> str:
        """Beat; why this process should be replaced now, "" when it should not."""
        self._heart.promise(Cell.LOOP, LOOP_BOUND_S)
        status = self._engine.status()
        if status.busy or status.queued or status.embedding or not status.is_ready:
            self._busy_at = self._clock()
        if status.fault:
            return f"the engine's thread has ended ({status.fault})"
        if any(mark.was_written() for mark in self._files):
            return "the model file has been written to"
        if self.has_outgrown() and self.idle_s() >= IDLE_S:
            return "memory has grown beyond its bound"
        return ""

    def idle_s(self) -> float:
        """Seconds since the last tick that saw a request."""
        return self._clock() - self._busy_at

    def has_outgrown(self) -> bool:
        """Whether private memory is over its bound."""
        bound = self._bound_bytes
        return bound is not None and self._memory.private_bytes() > bound
