# SPDX-License-Identifier: Apache-2.0
"""Slow calls in a thread of their own, one at a time, shared by all who wait for one.

Theory of operation
-------------------
Rule 1. Whoever asks is served by a run that *starts* after the question: one that comes while a
        run is under way waits for the next, together with all who came meanwhile (group commit).
Rule 2. A question that finds the lane idle starts a run at once. Under load it is never idle.
Rule 3. A run that takes longer than `stall_s` has stalled: all who wait are refused at once, and
        so is everyone who comes, until it returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import cached_property
from queue import SimpleQueue
from typing import Any

Job = Callable[[], str]


class Stalled(Exception):
    """The call is not done in time, or failed; the text says which."""


class DiskThread:
    """A thread for calls that may hang, in their order. It starts with the first one.

    It is a daemon: a call that never returns holds up neither the loop nor the end of the process.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def call(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """Run something in the thread, after what it was given before; no bound in time."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def job() -> None:
            result, error = None, None
            try:
                result = work()
            except Exception as problem:
                error = problem
            _tell(loop, _settle, future, result, error)

        self._put(job)
        return future

    def finish(self, work: Callable[[], None], timeout_s: float) -> bool:
        """Run the last job and end the thread; whether it was done in time. Blocks."""
        done = threading.Event()

        def job() -> None:
            try:
                work()
            finally:
                done.set()

        self._put(job)
        self.stop()
        return done.wait(timeout_s)

    def stop(self) -> None:
        """End the thread when what it was given is done."""
        self._jobs.put(None)

    def _put(self, job: Callable[[], None]) -> None:
        if not self._thread.ident:
            self._thread.start()
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class Lane(DiskThread):
    """Runs what `prepare` makes for it. All methods are for one event loop."""

    def __init__(
        self,
        name: str,
        prepare: Callable[[], Job],
        *,
        stall_s: float,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """`prepare` is called on the loop before each run; the job it returns runs in the thread.

        A job returns "" or what went wrong. `ended` is called on the loop after each run.
        """
        super().__init__(name)
        self._prepare = prepare
        self._ended = ended
        self._stall_s = stall_s
        self._waiting: list[asyncio.Future[None]] = []
        self._served: list[asyncio.Future[None]] = []
        self._is_due = False
        self._began_at: float | None = None
        self._watch: asyncio.TimerHandle | None = None
        self.is_stalled = False

    def ask(self) -> asyncio.Future[None]:
        """Done when a run that starts from now on is; fails with Stalled. Wakes the lane."""
        future = self._loop.create_future()
        if self.is_stalled:
            future.set_exception(Stalled("the disk does not answer"))
        else:
            self._waiting.append(future)
            self.wake()
        return future

    def wake(self) -> None:
        """See to it that a run starts after this."""
        if not self._is_due:
            self._is_due = True
            if self._began_at is None:
                self._start()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def stop(self) -> None:
        """End the thread when what it was given is done, and watch it no longer."""
        if self._watch is not None:
            self._watch.cancel()
        super().stop()

    def _start(self) -> None:
        loop = self._loop
        self._is_due = False
        self._served, self._waiting = self._waiting, []
        run = self._prepare()
        self._began_at = loop.time()
        if self._watch is None:
            self._watch = loop.call_later(self._stall_s, self._look)

        def job() -> None:
            try:
                problem = run()
            except Exception as error:  # a fault of ours must refuse, not hang those who wait
                problem = type(error).__name__
            _tell(loop, self._finish, problem)

        self._put(job)

    def _finish(self, problem: str) -> None:
        self._began_at = None
        self.is_stalled = False
        served, self._served = self._served, []
        _answer(served, problem)
        self._ended()
        if self._is_due:
            self._start()

    def _look(self) -> None:
        """Rule 3, by one timer that is set anew only once each `stall_s`."""
        self._watch = None
        if self._began_at is None:
            return
        loop = self._loop
        left_s = self._began_at + self._stall_s - loop.time()
        if left_s > 0:
            self._watch = loop.call_later(left_s, self._look)
            return
        self.is_stalled = True
        refused = self._served + self._waiting
        self._served, self._waiting = [], []
        _answer(refused, "the disk does not answer in time")
        self._ended()


def _answer(futures: list[asyncio.Future[None]], problem: str) -> None:
    for future in futures:
        if future.done():  # whoever waited has left
            continue
        if problem:
            future.set_exception(Stalled(problem))
        else:
            future.set_result(None)


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[..., None], *arguments: Any) -> None:
    # A loop that is closed has nobody left to tell.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(what, *arguments)
