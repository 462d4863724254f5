# SPDX-License-Identifier: Apache-2.0
"""The bodies of a chat completion in OpenAI's shape, whole and as server-sent events.

Order of a stream: role delta, content deltas, the chunk with `finish_reason`, the usage chunk
with `choices: []` when asked for, `[DONE]`. An error ends a stream without `[DONE]`, so that no
client takes a broken answer for a whole one.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from local_engine.engine import Done, FinishReason, Usage
from local_engine.errors import LocalEngineError

DONE_EVENT = b"data: [DONE]\n\n"


def usage_body(usage: Usage) -> dict[str, int]:
    """OpenAI's usage object."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
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

    def whole(self, text: str, done: Done) -> bytes:
        """The body of an answer that is not streamed."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": None,
            "finish_reason": done.finish_reason,
        }
        head = self._head("chat.completion")
        return orjson.dumps({**head, "choices": [choice], "usage": usage_body(done.usage)})

    def _chunk(self, delta: dict[str, str], finish_reason: FinishReason | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        body = {**self._head("chat.completion.chunk"), "choices": [choice]}
        if self.includes_usage:
            body["usage"] = None
        return event(body)

    def opening(self) -> bytes:
        """The role delta."""
        return self._chunk({"role": "assistant", "content": ""}, None)

    def content(self, text: str) -> bytes:
        """One content delta."""
        return self._chunk({"content": text}, None)

    def closing(self, done: Done) -> bytes:
        """Everything from the finish reason on."""
        parts = [self._chunk({}, done.finish_reason)]
        if self.includes_usage:
            head = self._head("chat.completion.chunk")
            parts.append(event({**head, "choices": [], "usage": usage_body(done.usage)}))
        return b"".join([*parts, DONE_EVENT])
