# SPDX-License-Identifier: Apache-2.0
"""One choice of an answer: its tokens turned into OpenAI's deltas, and gathered into a message.

Log-probabilities go with the text that their tokens begin in. Tokens of a stop string, which is cut
off, have none. With tools they go with whatever comes next: a call is not the text of its tokens.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from local_engine.call_reader import CallArguments, CallReader, CallStart, Part
from local_engine.engine import Done, Token, TokenLogprob

# OpenAI's own figure for a token that cannot be; JSON has no infinity.
_IMPOSSIBLE = -9999.0


class Delta(NamedTuple):
    """What a chunk says: the delta, and the log-probabilities of the tokens since the last one."""

    body: dict[str, Any]
    logprobs: dict[str, Any] | None


class Choice:
    """Takes the events of one request in; `finish_reason` is set at the end."""

    def __init__(self, index: int, *, reads_calls: bool, must_call: bool = False) -> None:
        self.index = index
        self.finish_reason = ""
        self._reader = CallReader() if reads_calls else None
        self._must_call = must_call
        self._text: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._logprobs: list[dict[str, Any]] = []
        self._unsent: list[dict[str, Any]] = []
        self._said_bytes = self._told_bytes = 0  # of text, and of the tokens told with it

    def opening(self) -> Delta:
        """The role."""
        return Delta({"role": "assistant", "content": None if self._must_call else ""}, None)

    def take(self, token: Token) -> list[Delta]:
        """The deltas that have become certain with this event."""
        self._unsent += map(_logprob, token.logprobs)
        parts: list[Part] = [token.text]
        if self._reader is not None:
            parts = self._reader.feed(token.text)
        return self._deltas(parts)

    def end(self, done: Done) -> list[Delta]:
        """The deltas that waited for more."""
        reader = self._reader
        parts = reader.end() if reader is not None else []
        has_called = reader is not None and reader.calls > 0 and not reader.is_in_call
        self.finish_reason = "tool_calls" if has_called else done.finish_reason
        if reader is None and done.finish_reason == "stop":
            self._unsent.clear()
        return self._deltas(parts)

    def last_logprobs(self) -> dict[str, Any] | None:
        """Those of tokens that no delta stood for."""
        return self._take_logprobs(to_the_last=True)

    def message(self) -> dict[str, Any]:
        """The whole choice, for an answer that is not streamed."""
        self._take_logprobs(to_the_last=True)
        text = "".join(self._text)
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if self._calls:
            message |= {"content": text or None, "tool_calls": self._calls}
        return {
            "index": self.index,
            "message": message,
            "logprobs": _logprobs_body(self._logprobs),
            "finish_reason": self.finish_reason,
        }

    def _deltas(self, parts: list[Part]) -> list[Delta]:
        return [Delta(self._delta(part), self._take_logprobs()) for part in parts if part]

    def _delta(self, part: Part) -> dict[str, Any]:
        if isinstance(part, str):
            self._text.append(part)
            self._said_bytes += len(part.encode())
            return {"content": part}
        if isinstance(part, CallStart):
            function = {"name": part.name, "arguments": ""}
            call = {"id": part.call_id, "type": "function", "function": function}
            self._calls.append({**call, "function": dict(function)})
            return {"tool_calls": [{"index": part.index, **call}]}
        assert isinstance(part, CallArguments)
        self._calls[part.index]["function"]["arguments"] += part.text
        return {"tool_calls": [{"index": part.index, "function": {"arguments": part.text}}]}

    def _take_logprobs(self, *, to_the_last: bool = False) -> dict[str, Any] | None:
        count = 0
        for token in self._unsent:
            if self._reader is None and not to_the_last and self._told_bytes >= self._said_bytes:
                break
            self._told_bytes += len(token["bytes"])
            count += 1
        taken, self._unsent = self._unsent[:count], self._unsent[count:]
        self._logprobs += taken
        return _logprobs_body(taken)


def _logprobs_body(tokens: list[dict[str, Any]]) -> dict[str, Any] | None:
    return {"content": tokens, "refusal": None} if tokens else None


def _logprob(token: TokenLogprob) -> dict[str, Any]:
    top = [_one(piece, value) for piece, value in token.top]
    return {**_one(token.piece, token.logprob), "top_logprobs": top}


def _one(piece: bytes, logprob: float) -> dict[str, Any]:
    return {
        "token": piece.decode("utf-8", "replace"),
        "logprob": max(logprob, _IMPOSSIBLE),
        "bytes": list(piece),
    }
