# SPDX-License-Identifier: Apache-2.0
"""What comes back through litellm: a stream of chunks, or a refusal in another envelope."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

import orjson

from gateway.backends.base import BytesReply
from gateway.backends.errors import ProtocolBroken, ResponseTruncated, TotalTimeout
from gateway.errors import BadRequest, openai_envelope

if TYPE_CHECKING:  # imports litellm
    from gateway.backends.litellm_guard import Traffic

_MESSAGE_CHARS: Final = 1000
# The last event of a whole stream: Anthropic's, Ollama's. litellm ends a stream that was cut off
# just as it ends a whole one.
_LAST_WORDS: Final = re.compile(rb'message_stop|"done"\s*:\s*true')
# Statuses that speak about the request; another's may speak about our key.
_ABOUT_THE_REQUEST: Final = frozenset({400, 413, 422})


def refusal(status: int, body: bytes, retry_after: bytes) -> BytesReply:
    """An upstream's refusal in OpenAI's shape, in its own words where they are for the caller."""
    words = _message_of(body) if status in _ABOUT_THE_REQUEST else ""
    error = BadRequest(
        words or f"the destination refused the request ({status})", code="upstream_refused"
    )
    headers = [(b"content-type", b"application/json")]
    if retry_after:
        headers.append((b"retry-after", retry_after))
    return BytesReply(status, openai_envelope(error), headers)


def _message_of(body: bytes) -> str:
    """`{"error": {"message": "..."}}` as Anthropic writes it, `{"error": "..."}` as Ollama does."""
    try:
        error = orjson.loads(body).get("error")
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    message = error.get("message") if isinstance(error, dict) else error
    return message[:_MESSAGE_CHARS] if isinstance(message, str) else ""


class StreamReply:
    """litellm's chunks as OpenAI's server-sent events. `until` is a time of the event loop."""

    status = 200

    def __init__(self, chunks: AsyncIterator[Any], traffic: Traffic, until: float) -> None:
        self.headers = [(b"content-type", b"text/event-stream")]
        self._chunks = chunks
        self._traffic = traffic
        self._until = until
        self._is_done = False

    async def next(self) -> bytes:
        """The next event; `[DONE]` as the last one, then b""."""
        if self._is_done:
            return b""
        try:
            async with asyncio.timeout_at(self._until):
                chunk = await anext(self._chunks)
        except StopAsyncIteration:
            return self._end()
        except TimeoutError:
            raise TotalTimeout("the answer took too long", head_seen=True) from None
        except Exception:
            broken = ProtocolBroken("the stream is not what was asked for", head_seen=True)
            raise self._traffic.failure or broken from None
        return b"data: " + orjson.dumps(chunk.model_dump(exclude_none=True)) + b"\n\n"

    def _end(self) -> bytes:
        if self._traffic.failure is not None:
            raise self._traffic.failure
        if not _LAST_WORDS.search(self._traffic.tail):
            raise ResponseTruncated("the stream broke off", head_seen=True)
        self._is_done = True
        return b"data: [DONE]\n\n"

    async def read(self, limit_bytes: int) -> bytes:
        """A stream is not read whole."""
        raise AssertionError("a stream is read with next()")

    def close(self) -> None:
        """Abandon the stream; its connection is closed in the background."""
        self._is_done = True
        task = asyncio.ensure_future(_close_all([*self._traffic.streams, self._chunks]))
        _closing.add(task)
        task.add_done_callback(_closing.discard)


_closing: set[asyncio.Future[None]] = set()


async def _close_all(streams: list[Any]) -> None:
    for stream in streams:
        closing = getattr(stream, "aclose", None)
        if closing is not None:
            with contextlib.suppress(Exception):
                await closing()
