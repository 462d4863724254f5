# SPDX-License-Identifier: Apache-2.0
"""Restores a stream of server-sent events: bytes in, bytes out, no I/O.

Rules
-----
1. Events end with an empty line. Each is handled when it is complete, and none waits for the next.
2. An event whose data are a JSON object is written anew, in one line of data, with the lines that
   stood before it (`event:`, `id:`) kept. All others, comments among them, pass byte for byte.
3. What is held when `[DONE]` comes, or the stream ends, is given out before it.
4. No event may be longer than `EVENT_BYTES`, so memory is bounded whatever the upstream sends.
"""

from __future__ import annotations

import re

import orjson

from gateway.limits import Json
from gateway.streaming.answers import AnswerTexts

EVENT_BYTES = 1024 * 1024
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n")
_DATA = re.compile(rb"^data:[ ]?([^\r\n]*)(?:\r\n|\r|\n)?", re.MULTILINE)
_DONE = b"[DONE]"


class EventTooLong(Exception):
    """An event that does not end."""


class EventStream:
    """One stream on its way to the caller."""

    __slots__ = ("_buffer", "_last", "_searched", "_texts")

    def __init__(self, texts: AnswerTexts) -> None:
        self._texts = texts
        self._buffer = bytearray()
        self._searched = 0
        self._last: Json | None = None

    def feed(self, chunk: bytes) -> bytes:
        """All events that `chunk` completes, restored; raises EventTooLong.

        Other exceptions are faults of the answer's shape; they may hold text.
        """
        self._buffer += chunk
        out: list[bytes] = []
        while end := _END.search(self._buffer, self._searched):
            event = bytes(self._buffer[: end.end()])
            del self._buffer[: end.end()]
            self._searched = 0
            out.append(self._event(event))
        # An end may have begun in the last three bytes.
        self._searched = max(0, len(self._buffer) - 3)
        if len(self._buffer) > EVENT_BYTES:
            raise EventTooLong
        return b"".join(out)

    def end(self) -> bytes:
        """What is left when the upstream has nothing more; a last event may lack its empty line."""
        last, self._buffer = bytes(self._buffer), bytearray()
        data = _data_of(last)
        if data == _DONE or _object(data) is not None:
            return self._event(last) + self._flushed()
        return self._flushed() + last

    def _event(self, event: bytes) -> bytes:
        data = _data_of(event)
        if data == _DONE:
            return self._flushed() + event
        parsed = _object(data)
        if parsed is None:
            return event
        before = self._texts.feed(parsed)
        self._last = {**parsed, "choices": []}
        others = _DATA.sub(b"", event).strip(b"\r\n")
        head = others + b"\n" if others else b""
        return b"".join([*map(_written, before), head, _written(parsed)])

    def _flushed(self) -> bytes:
        return b"".join(map(_written, self._texts.flush(self._last)))


def _data_of(event: bytes) -> bytes:
    return b"\n".join(_DATA.findall(event))


def _object(data: bytes) -> Json | None:
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _written(event: Json) -> bytes:
    return b"data: " + orjson.dumps(event) + b"\n\n"
