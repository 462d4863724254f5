# SPDX-License-Identifier: Apache-2.0
"""A watcher for server-sent events that pass through: bytes in, facts out, no I/O, no copy kept.

Theory of operation
-------------------
Chunks are forwarded as they come; this machine only follows them, to know three things when the
stream ends: did the final `data: [DONE]` arrive (if not, the stream was cut), does the text so
far end between two events (if not, an error event must first close the torn one), and what did
the last event with a `usage` object say.

Rule 1. Events are separated by an empty line: LF LF or CR LF CR LF.
Rule 2. Only the end of the stream matters, so only the last `_WINDOW` bytes are held: memory is
        bounded whatever the upstream sends.
Rule 3. How the bytes were cut into chunks changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

# The usage event and [DONE] that end a stream take a few hundred bytes; 16 KiB leaves room for
# upstreams that repeat the last delta beside the usage.
_WINDOW = 16 * 1024
# Larger numbers are nobody's, and JSON cannot be relied on with them.
_MOST_TOKENS = 1 << 53
# At the start of a line only: text that an answer quotes stands inside a JSON string.
_DONE = re.compile(rb"(?:\A|[\r\n])data: ?\[DONE\]\Z")
_DONE_BYTES = len(b"\ndata: [DONE]")
_DATA = re.compile(rb"^data: ?(\{.*\})\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the answering side counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


NO_USAGE = Usage()


class SseTail:
    """Follows one stream."""

    __slots__ = ("_held", "_pieces", "_tail")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the stream."""
        self._pieces.append(chunk)
        self._held += len(chunk)
        if self._held > 2 * _WINDOW:
            self._join()

    def is_done(self) -> bool:
        """Whether the stream ended with its final event."""
        end = self._join().rstrip(b"\r\n ")
        return _DONE.search(end, max(0, len(end) - _DONE_BYTES)) is not None

    def is_between_events(self) -> bool:
        """Whether the bytes so far end where an event may begin."""
        tail = self._join()
        return not tail or tail.endswith((b"\n\n", b"\n\r\n"))

    def usage(self) -> Usage:
        """The usage of the last event that has one."""
        tail = self._join()
        if b'"usage"' not in tail:
            return NO_USAGE
        for match in reversed(_DATA.findall(tail)):
            found = usage_of(match)
            if found is not NO_USAGE:
                return found
        return NO_USAGE

    def _join(self) -> bytes:
        if self._pieces:
            self._tail = b"".join((self._tail, *self._pieces))[-_WINDOW:]
            self._pieces.clear()
            self._held = len(self._tail)
        return self._tail


def usage_of(body: bytes) -> Usage:
    """The `usage` of an OpenAI-shaped JSON object; NO_USAGE where there is none."""
    try:
        usage = orjson.loads(body).get("usage")
        prompt = usage["prompt_tokens"]
        if "completion_tokens" in usage:
            completion = usage["completion_tokens"]
        else:  # embeddings
            completion = usage["total_tokens"] - prompt
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return NO_USAGE
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return NO_USAGE
    if max(prompt, completion) > _MOST_TOKENS:
        return NO_USAGE
    return Usage(max(0, prompt), max(0, completion))


def error_event(message: str, code: str) -> bytes:
    """The event that ends a stream which cannot be finished."""
    error = {"message": message, "type": "api_error", "param": None, "code": code}
    return b"data: " + orjson.dumps({"error": error}) + b"\n\n"
