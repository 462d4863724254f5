# SPDX-License-Identifier: Apache-2.0
"""The rules of model_set.py one by one, then all together in seeded simulations."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from local_engine.model_set import (
    ON_ITS_WAY_S,
    Answer,
    Effect,
    Limits,
    ModelSet,
    Start,
    State,
    Stop,
)


def loaded(models: ModelSet, name: str, now: float) -> None:
    """Want it, start it, and have it ready at once."""
    models.want(name, now)
    assert Start(name) in models.step(now)
    models.became_ready(name, now)


def a_set(budget: int = 10, idle_s: float | None = None, resident: str | None = None) -> ModelSet:
    """Models a (6), b (6), c (4) and huge (11)."""
    limits = Limits(budget_bytes=budget, idle_s=idle_s, min_stay_s=30, rest_s=60)
    return ModelSet({"a": 6, "b": 6, "c": 4, "huge": 11}, limits, resident)


def test_a_wanted_model_is_loaded_and_then_ready() -> None:
    """Meanwhile the answer is to come again."""
    models = a_set()
    assert models.want("a", 0) == Answer(False, 3)
    assert models.want("a", 0).is_ready is False
    assert models.step(0) == [Start("a")]
    assert models.step(0) == []
    assert models.want("a", 1) == Answer(False, 2)
    models.became_ready("a", 2)
    assert models.want("a", 2) == Answer(True)
    assert (models.models["a"].loads, models.models["a"].load_s) == (1, 2)


def test_room_is_made_after_the_stay_only() -> None:
    """Rule 3: two that do not fit together change places every 30 s at most."""
    models = a_set()
    loaded(models, "a", 0)
    answer = models.want("b", 5)
    assert answer.retry_after_s == 28  # 25 s of stay are left, then loading
    assert models.step(29.9) == []
    assert models.step(30) == [Stop("a")]
    assert models.step(31) == []
    models.ended("a", 31)
    assert models.step(31) == [Start("b")]


def test_a_model_in_use_is_never_stopped() -> None:
    """Rule 4; neither is one that somebody has just asked for."""
    models = a_set(idle_s=50)
    loaded(models, "a", 0)
    models.seen("a", in_use=1, idle_s=0, now=100)
    models.want("b", 100)
    assert models.step(100) == []
    models.seen("a", in_use=0, idle_s=40, now=140)
    models.want("a", 140)
    assert models.step(140 + ON_ITS_WAY_S - 0.1) == []
    assert models.step(140 + ON_ITS_WAY_S) == [Stop("a")]


def test_the_least_recently_used_goes_and_only_if_it_helps() -> None:
    """Rule 3: stopping c alone would not make room for b."""
    models = a_set(budget=10)
    loaded(models, "a", 0)
    loaded(models, "c", 0)
    models.seen("a", in_use=1, idle_s=0, now=50)
    models.want("b", 50)
    assert models.step(50) == []
    models.seen("a", in_use=0, idle_s=0, now=60)
    models.seen("c", in_use=0, idle_s=0, now=65)
    assert models.step(70) == [Stop("a")]


def test_nobody_overtakes_in_the_line() -> None:
    """Rule 2: c would fit beside a, but b was first."""
    models = a_set()
    loaded(models, "a", 0)
    models.want("b", 1)
    models.want("c", 2)
    assert (models.step(2), models.line) == ([], ("b", "c"))
    assert models.step(31) == [Stop("a")]
    models.ended("a", 32)
    assert models.step(32) == [Start("b"), Start("c")]


def test_an_idle_model_goes_but_the_resident_stays() -> None:
    """Rules 5 and 6: it is loaded at the start, and comes back when there is room."""
    models = a_set(idle_s=60, resident="a")
    assert models.step(0) == [Start("a")]
    models.became_ready("a", 1)
    loaded(models, "c", 1)
    assert models.step(60.9) == []
    assert models.step(61) == [Stop("c")]
    models.ended("c", 62)
    models.want("b", 100)
    assert models.step(100) == [Stop("a")]
    models.ended("a", 101)
    assert models.step(101) == [Start("b")]
    models.became_ready("b", 102)
    assert models.step(161.9) == []
    assert models.step(162) == [Stop("b")]
    assert models.step(162) == []
    models.ended("b", 163)
    assert models.step(163) == [Start("a")]


def test_an_operator_unloads_and_loads() -> None:
    """Not while it answers; the resident stays off until it is wanted."""
    models = a_set(resident="a")
    models.step(0)
    models.became_ready("a", 1)
    models.seen("a", in_use=2, idle_s=0, now=2)
    assert models.unload("a") == "it is answering a request"
    models.seen("a", in_use=0, idle_s=0, now=3)
    assert models.unload("a") == ""
    assert models.step(3) == [Stop("a")]
    models.ended("a", 4)
    assert models.step(500) == []
    models.want("a", 501)
    assert models.step(501) == [Start("a")]
    models.want("b", 502)
    assert (models.unload("b"), models.line) == ("", ())
    assert models.unload("a") == ""
    assert models.step(503) == [Stop("a")]  # while it loads


def test_a_failed_model_rests() -> None:
    """Rule 7: and holds no memory meanwhile."""
    models = a_set()
    models.want("a", 0)
    models.step(0)
    models.ended("a", 10)
    assert models.models["a"].state is State.RESTING
    assert models.held_bytes == 0
    assert models.want("a", 40) == Answer(False, 30)
    assert models.step(69) == []
    models.step(70)
    models.want("a", 70)
    assert models.step(70) == [Start("a")]
    models.became_ready("a", 71)
    models.became_ready("a", 99)
    assert models.models["a"].loads == 1


def test_what_never_fits_is_refused_and_who_is_unknown_too() -> None:
    """Rule 8: it does not even get in line."""
    models = a_set()
    assert "more memory" in models.want("huge", 0).refusal
    assert models.line == ()
    with pytest.raises(KeyError):
        models.want("nobody", 0)
    assert a_set(resident="huge").step(0) == []


def test_a_model_that_is_stopping_is_started_again_when_it_is_gone() -> None:
    """It is not forgotten in the line."""
    models = a_set()
    loaded(models, "a", 0)
    models.unload("a")
    assert models.step(40) == [Stop("a")]
    models.want("a", 40)
    assert (models.step(40), models.line) == ([], ("a",))
    models.ended("a", 41)
    assert models.step(41) == [Start("a")]


@dataclass
class World:
    """Processes that load, answer, crash and stop on a virtual clock."""

    models: ModelSet
    dice: random.Random
    now: float = 0.0
    due: dict[str, tuple[float, str]] = field(default_factory=dict)
    busy_until: dict[str, float] = field(default_factory=dict)
    ready_since: dict[str, float] = field(default_factory=dict)
    waiting: dict[str, float] = field(default_factory=dict)
    longest_wait_s: float = 0.0

    def turn(self) -> None:
        """A quarter of a second."""
        self.now += 0.25
        self._processes()
        self._requests()
        for effect in self.models.step(self.now):
            self._carry_out(effect)
        assert self.models.held_bytes <= self.models.limits.budget_bytes

    def _carry_out(self, effect: Effect) -> None:
        name, limits = effect.name, self.models.limits
        if isinstance(effect, Start):
            assert name not in self.due
            ends = "crashed" if self.dice.random() < 0.05 else "ready"
            self.due[name] = (self.now + self.dice.uniform(0.3, 4), ends)
            return
        assert self.busy_until.get(name, 0) <= self.now, "a model in use was stopped"
        stayed_s = self.now - self.ready_since.pop(name)
        idle_s = self.now - self.busy_until.get(name, 0)
        assert stayed_s >= limits.min_stay_s or idle_s >= (limits.idle_s or 0)
        self.due[name] = (self.now + self.dice.uniform(0, 3), "gone")

    def _processes(self) -> None:
        for name, (at, what) in list(self.due.items()):
            if at > self.now:
                continue
            del self.due[name]
            if what == "ready":
                self.models.became_ready(name, self.now)
                self.ready_since[name] = self.now
            else:
                self.models.ended(name, self.now)
        for name in self.ready_since:
            until = self.busy_until.get(name, 0)
            self.models.seen(name, int(until > self.now), max(0, self.now - until), self.now)

    def _requests(self) -> None:
        """Somebody wants a model, and those who wait ask again."""
        if self.dice.random() < 0.2:
            self.waiting.setdefault(self.dice.choice("aabbbc"), self.now)
        for name, since in list(self.waiting.items()):
            if self.models.want(name, self.now).is_ready:
                del self.waiting[name]
                self.longest_wait_s = max(self.longest_wait_s, self.now - since)
                self.busy_until[name] = self.now + self.dice.uniform(0.1, 8)
                self.models.seen(name, 1, 0, self.now)


@pytest.mark.parametrize("seed", range(12))
def test_simulated_days_keep_every_rule(seed: int) -> None:
    """Never over the budget, never out of use, no thrash, and everybody is served in the end."""
    dice = random.Random(seed)
    limits = Limits(
        budget_bytes=dice.choice([6, 10, 12, 16]),
        idle_s=dice.choice([None, 20, 60]),
        min_stay_s=dice.choice([5, 30]),
        rest_s=20,
    )
    needs = {"a": 6, "b": 6, "c": 4}
    world = World(ModelSet(needs, limits, dice.choice([None, "a"])), dice)
    for _ in range(4 * 3600):
        world.turn()

    assert world.now == 3600
    # A turn of each of the others: its stay, an answer under way, stopping, loading, a rest.
    bound_s = 3 * (limits.min_stay_s + 8 + 3 + 4 + limits.rest_s) + 60
    assert world.longest_wait_s < bound_s
    loads = sum(model.loads for model in world.models.models.values())
    assert loads <= 3 * 3600 / min(limits.min_stay_s, limits.idle_s or 3600) + 3
