# SPDX-License-Identifier: Apache-2.0
"""The rules of backoff.py, one test each, on a virtual clock."""

from __future__ import annotations

from local_engine.backoff import CrashHistory, GiveUp, Restart, delay_s
from local_engine.errors import EXIT_SETUP


def test_delays_double_from_a_fifth_of_a_second_to_sixty() -> None:
    """Rule 1."""
    assert [delay_s(n) for n in range(10)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60]
    assert delay_s(10_000) == 60


def test_a_crash_soon_after_ready_keeps_the_delay_growing() -> None:
    """Rule 2: being ready for a moment is not being healthy."""
    history, delays, now = CrashHistory(), [], 0.0
    for _ in range(7):
        history = history.became_ready(now)
        now += 59.9
        history, verdict = history.exited(now, -9)
        assert isinstance(verdict, Restart)
        delays.append(verdict.delay_s)

    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8]


def test_a_healthy_run_starts_the_delays_anew() -> None:
    """Rule 2."""
    history = CrashHistory(crashes=5).became_ready(100.0)

    assert history.exited(160.0, 1)[1] == Restart(0.2)


def test_five_crashes_without_ever_being_ready_are_enough() -> None:
    """Rule 3."""
    history, verdicts = CrashHistory(), []
    for at in (0.0, 1.0, 2.0, 4.0, 8.0):
        history, verdict = history.exited(at, -6)
        verdicts.append(verdict)

    assert [type(verdict) for verdict in verdicts] == [Restart] * 4 + [GiveUp]
    assert verdicts[-1] == GiveUp(
        "the engine crashed 5 times in 8 s without becoming ready (last exit code -6)"
    )


def test_crashes_outside_the_window_do_not_count() -> None:
    """Rule 3: five crashes spread over more than 300 s."""
    history = CrashHistory()
    for at in (0.0, 100.0, 200.0, 290.0, 301.0):
        history, verdict = history.exited(at, 1)
        assert isinstance(verdict, Restart)


def test_becoming_ready_starts_the_count_anew() -> None:
    """Rule 3."""
    history = CrashHistory(crashes=4, failed_starts=(1.0, 2.0, 3.0, 4.0)).became_ready(5.0)

    history, verdict = history.exited(6.0, 1)
    assert isinstance(verdict, Restart)
    assert history.failed_starts == ()


def test_a_fault_for_a_person_is_given_up_at_once() -> None:
    """Rule 4."""
    assert isinstance(CrashHistory().exited(0.0, EXIT_SETUP)[1], GiveUp)
