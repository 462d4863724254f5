# SPDX-License-Identifier: Apache-2.0
"""Who waits and who is served, over any backend.

Rules
1. One thread owns the backend: it loads, serves and closes. Other threads only tokenize (which
   reads the vocabulary) and touch the line under its lock.
2. A request is checked before it enters the line: the prompt fits, the line has room for it and
   its tenant, and its turn comes before its deadline, as far as can be foreseen.
3. Every accepted request gets exactly one `Done` or `Failed`, sent after its slot is free, or when
   the thread has ended.
4. A request that fails never ends the thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from local_engine.engine import Done, Failed, GenerationRequest
from local_engine.errors import EngineBusyError, EngineUnavailableError, LocalEngineError
from local_engine.fair_queue import FairQueue
from local_engine.figures import Figures
from local_engine.sequence import Sequence

Place = TypeVar("Place")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimits:
    """At most `waiting` requests in line, of these at most `per_tenant` of one tenant.

    Who has less than the usual priority, 0, finds half as many places: the others are kept for
    those who would pass them.
    """

    waiting: int = 32
    per_tenant: int = 24


class Line:
    """The requests between `submit` and their end. Any thread."""

    def __init__(
        self,
        limits: LineLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        figures: Figures | None = None,
    ) -> None:
        self._limits = limits or LineLimits()
        self._clock = clock
        self.figures = figures or Figures()
        self.slots = 1
        self._queue = FairQueue()
        self._active: set[Sequence] = set()
        self._changed = threading.Condition()
        self._is_closing = False

    @property
    def is_closing(self) -> bool:
        """Whether nothing is accepted any more."""
        return self._is_closing

    def counts(self) -> tuple[int, int]:
        """(served, waiting), without those that were cancelled in line."""
        with self._changed:
            return len(self._active), sum(not waits.is_cancelled() for waits in self._queue)

    def wait_s(self) -> float:
        """Estimate of how long a request that came now would wait for its slot, behind all."""
        busy, waiting = self.counts()
        return self._wait_behind_s(waiting, busy)

    def _wait_behind_s(self, waiting: int, busy: int) -> float:
        return self.figures.wait_s(waiting + max(0, busy + 1 - self.slots), self.slots)

    def enter(self, *sequences: Sequence) -> None:
        """Join at one moment, all or none; they are of one tenant and one priority.

        Raises EngineUnavailableError or EngineBusyError.
        """
        self.drop_unwanted()
        request, count = sequences[0].request, len(sequences)
        limit_s = request.deadline_s
        with self._changed:
            if self._is_closing:
                raise EngineUnavailableError("The on-device engine is stopping.")
            waiting, share = len(self._queue), 2 if request.priority < 0 else 1
            if (
                waiting + count > self._limits.waiting // share
                or self._queue.of_tenant(request.tenant) + count > self._limits.per_tenant // share
                or (limit_s is not None and self._turn_of_s(request) > limit_s)
            ):
                retry_after_s = self.figures.retry_after_s(self.slots)
                raise EngineBusyError(waiting=waiting, retry_after_s=retry_after_s)
            for sequence in sequences:
                self._queue.push(sequence)
            self._changed.notify()

    def _turn_of_s(self, request: GenerationRequest) -> float:
        """Estimate of how long this request would wait for its slot. Under the lock."""
        return self._wait_behind_s(self._queue.ahead_of(request), len(self._active))

    def take(self, place: Callable[[Sequence], Place | None]) -> tuple[Sequence, Place] | None:
        """The next request and its place; None when nobody waits or `place` has none for it.

        `place` is called under the line's lock.
        """
        self.drop_unwanted()
        with self._changed:
            head = self._queue.head()
            found = None if head is None else place(head)
            if head is None or found is None:
                return None
            self._queue.serve(head)
            self._active.add(head)
        head.start(self._clock())
        return head, found

    def wait(self) -> bool:
        """Until somebody waits; false when the line is closed and empty."""
        with self._changed:
            while not self._queue and not self._is_closing:
                self._changed.wait()
            return bool(self._queue)

    def end(self, sequence: Sequence, error: LocalEngineError | None = None) -> None:
        """A request has ended and its slot is free: send its last event."""
        with self._changed:
            if sequence not in self._active:
                return  # given up, and told so
            self._active.remove(sequence)
        if error is not None:
            self.send(sequence, Failed(error))
            return
        assert sequence.finish_reason is not None, "a backend ended a request before its end"
        usage, timings = sequence.usage(), sequence.timings(self._clock())
        self.figures.add(usage, timings)
        self.send(sequence, Done(sequence.finish_reason, usage, timings))

    def send(self, sequence: Sequence, event: Done | Failed) -> None:
        """Hand the last event over; a sink that fails is its owner's loss only."""
        try:
            sequence.sink(event)
        except Exception:
            sequence.cancel()

    def close(self) -> None:
        """Accept nothing more and cancel everything."""
        with self._changed:
            self._is_closing = True
            for sequence in (*self._queue, *self._active):
                sequence.cancel()
            self._changed.notify_all()

    def give_up(self, error: LocalEngineError) -> None:
        """Close, and end all with `error`: whoever served them is gone."""
        self.close()
        with self._changed:
            left = [*self._active, *self._queue]
            self._active.clear()
            for sequence in [*self._queue]:
                self._queue.remove(sequence)
        for sequence in left:
            self.send(sequence, Failed(error))

    def drop_unwanted(self) -> None:
        """End those in line whom nobody waits for; who asks and hangs up must not fill it."""
        now = self._clock()
        with self._changed:
            gone = [(waits, error) for waits in self._queue if (error := waits.unwanted(now))]
            for sequence, _ in gone:
                self._queue.remove(sequence)
        for sequence, error in gone:
            self.send(sequence, Failed(error))
