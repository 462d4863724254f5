# SPDX-License-Identifier: Apache-2.0
"""The bodies of a chat completion in OpenAI's shape, whole and as server-sent events.

Order of a stream, for each choice: role delta, content deltas, the chunk with `finish_reason`; then
the usage chunk with `choices: []` when asked for, and `[DONE]`. An error ends a stream without
`[DONE]`, so that no client takes a broken answer for a whole one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from local_engine.choice import Choice, Delta
from local_engine.engine import Done
from local_engine.errors import LocalEngineError

DONE_EVENT = b"data: [DONE]\n\n"


def usage_body(ends: Sequence[Done]) -> dict[str, object]:
    """OpenAI's usage object: the prompt is counted once, however many choices follow it."""
    prompt = ends[0].usage.prompt_tokens
    completion = sum(done.usage.completion_tokens for done in ends)
    accepted = sum(done.usage.accepted_tokens for done in ends)
    rejected = sum(done.usage.drafted_tokens for done in ends) - accepted
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": ends[0].usage.cached_tokens},
        "completion_tokens_details": {
            "accepted_prediction_tokens": accepted,
            "rejected_prediction_tokens": rejected,
        },
    }


def event(body: object) -> bytes:
    """One server-sent event; JSON has no raw line breaks, so one data line is enough."""
    return b"data: " + orjson.dumps(body) + b"\n\n"


def error_event(error: LocalEngineError) -> bytes:
    """What ends a broken stream."""
    return event(error.envelope())


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAnswer:
    """One answer's identity; `created_s` is Unix time."""

    answer_id: str
    model: str
    created_s: int
    includes_usage: bool = False

    def _head(self, kind: str) -> dict[str, object]:
        return {
            "id": self.answer_id,
            "object": kind,
            "created": self.created_s,
            "model": self.model,
        }

    def whole(self, choices: Sequence[Choice], ends: Sequence[Done]) -> bytes:
        """The body of an answer that is not streamed."""
        body = {
            **self._head("chat.completion"),
            "choices": [choice.message() for choice in choices],
            "usage": usage_body(ends),
        }
        return orjson.dumps(body)

    def chunk(self, index: int, delta: Delta, finish_reason: str | None = None) -> bytes:
        """One event for one choice."""
        choice = {
            "index": index,
            "delta": delta.body,
            "logprobs": delta.logprobs,
            "finish_reason": finish_reason,
        }
        body = {**self._head("chat.completion.chunk"), "choices": [choice]}
        if self.includes_usage:
            body["usage"] = None
        return event(body)

    def finish(self, choice: Choice) -> bytes:
        """The chunk with the finish reason."""
        return self.chunk(choice.index, Delta({}, choice.last_logprobs()), choice.finish_reason)

    def closing(self, ends: Sequence[Done]) -> bytes:
        """Everything after the last finish reason."""
        if not self.includes_usage:
            return DONE_EVENT
        head = self._head("chat.completion.chunk")
        return event({**head, "choices": [], "usage": usage_body(ends)}) + DONE_EVENT
