# SPDX-License-Identifier: Apache-2.0
"""One request to an engine, and when its events came."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from local_engine.engine import (
    ChatMessage,
    Done,
    Event,
    Failed,
    GenerationRequest,
    Role,
    SamplingParams,
    Ticket,
    Token,
    TokenLogprob,
)
from local_engine.line import LineEngine

# A prompt of 4,000 tokens beside 4 answers has taken 5 minutes on one busy core.
LONGEST_S: Final = 1_800.0


class Watch:
    """A sink that notes when events come."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.drawn: list[TokenLogprob] = []
        self.last: Done | Failed | None = None
        self.has_begun = threading.Event()
        self._has_ended = threading.Event()

    def __call__(self, event: Event) -> None:
        now = time.perf_counter()
        if isinstance(event, Token):
            self.at.append(now)
            self.drawn += event.logprobs
            self.has_begun.set()
        else:
            self.last = event
            self.ended_at = now
            self.has_begun.set()
            self._has_ended.set()

    def wait(self) -> Watch:
        """Until the end, whatever it is. Raises TimeoutError."""
        _await(self._has_ended)
        return self

    def begin(self) -> Watch:
        """Until the first token. Raises TimeoutError, and the error of a request that has none."""
        _await(self.has_begun)
        if isinstance(self.last, Failed):
            raise self.last.error
        return self

    def finish(self) -> Done:
        """Until the end. Raises as `begin` does."""
        self.wait().begin()
        assert isinstance(self.last, Done), "neither failed nor under way"
        return self.last


def _await(event: threading.Event) -> None:
    if not event.wait(LONGEST_S):
        raise TimeoutError(f"the engine did not go on for {LONGEST_S:g} s")


def ask(
    engine: LineEngine, prompt: str, most: int, logprobs: int | None = None
) -> tuple[Ticket, Watch]:
    """A greedy request of at most so many tokens."""
    watch = Watch()
    request = GenerationRequest(
        request_id="bench",
        messages=(ChatMessage(Role.USER, prompt),),
        sampling=SamplingParams(temperature=0),
        max_tokens=most,
        logprobs=logprobs,
    )
    return engine.submit(request, watch), watch


def answered(
    engine: LineEngine, prompt: str, most: int, logprobs: int | None = None
) -> tuple[Watch, Done]:
    """The whole answer, and its end."""
    watch = ask(engine, prompt, most, logprobs)[1]
    return watch, watch.finish()


@contextmanager
def running(engine: LineEngine, ready_s: float = 120.0) -> Iterator[LineEngine]:
    """Started, and closed afterwards."""
    engine.start().result(timeout=ready_s)
    try:
        yield engine
    finally:
        engine.close()
