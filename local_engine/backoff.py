# SPDX-License-Identifier: Apache-2.0
"""When to start a crashed engine again. Pure: the clock is an argument, times are seconds.

Rules
1. The first restart comes after 0.2 s, the next ones after .4, .8, 1.6 ... at most 60 s.
2. A run that was ready for 60 s counts as healthy: the next crash starts at 0.2 s again.
3. Five crashes in a row, none of those runs ever ready, within 300 s: give up. A run that became
   ready starts that count anew.
4. A fault that only a person can mend (exit code 78) is given up at once.
5. An engine that ends because it has grown too large or its file has changed (exit code 75) is no
   crash and starts again at once, if it was ready for 10 s; sooner it counts as a crash.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from local_engine.errors import EXIT_RECYCLE, EXIT_SETUP

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 60.0
HEALTHY_AFTER_S = 60.0
RECYCLED_AFTER_S = 10.0
MOST_CRASHES = 5
CRASH_WINDOW_S = 300.0


@dataclass(frozen=True, slots=True)
class Restart:
    """Start again after `delay_s`."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not start again; `reason` is one line for a person."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashHistory:
    """`failed_starts` holds the times of crashes in a row that were never ready."""

    crashes: int = 0
    ready_since: float | None = None
    failed_starts: tuple[float, ...] = ()

    def became_ready(self, now: float) -> CrashHistory:
        """The current run answers."""
        return replace(self, ready_since=now, failed_starts=())

    def exited(self, now: float, exit_code: int) -> tuple[CrashHistory, Restart | GiveUp]:
        """The current run ended by itself."""
        if exit_code == EXIT_SETUP:
            return self, GiveUp("the engine cannot run until its fault is mended (see above)")
        was_ready = self.ready_since is not None
        ready_s = 0.0 if self.ready_since is None else now - self.ready_since
        if exit_code == EXIT_RECYCLE and ready_s >= RECYCLED_AFTER_S:
            return replace(self, ready_since=None), Restart(0.0)
        was_healthy = ready_s >= HEALTHY_AFTER_S
        crashes = 0 if was_healthy else self.crashes
        recent = tuple(at for at in self.failed_starts if now - at < CRASH_WINDOW_S)
        failed_starts = () if was_ready else (*recent, now)
        after = CrashHistory(crashes=crashes + 1, failed_starts=failed_starts)
        if len(failed_starts) >= MOST_CRASHES:
            window_s = round(now - failed_starts[0])
            return after, GiveUp(
                f"the engine crashed {len(failed_starts)} times in {window_s} s without "
                f"becoming ready (last exit code {exit_code})"
            )
        return after, Restart(delay_s(crashes))


def delay_s(crashes_before: int) -> float:
    """0.2, 0.4, 0.8, 1.6 ... 60."""
    return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(crashes_before, 10))
