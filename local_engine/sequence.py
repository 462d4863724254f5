# SPDX-License-Identifier: Apache-2.0
"""One request while it is in line and in a slot. Knows nothing of llama.cpp.

States: waiting -> prompt -> answer -> ended. `finish_reason` is set when it ends by itself.

`tokens` is the prompt and what was drawn since; the first `position` of them are in the context.
In the answer exactly one is not: the newest, which the next step decodes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from local_engine.assembly import TextAssembly
from local_engine.engine import EventSink, FinishReason, GenerationRequest, Timings, Usage
from local_engine.errors import (
    DeadlineExceededError,
    GenerationCancelledError,
    LocalEngineError,
)


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
    cached_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    finish_reason: FinishReason | None = None
    tokens: list[int] = field(init=False, repr=False)
    assembly: TextAssembly = field(init=False, repr=False)
    _cancelled: threading.Event = field(default_factory=threading.Event, repr=False)

    def __post_init__(self) -> None:
        assert self.prompt, "an empty prompt has nothing to decode"
        assert self.max_tokens > 0, "an answer needs room"
        self.tokens = list(self.prompt)
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

    def unwanted(self, now: float) -> LocalEngineError | None:
        """Why nobody wants this answer any more: cancelled, or too late."""
        if self._cancelled.is_set():
            return GenerationCancelledError()
        limit_s = self.request.deadline_s
        if limit_s is None or (self.request.first_token_suffices and self.answered_at is not None):
            return None
        return DeadlineExceededError() if now - self.submitted_at >= limit_s else None

    @property
    def cost(self) -> int:
        """Tokens that it takes from others at most; what the line's fairness counts."""
        return len(self.prompt) + self.max_tokens

    @property
    def prompt_left(self) -> int:
        """Prompt tokens that are still to be decoded."""
        return max(0, len(self.prompt) - self.position)

    @property
    def room(self) -> int:
        """How many tokens may still be drawn."""
        return self.max_tokens - self.completion_tokens

    def next_tokens(self, limit: int) -> list[int]:
        """What to decode next, at `position`: a chunk of the prompt or the newest token."""
        return self.tokens[self.position : self.position + limit]

    def reuse(self, count: int) -> None:
        """`count` tokens of the prompt were found in the context."""
        self.position = self.cached_tokens = count

    def decoded(self, count: int) -> None:
        """`count` tokens more are in the context."""
        self.position += count

    def take(self, token: int, piece: bytes, *, ends: bool) -> str:
        """Take a drawn token in and return the text that has become certain."""
        if ends:
            return self.stop()
        self.completion_tokens += 1
        self.tokens.append(token)
        text = self.assembly.feed(piece)
        if self.assembly.has_stopped:
            self.finish_reason = "stop"
        elif self.completion_tokens >= self.max_tokens:
            self.finish_reason = "length"
            text += self.assembly.flush()
        return text

    def stop(self) -> str:
        """The answer ends here; returns the text that was held back."""
        self.finish_reason = "stop"
        return self.assembly.flush()

    def end(self, finish_reason: FinishReason, completion_tokens: int) -> None:
        """A backend that counts and assembles by itself is done."""
        self.finish_reason = finish_reason
        self.completion_tokens = completion_tokens

    def usage(self) -> Usage:
        """Tokens so far."""
        return Usage(
            prompt_tokens=len(self.prompt),
            completion_tokens=self.completion_tokens,
            cached_tokens=self.cached_tokens,
            drafted_tokens=self.drafted_tokens,
            accepted_tokens=self.accepted_tokens,
        )

    def timings(self, now: float) -> Timings:
        """Times up to `now`."""
        answered_at = now if self.answered_at is None else self.answered_at
        return Timings(
            queued_s=self.started_at - self.submitted_at,
            prefill_s=answered_at - self.started_at,
            decode_s=now - answered_at,
        )
