# SPDX-License-Identifier: Apache-2.0
"""The breaker's rules one by one, and all of them over a seeded simulation with a virtual clock."""

from __future__ import annotations

import random

import pytest

from gateway.routing.breaker import Breaker, BreakerRules, State, Verdict
from tests.gateway.fakes import FakeClock

RULES = BreakerRules(failures=5, window_s=20, open_s=5, longest_open_s=60, successes=2)


class Scene:
    """A breaker on a clock of its own."""

    def __init__(self) -> None:
        self.clock = FakeClock(0.0)
        self.breaker = Breaker(clock=self.clock, rules=RULES)

    def stands(self, state: State) -> bool:
        return self.breaker.state is state

    def calls(self, *verdicts: Verdict, times: int = 1) -> None:
        for verdict in verdicts * times:
            self.breaker.leave(self.breaker.enter(), verdict)

    def opened(self) -> Scene:
        self.calls("bad", times=5)
        assert self.stands(State.OPEN)
        return self


def test_opens_at_the_fifth_failure_in_the_window() -> None:
    """F8: four failures are bad luck, five within 20 s are an outage."""
    scene = Scene()
    scene.calls("bad", "bad", "bad", "bad")
    assert scene.stands(State.CLOSED)
    scene.calls("bad")

    assert scene.stands(State.OPEN)
    assert scene.breaker.enter() == 0


def test_old_failures_are_forgotten() -> None:
    """Failures further apart than the window never add up."""
    scene = Scene()
    for _ in range(20):
        scene.calls("bad", "bad", "bad", "bad")
        scene.clock.now += 20.1

    assert scene.stands(State.CLOSED)


def test_few_failures_among_many_successes_are_no_outage() -> None:
    """Rule 1: as long as more calls succeed than fail it stays closed."""
    scene = Scene()
    scene.calls("good", "good", "bad", times=100)
    assert scene.stands(State.CLOSED)

    scene.calls("bad", times=100)
    assert scene.stands(State.OPEN)


def test_one_probe_under_a_hundred_callers() -> None:
    """F8: after its time one caller may try, and the others are refused until it is back."""
    scene = Scene().opened()
    scene.clock.now += 4.9
    assert scene.breaker.enter() == 0
    scene.clock.now += 0.1

    passes = [scene.breaker.enter() for _ in range(100)]
    assert [p > 0 for p in passes] == [True] + [False] * 99
    assert scene.stands(State.HALF_OPEN)


def test_closes_after_two_good_probes() -> None:
    """F8: one good answer may be luck."""
    scene = Scene().opened()
    scene.clock.now += 5
    scene.calls("good")
    assert scene.stands(State.HALF_OPEN)
    scene.calls("good")

    assert scene.stands(State.CLOSED)


def test_each_failed_probe_doubles_the_wait() -> None:
    """A destination that stays down is asked less and less, but never given up."""
    scene = Scene().opened()
    waits = []
    for _ in range(6):
        waits.append(scene.breaker.retry_after_s - 1)
        scene.clock.now += waits[-1]
        scene.calls("bad")

    assert waits == [5, 10, 20, 40, 60, 60]
    scene.clock.now += 60
    scene.calls("good", "good")
    scene.calls("bad", times=5)
    assert scene.breaker.retry_after_s - 1 == 5


def test_a_probe_whose_caller_left_makes_room() -> None:
    """Rule 6: without a verdict nothing is learned and nobody is kept waiting."""
    scene = Scene().opened()
    scene.clock.now += 5
    scene.calls("none")

    assert scene.stands(State.HALF_OPEN)
    assert scene.breaker.enter() > 0


@pytest.mark.parametrize("late", ["good", "bad"])
def test_calls_of_an_earlier_state_change_nothing(late: Verdict) -> None:
    """Rule 5: what was sent before it opened says nothing of now, nor frees the probe's place."""
    scene = Scene()
    early = scene.breaker.enter()
    scene.opened()
    scene.clock.now += 5
    assert scene.breaker.enter() > 0
    scene.breaker.leave(early, late)

    assert scene.stands(State.HALF_OPEN)
    assert scene.breaker.enter() == 0


def test_retry_after() -> None:
    """Closed: at once. Open: whole seconds, never less than what is left."""
    scene = Scene()
    assert scene.breaker.retry_after_s == 0
    scene.opened()
    scene.clock.now += 4.5
    assert scene.breaker.retry_after_s == 1


@pytest.mark.parametrize("seed", range(200))
def test_simulation(seed: int) -> None:
    """Whatever happens: at most one probe, no call while open, and it closes once all is well."""
    dice = random.Random(seed)
    scene = Scene()
    breaker = scene.breaker
    under_way: list[tuple[int, bool]] = []
    for step in range(400):
        scene.clock.now += dice.choice([0, 0.01, 1, 6, 30])
        is_down = (step // 80) % 2 == 1
        was_open = scene.stands(State.OPEN) and breaker.retry_after_s > 1
        if era := breaker.enter():
            assert not was_open
            is_first = all(era != other for other, _ in under_way)
            assert scene.stands(State.CLOSED) or is_first
            under_way.append((era, is_down))
        while under_way and dice.random() < 0.6:
            era, failed = under_way.pop(dice.randrange(len(under_way)))
            verdict: Verdict = "bad" if failed else "good"
            breaker.leave(era, dice.choice([verdict, "none"]))
    for era, _ in under_way:
        breaker.leave(era, "none")
    scene.clock.now += RULES.longest_open_s
    scene.calls("good", "good")
    assert scene.stands(State.CLOSED)
