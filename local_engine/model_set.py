# SPDX-License-Identifier: Apache-2.0
"""Which models are loaded, within a budget of memory. Pure: time is given, effects are values.

    off -> loading -> ready -> stopping -> off
              |         |
              +---------+--> resting (after a crash that its supervisor gave up on) -> off

Rules
1. All that is not off counts against the budget, also what is still stopping.
2. Whoever wants a model that is off gets in line for memory, once for each model. The first in line
   is served first; nobody overtakes it, or a large model would never find room.
3. Room is made by stopping models that are ready, not in use, and have had their stay: at least
   `min_stay_s` since they became ready, so that two models that do not fit together change places
   no more often than that. The least recently used goes first, and none goes if all that may go
   would not be enough.
4. A model in use is never stopped, whatever else is wanted. One that was asked for within
   `ON_ITS_WAY_S` counts as in use: its request may not have arrived yet.
5. A model that nobody used for `idle_s` is stopped, except the resident one.
6. The resident model is loaded at the start, and again whenever there is room and nobody in line.
   Not after an operator unloaded it: then it waits until somebody wants it.
7. A model that failed rests for `rest_s`; then it may be wanted again.
8. What does not fit into the whole budget is refused at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LOAD_GUESS_S: Final = 3.0
ON_ITS_WAY_S: Final = 2.0
_LONGEST_WAIT_S: Final = 60


class State(StrEnum):
    """Where a model is."""

    OFF = "off"
    LOADING = "loading"
    READY = "ready"
    STOPPING = "stopping"
    RESTING = "resting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes for all models together, and seconds. `idle_s` None: models stay."""

    budget_bytes: int
    idle_s: float | None = None
    min_stay_s: float = 30.0
    rest_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """Load this model."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Unload this model."""

    name: str


Effect = Start | Stop


@dataclass(frozen=True, slots=True)
class Answer:
    """To who wants a model: it is ready, or worth asking for again, or never to be had."""

    is_ready: bool
    retry_after_s: int = 0
    refusal: str = ""


@dataclass(slots=True)
class Model:
    """One model; `since` is when its state began."""

    name: str
    need_bytes: int
    state: State = State.OFF
    since: float = 0.0
    used_at: float = -math.inf
    in_use: int = 0
    is_unwanted: bool = False
    loads: int = 0
    load_s: float = LOAD_GUESS_S


_HOLDS_MEMORY: Final = frozenset({State.LOADING, State.READY, State.STOPPING})


class ModelSet:
    """Tell it what happened; `step` says what to do. Not thread-safe."""

    def __init__(
        self, needs: Mapping[str, int], limits: Limits, resident: str | None = None
    ) -> None:
        self.models = {name: Model(name, need) for name, need in needs.items()}
        self.limits = limits
        self._resident = resident
        self._line: list[str] = []

    @property
    def held_bytes(self) -> int:
        """What counts against the budget."""
        return sum(m.need_bytes for m in self.models.values() if m.state in _HOLDS_MEMORY)

    @property
    def line(self) -> Sequence[str]:
        """Who waits for memory, in order."""
        return tuple(self._line)

    def want(self, name: str, now: float) -> Answer:
        """Somebody has a request for a model (rules 2, 7 and 8). Raises KeyError."""
        model = self.models[name]
        if model.need_bytes > self.limits.budget_bytes:
            return Answer(False, refusal="it needs more memory than all models together may have")
        model.is_unwanted = False
        if model.state is State.READY:
            model.used_at = now
            return Answer(True)
        if model.state is State.RESTING:
            return Answer(False, _seconds(model.since + self.limits.rest_s - now))
        if model.state is not State.LOADING and name not in self._line:
            self._line.append(name)
        return Answer(False, _seconds(self._wait_s(model, now)))

    def unload(self, name: str) -> str:
        """An operator wants it off: "", or why it stays on. Raises KeyError."""
        model = self.models[name]
        if model.in_use:
            return "it is answering a request"
        model.is_unwanted = True
        if name in self._line:
            self._line.remove(name)
        return ""

    def became_ready(self, name: str, now: float) -> None:
        """It answers."""
        model = self.models[name]
        if model.state is State.LOADING:
            model.load_s, model.used_at = now - model.since, now
            model.loads += 1
            _set(model, State.READY, now)

    def seen(self, name: str, in_use: int, idle_s: float, now: float) -> None:
        """Its own report: requests in it, and seconds since there were any."""
        model = self.models[name]
        model.in_use = in_use
        model.used_at = max(model.used_at, now if in_use else now - idle_s)

    def ended(self, name: str, now: float) -> None:
        """Its process is gone: as told, or because its supervisor gave up."""
        model = self.models[name]
        model.in_use = 0
        _set(model, State.OFF if model.state is State.STOPPING else State.RESTING, now)

    def step(self, now: float) -> list[Effect]:
        """What to do now; call it after every event and now and then."""
        for model in self.models.values():
            if model.state is State.RESTING and now >= model.since + self.limits.rest_s:
                _set(model, State.OFF, now)
        effects: list[Effect] = [self._stop(m, now) for m in self._to_stop(now)]
        if self._wants_resident():
            assert self._resident is not None
            self._line.append(self._resident)
        return effects + self._serve_line(now)

    def _to_stop(self, now: float) -> list[Model]:
        """Unloaded by an operator, or idle for too long (rule 5)."""
        found = [
            m
            for m in self.models.values()
            if m.is_unwanted and m.state in (State.LOADING, State.READY) and not m.in_use
        ]
        idle_s = self.limits.idle_s
        if idle_s is not None:
            found += [
                m
                for m in self._stoppable(now)
                if m.name != self._resident and m not in found and now - m.used_at >= idle_s
            ]
        return found

    def _wants_resident(self) -> bool:
        model = self.models.get(self._resident or "")
        return (
            model is not None
            and model.state is State.OFF
            and not model.is_unwanted
            and not self._line
            and model.need_bytes <= self.limits.budget_bytes - self.held_bytes
        )

    def _serve_line(self, now: float) -> list[Effect]:
        """Start the first in line while there is room, else make room for it (rules 2 and 3)."""
        effects: list[Effect] = []
        while self._line:
            model = self.models[self._line[0]]
            if model.state is State.STOPPING:
                break
            if model.state is State.OFF:
                missing = self._missing(model)
                if missing > 0:
                    return effects + [self._stop(m, now) for m in self._victims(missing, now)]
                if model.need_bytes > self.limits.budget_bytes - self.held_bytes:
                    break  # what is stopping will leave room
                _set(model, State.LOADING, now)
                effects.append(Start(model.name))
            self._line.pop(0)
        return effects

    def _missing(self, model: Model) -> int:
        """Bytes that must still be freed for it, beyond what is stopping already."""
        stopping = sum(
            m.need_bytes for m in self.models.values() if m.state is State.STOPPING and m != model
        )
        return model.need_bytes - (self.limits.budget_bytes - self.held_bytes + stopping)

    def _victims(self, missing: int, now: float) -> list[Model]:
        """Least recently used first, or nobody when all together would not do."""
        chosen: list[Model] = []
        for model in sorted(self._stoppable(now), key=lambda m: m.used_at):
            if missing <= 0:
                break
            if now >= model.since + self.limits.min_stay_s:
                chosen.append(model)
                missing -= model.need_bytes
        return chosen if missing <= 0 else []

    def _stoppable(self, now: float) -> list[Model]:
        return [
            m
            for m in self.models.values()
            if m.state is State.READY and not m.in_use and now - m.used_at >= ON_ITS_WAY_S
        ]

    def _wait_s(self, model: Model, now: float) -> float:
        """Until it is ready, as far as can be foreseen."""
        if model.state is State.LOADING:
            return model.since + model.load_s - now
        ahead = self._line[: self._line.index(model.name)]
        wait_s = model.load_s + sum(self.models[name].load_s for name in ahead)
        missing = self._missing(model)
        stays = sorted(
            (m.since + self.limits.min_stay_s, m.need_bytes)
            for m in self.models.values()
            if m.state is State.READY and m is not model
        )
        for stays_until, need_bytes in stays:
            if missing <= 0:
                break
            missing -= need_bytes
            wait_s = max(wait_s, stays_until - now + model.load_s)
        return wait_s

    def _stop(self, model: Model, now: float) -> Stop:
        _set(model, State.STOPPING, now)
        return Stop(model.name)


def _set(model: Model, state: State, now: float) -> None:
    model.state, model.since = state, now


def _seconds(wait_s: float) -> int:
    """For Retry-After: whole, at least one, and not so long that nobody comes back."""
    return max(1, min(_LONGEST_WAIT_S, math.ceil(wait_s)))
