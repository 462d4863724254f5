# SPDX-License-Identifier: Apache-2.0
"""A seeded run of the scheduler in virtual time: random requests, cancellations and faults.

`simulate(seed)` plays one mix and checks what must hold after every step and at the end.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

from local_engine.engine import (
    Done,
    Event,
    Failed,
    GenerationRequest,
    SamplingParams,
    Token,
)
from local_engine.errors import EngineBusyError, LocalEngineError
from local_engine.llamacpp import LlamaCppBackend
from local_engine.profile import ModelProfile
from local_engine.sequence import Sequence
from local_engine.waiting import Line, LineLimits
from tests.local_engine.fake_runtime import FakeRuntime
from tests.local_engine.fakes import a_request

PROFILE = ModelProfile(name="m")
N_CTX = 96
ENDINGS = ("never", "completes", "raises", "crashes", "dead end", "refuses")


def _nobody(_event: Event) -> None:
    """A sink until the real one is there."""


class Bounds:
    """A constraint that allows two letters, and fails, lies or ends after some tokens."""

    def __init__(self, ending: str, after: int) -> None:
        self._ending = ending
        self._left = after

    def allowed(self) -> bytes | None:
        if self._ending == "raises" and not self._left:
            raise LocalEngineError("broken")
        if self._ending == "crashes" and not self._left:
            raise ZeroDivisionError
        bits = bytearray(33)
        if not (self._ending == "dead end" and not self._left):
            bits[66 // 8] |= 1 << 66 % 8 | 1 << 67 % 8
        return bytes(bits)

    def accept(self, token: int) -> bool:
        self._left -= 1
        return token in {66, 67} and not (self._ending == "refuses" and self._left <= 0)

    def rollback(self, tokens: int) -> None:
        self._left += tokens

    @property
    def is_complete(self) -> bool:
        return self._ending == "completes" and self._left <= 0


@dataclass(eq=False)
class Asked:
    """One request of a mix and what came of it."""

    sequence: Sequence
    breaks_at: int = -1
    """The sink fails at this event."""
    events: list[Event] = field(default_factory=list)
    refused: bool = False

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if len(self.events) == self.breaks_at:
            raise BrokenPipeError

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Token))

    @property
    def last(self) -> Event:
        return self.events[-1]


class Simulation:
    """One mix. `run` plays it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        slots = self.chance.choice((1, 2, 4, 8))
        self.runtime = FakeRuntime(
            None,
            N_CTX,
            slots=slots,
            n_batch=self.chance.choice((16, 24, 48)),
            cells=self.chance.choice((N_CTX, 2 * N_CTX, 4 * N_CTX)),
            kept_cells=self.chance.choice((0, 30, None)),
            may_draft=self.chance.random() < 0.7,
        )
        self.runtime.is_rewindable = self.chance.random() < 0.9
        if self.chance.random() < 0.2:  # as a sliding window does
            self.runtime.loses_beginnings = lambda: self.chance.random() < 0.3
        self.runtime.step_s, self.runtime.token_s = 0.01, self.chance.choice((0.0, 0.001, 0.003))
        self.clock = self.runtime.clock
        self.line = Line(LineLimits(waiting=12, per_tenant=8), self.clock)
        self.backend = LlamaCppBackend(self.runtime, PROFILE, clock=self.clock)
        if self.chance.random() < 0.8:
            self.backend.calibrate()
        self.line.slots = self.backend.slots
        self.prefixes = [self._tokens(40) for _ in range(3)]
        self.asked: list[Asked] = []

    def _tokens(self, size: int) -> list[int]:
        return [self.chance.randrange(66, 70) for _ in range(size)]

    def run(self) -> None:
        """Play about forty requests, then let everything end."""
        for _ in range(40):
            self._ask()
            for _ in range(self.chance.randrange(4)):
                self._disturb()
                self._turn()
            self.clock.now += self.chance.choice((0.0, 0.0, 0.05))
        for _ in range(20_000):
            if not self._turn() and not self.line.counts()[1]:
                break
        self._check_end()

    def _ask(self) -> None:
        asked = Asked(self._sequence(), self.chance.choice((-1,) * 9 + (2,)))
        asked.sequence.sink = asked
        self.asked.append(asked)
        try:
            self.line.enter(asked.sequence)
        except EngineBusyError:
            asked.refused = True

    def _sequence(self) -> Sequence:
        chance = self.chance
        start = chance.choice(self.prefixes)[: chance.randrange(41)]
        prompt = start + self._tokens(chance.randrange(1, 40))
        room = N_CTX - len(prompt)
        if chance.random() < 0.03:
            prompt[-1] = 500  # a token that the vocabulary does not have
        return Sequence(
            request=self._request(),
            sink=_nobody,
            prompt=tuple(prompt),
            max_tokens=chance.choice((1, 3, room, min(room, 20))),
            submitted_at=self.clock.now,
        )

    def _request(self) -> GenerationRequest:
        chance = self.chance
        constraint = None
        if chance.random() < 0.2:
            constraint = Bounds(chance.choice(ENDINGS), chance.randrange(1, 6))
        return replace(
            a_request(),
            tenant=chance.choice("abc"),
            priority=chance.choice((0, 0, -1, 1)),
            deadline_s=chance.choice((None, None, None, 0.2, 2.0)),
            sampling=SamplingParams(temperature=0, seed=chance.randrange(5)),
            logprobs=chance.choice((None, None, None, 0, 2)),
            stop=chance.choice(((), (), ("AB",), ("AABBA",))),
            constraint=constraint,
        )

    def _disturb(self) -> None:
        chance = self.chance
        if chance.random() < 0.15:
            chance.choice(self.asked).sequence.cancel()
        if chance.random() < 0.04:
            self.runtime.codes = [chance.choice((1, 2, -1, -2, -3))] * chance.choice((1, 1, 2, 3))

    def _turn(self) -> bool:
        before = set(self.line._active)
        worked = self.backend.turn(self.line)
        self._check_order(set(self.line._active) - before)
        memory = self.backend._memory
        assert memory.used == self.runtime.used, "the books and the context differ"
        assert memory.used + memory._promised <= self.runtime.cells, "more promised than there is"
        assert len(self.runtime.samplers) == self.line.counts()[0] <= self.backend.slots
        return worked

    def _check_order(self, admitted: set[Sequence]) -> None:
        """Nobody was passed by a lower priority, nor by a later one of the own tenant."""
        arrival = {asked.sequence: number for number, asked in enumerate(self.asked)}
        for one in admitted:
            for other in self.line._queue:
                mine, its = one.request, other.request
                assert mine.priority >= its.priority, "passed by a lower priority"
                if (mine.tenant, mine.priority) == (its.tenant, its.priority):
                    assert arrival[one] < arrival[other], "passed by a later one"

    def _check_end(self) -> None:
        assert self.line.counts() == (0, 0), "a stuck request"
        assert self.runtime.samplers == {}, "a leaked sampler"
        assert self.backend._memory._promised == 0, "a leaked promise"
        self.backend._memory.forget()
        assert self.runtime.used == 0, "a leaked cell"
        for asked in self.asked:
            ends = [event for event in asked.events if isinstance(event, Done | Failed)]
            assert len(ends) == (not asked.refused), "exactly one end"
            assert not ends or asked.last is ends[0], "nothing after the end"

    def ends(self) -> Counter[str]:
        """How the requests ended: "refused", "done", or the code of the error."""
        return Counter(_end_of(asked) for asked in self.asked)


def _end_of(asked: Asked) -> str:
    if asked.refused:
        return "refused"
    return asked.last.error.code if isinstance(asked.last, Failed) else "done"


def alone(asked: Asked) -> str:
    """What the same request says with the engine for itself, without drafts or prefixes."""
    runtime = FakeRuntime(None, N_CTX, n_batch=N_CTX, kept_cells=0, may_draft=False)
    line = Line()
    backend = LlamaCppBackend(runtime, PROFILE)
    events: list[Event] = []
    first = asked.sequence
    sequence = Sequence(
        request=replace(first.request, deadline_s=None),
        sink=events.append,
        prompt=first.prompt,
        max_tokens=first.max_tokens,
        submitted_at=0.0,
    )
    line.enter(sequence)
    while backend.turn(line):
        pass
    return "".join(event.text for event in events if isinstance(event, Token))
