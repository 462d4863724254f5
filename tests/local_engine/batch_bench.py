# SPDX-License-Identifier: Apache-2.0
"""The compiled backend over a fake runtime and a virtual clock, turned by hand."""

from __future__ import annotations

from local_engine.engine import Done, Event, Failed, GenerationRequest, Token
from local_engine.errors import LocalEngineError
from local_engine.llamacpp import LlamaCppBackend
from local_engine.profile import ModelProfile
from local_engine.sequence import Sequence
from local_engine.waiting import Line, LineLimits
from tests.local_engine.fake_runtime import FakeRuntime
from tests.local_engine.fakes import a_request

LONG = b"x" * 60


class Bench:
    """A backend that is turned by hand; `at` notes when each event of a request came."""

    def __init__(self, runtime: FakeRuntime, *, calibrate: bool = True) -> None:
        self.runtime = runtime
        self.clock = runtime.clock
        self.line = Line(LineLimits(), self.clock)
        self.backend = LlamaCppBackend(runtime, ModelProfile(name="m"), clock=self.clock)
        if calibrate:
            self.backend.calibrate()
        self.line.slots = self.backend.slots
        self.events: dict[Sequence, list[tuple[float, Event]]] = {}
        runtime.batches.clear()

    def ask(
        self, prompt: list[int], most: int = 10, request: GenerationRequest | None = None
    ) -> Sequence:
        """Join the line."""
        events: list[tuple[float, Event]] = []
        sequence = Sequence(
            request=request or a_request(),
            sink=lambda event: events.append((self.clock.now, event)),
            prompt=tuple(prompt),
            max_tokens=most,
            submitted_at=self.clock.now,
        )
        self.events[sequence] = events
        self.line.enter(sequence)
        return sequence

    def turn(self, times: int = 1) -> None:
        """So many steps."""
        for _ in range(times):
            self.backend.turn(self.line)

    def finish(self) -> None:
        """Until everything has ended."""
        while self.backend.turn(self.line) or self.line.counts()[1]:
            pass

    def text(self, sequence: Sequence) -> str:
        return "".join(e.text for _, e in self.events[sequence] if isinstance(e, Token))

    def last(self, sequence: Sequence) -> Event:
        return self.events[sequence][-1][1]

    def done(self, sequence: Sequence) -> Done:
        last = self.last(sequence)
        assert isinstance(last, Done)
        return last

    def error(self, sequence: Sequence) -> LocalEngineError:
        last = self.last(sequence)
        assert isinstance(last, Failed)
        return last.error


def a_bench(
    answer: bytes | None = LONG, n_ctx: int = 200, token_s: float = 0.001, **config: object
) -> Bench:
    """A step takes 10 ms, and `token_s` for each row."""
    runtime = FakeRuntime(answer, n_ctx, **{"slots": 4, "n_batch": 64, **config})
    runtime.step_s, runtime.token_s = 0.01, token_s
    return Bench(runtime)
