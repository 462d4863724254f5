# SPDX-License-Identifier: Apache-2.0
"""The circuit breaker of one destination: who fails again and again is left alone for a while.

A state machine without I/O; the clock is an argument. It only takes attempts out of a plan, never
puts one in, so it cannot widen what policy allowed.

    closed --(failures)--> open --(time)--> half-open --(successes)--> closed
                             ^----------(a failure)-------'

Rules
-----
1. *closed*: every call may pass. It opens when, within `window_s`, `failures` calls failed and no
   fewer failed than succeeded: one fault in a thousand calls is no outage.
2. *open*: no call may pass for `open_s`, doubled each time a probe fails, `longest_open_s` at most.
3. *half-open*: one call at a time may pass, a probe. `successes` good ones in a row close it.
4. A call is judged at its end: a stream that begins well and breaks off has failed.
5. A call counts for the state in which it passed: whatever ends later changes nothing.
6. A call that ends without a verdict (its caller left) counts for nothing, and makes room for the
   next probe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Verdict = Literal["good", "bad", "none"]


class State(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """The numbers of the rules above."""

    failures: int = 5
    window_s: float = 20.0
    open_s: float = 5.0
    longest_open_s: float = 60.0
    successes: int = 2


class Breaker:
    """`enter` before each call, `leave` with what it gave exactly once after it."""

    def __init__(self, *, clock: Callable[[], float], rules: BreakerRules | None = None) -> None:
        """`clock` is monotonic, in seconds."""
        self._clock = clock
        self._rules = rules or BreakerRules()
        self.state = State.CLOSED
        # Number of the state since the start: calls that passed in an earlier one are told by it.
        self._era = 1
        self._good = self._bad = 0
        self._since = clock()
        self._open_until = 0.0
        self._open_s = self._rules.open_s
        self._is_probing = False

    def enter(self) -> int:
        """A pass for one call, to be given to `leave`; 0 when it may not be made."""
        if self.state is State.CLOSED:
            return self._era
        if self.state is State.OPEN:
            if self._clock() < self._open_until:
                return 0
            self._turn(State.HALF_OPEN)
        if self._is_probing:
            return 0
        self._is_probing = True
        return self._era

    def leave(self, era: int, verdict: Verdict) -> None:
        """How the call with this pass ended."""
        if era != self._era:
            return
        self._is_probing = False
        if verdict == "good":
            self._good += 1
            if self.state is State.HALF_OPEN and self._good >= self._rules.successes:
                self._open_s = self._rules.open_s
                self._turn(State.CLOSED)
        elif verdict == "bad":
            self._count_failure()

    @property
    def retry_after_s(self) -> int:
        """Whole seconds until a call may pass again; 0 when one may now."""
        if self.state is State.CLOSED:
            return 0
        return max(0, int(self._open_until - self._clock()) + 1)

    def _count_failure(self) -> None:
        now = self._clock()
        if self.state is State.HALF_OPEN:
            self._open_s = min(2 * self._open_s, self._rules.longest_open_s)
            self._open(now)
            return
        if now - self._since > self._rules.window_s:
            self._since, self._good, self._bad = now, 0, 0
        self._bad += 1
        if self._bad >= max(self._rules.failures, self._good):
            self._open(now)

    def _open(self, now: float) -> None:
        self._open_until = now + self._open_s
        self._turn(State.OPEN)

    def _turn(self, state: State) -> None:
        self.state = state
        self._era += 1
        self._good = self._bad = 0
        self._since = self._clock()
        self._is_probing = False
