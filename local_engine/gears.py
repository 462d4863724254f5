# SPDX-License-Identifier: Apache-2.0
"""How many threads work on a step of several rows: all, or as few as on a single token. Pure.

On a quiet machine all threads are nearly as many times faster. Beside other work they may be ten
times slower: every operation ends at a barrier, and one thread that does not get its core holds up
the others, some nine hundred times a step. Which of the two it is cannot be known, only measured.

Rules
1. Steps are compared by their time over what they took at load (the probe). Both gears are tried
   there too: a machine that is busy at that moment is no measure.
2. As long as that is near the best that was seen with all threads, nothing is tried.
3. Otherwise the other gear is tried for a few steps, and the faster one stays. Trials that
   change nothing become rarer.
"""

from __future__ import annotations

from typing import Final

SUSPICIOUS: Final = 1.5
_TRIAL_STEPS: Final = 3
_FIRST_PAUSE: Final = 16
_LONGEST_PAUSE: Final = 512
_NEWEST: Final = 0.3


class GearBox:
    """`is_wide`: all threads. Ask before a step, `learn` after it."""

    def __init__(self, *, can_shift: bool, is_wide: bool = True) -> None:
        self._can_shift = can_shift
        self.is_wide = is_wide
        self._best = 1.0
        self._slowness: dict[bool, float | None] = {True: None, False: None}
        self._pause = _FIRST_PAUSE
        self._until_trial = _FIRST_PAUSE
        self._trial_left = 0

    def learn(self, slowness: float) -> None:
        """A step of several rows took `slowness` times what it took at load."""
        if not self._can_shift:
            return
        old = self._slowness[self.is_wide]
        new = slowness if old is None else old + _NEWEST * (slowness - old)
        self._slowness[self.is_wide] = new
        if self._trial_left:
            self._trial_left -= 1
            if not self._trial_left:
                self._judge()
            return
        if self.is_wide:
            self._best = min(self._best, new)
        if self.is_wide and new < SUSPICIOUS * self._best:
            self._pause = self._until_trial = _FIRST_PAUSE
            return
        self._until_trial -= 1
        if self._until_trial <= 0:
            self._shift()
            self._slowness[self.is_wide] = None
            self._trial_left = _TRIAL_STEPS

    def _judge(self) -> None:
        """Stay in the gear that was tried, or go back to the other."""
        tried, other = self._slowness[self.is_wide], self._slowness[not self.is_wide]
        assert tried is not None
        if other is None or tried < other:
            self._pause = _FIRST_PAUSE
        else:
            self._shift()
            self._pause = min(_LONGEST_PAUSE, 2 * self._pause)
        self._until_trial = self._pause

    def _shift(self) -> None:
        self.is_wide = not self.is_wide
