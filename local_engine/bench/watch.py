# SPDX-License-Identifier: Apache-2.0
"""One request to an engine, and when its events came."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

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

    def wait(self, timeout_s: float = 300.0) -> Watch:
        """Until the end."""
        assert self._has_ended.wait(timeout_s), "no end"
        return self


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
    watch = ask(engine, prompt, most, logprobs)[1].wait()
    assert isinstance(watch.last, Done), watch.last
    return watch, watch.last


@contextmanager
def running(engine: LineEngine, ready_s: float = 120.0) -> Iterator[LineEngine]:
    """Started, and closed afterwards."""
    engine.start().result(timeout=ready_s)
    try:
        yield engine
    finally:
        engine.close()
