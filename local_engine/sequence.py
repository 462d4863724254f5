# SPDX-License-Identifier: Apache-2.0
"""One request while it is in line and in a slot. Knows nothing of llama.cpp.

States: waiting -> prompt -> answer -> ended. `finish_reason` is set when it ends by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from local_engine.assembly import TextAssembly
from local_engine.engine import EventSink, FinishReason, GenerationRequest, Timings, Usage


@dataclass(slots=True, kw_only=True, eq=False)
class Sequence:
    """The tokens of one request, how far they are decoded, and its clock readings (seconds)."""

    request: GenerationRequest
    sink: EventSink = field(repr=False)
    prompt: tuple[int, ...] = field(repr=False)
    max_tokens: int
    submitted_at: float
    started_at: float = 0.0
    answered_at: float | None = None
    position: int = 0
    completion_tokens: int = 0
    finish_reason: FinishReason | None = None
    assembly: TextAssembly = field(init=False, repr=False)
    _cancelled: threading.Event = field(default_factory=threading.Event, repr=False)
    _next: int = -1

    def __post_init__(self) -> None:
        assert self.prompt, "an empty prompt has nothing to decode"
        assert self.max_tokens > 0, "an answer needs room"
        self.assembly = TextAssembly(self.request.stop)

    def start(self, now: float) -> None:
        """It has a slot from `now` on."""
        self.started_at = now

    def mark_first_token(self, clock: Callable[[], float]) -> None:
        """Note when the prompt was done; later calls change nothing."""
        if self.answered_at is None:
            self.answered_at = clock()

    def cancel(self) -> None:
        """Ask for the end; any thread."""
        self._cancelled.set()

    def is_cancelled(self) -> bool:
        """Whether somebody asked for the end."""
        return self._cancelled.is_set()

    @property
    def is_in_prompt(self) -> bool:
        """Whether prompt tokens are still to be decoded."""
        return self.position < len(self.prompt)

    def next_tokens(self, limit: int) -> tuple[int, ...]:
        """What to decode next, at `position`: a chunk of the prompt or the newest token."""
        if self.is_in_prompt:
            return self.prompt[self.position : self.position + limit]
        return (self._next,)

    def decoded(self, count: int) -> None:
        """`count` tokens are in the context."""
        self.position += count

    def take(self, token: int, piece: bytes, *, ends: bool) -> str:
        """Take a drawn token in and return the text that has become certain."""
        if ends:
            self.finish_reason = "stop"
            return self.assembly.flush()
        self.completion_tokens += 1
        self._next = token
        text = self.assembly.feed(piece)
        if self.assembly.has_stopped:
            self.finish_reason = "stop"
        elif self.completion_tokens >= self.max_tokens:
            self.finish_reason = "length"
            text += self.assembly.flush()
        return text

    def end(self, finish_reason: FinishReason, completion_tokens: int) -> None:
        """A backend that counts and assembles by itself is done."""
        self.finish_reason = finish_reason
        self.completion_tokens = completion_tokens

    def usage(self) -> Usage:
        """Tokens so far."""
        return Usage(prompt_tokens=len(self.prompt), completion_tokens=self.completion_tokens)

    def timings(self, now: float) -> Timings:
        """Times up to `now`."""
        answered_at = now if self.answered_at is None else self.answered_at
        return Timings(
            queued_s=self.started_at - self.submitted_at,
            prefill_s=answered_at - self.started_at,
            decode_s=now - answered_at,
        )
