# SPDX-License-Identifier: Apache-2.0
"""Hands an answer to the caller, whole or as a stream. After the first byte there is no way back:

a stream that breaks off ends with an error event and without `[DONE]`, so that no client takes
half an answer for a whole one.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal, NamedTuple

from gateway.backends.base import Reply
from gateway.backends.errors import BackendError
from gateway.channel import HeaderList
from gateway.exchange import Exchange
from gateway.execution import Answer
from gateway.routing.breaker import Verdict
from gateway.streaming.sse import NO_USAGE, SseTail, Usage, error_event, usage_of

Result = Literal["complete", "truncated", "client_gone", "upstream_refused"]
_INTERRUPTED = "interrupted"
_STREAM_HEADERS: HeaderList = [
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Delivery(NamedTuple):
    """How an answer ended."""

    result: Result
    usage: Usage = NO_USAGE
    error: str = ""

    @property
    def verdict(self) -> Verdict:
        """What this says of the destination: nothing, when the caller or the gateway left."""
        if self.result in ("complete", "upstream_refused"):
            return "good"
        return "bad" if self.result == "truncated" and self.error != _INTERRUPTED else "none"


CUT_SHORT = Delivery("truncated", error=_INTERRUPTED)
"""The delivery of an answer that the gateway itself stopped."""


async def deliver(answer: Answer, exchange: Exchange) -> Delivery:
    """Send `answer`; returns how it ended, also when the caller left midway."""
    headers = [(b"content-type", answer.content_type)]
    if answer.rest is None:
        try:
            await exchange.answer(answer.status, answer.body, headers)
        except asyncio.CancelledError:
            if not exchange.client_is_gone:
                raise
            return Delivery("client_gone", usage_of(answer.body))
        if answer.status != 200:
            return Delivery("upstream_refused", error=f"http_{answer.status}")
        return Delivery("complete", usage_of(answer.body))
    tail = SseTail()
    try:
        await exchange.begin(answer.status, headers + _STREAM_HEADERS, answer.body)
        return await _stream(answer.body, answer.rest, tail, exchange)
    except asyncio.CancelledError:
        if not exchange.client_is_gone:
            with contextlib.suppress(OSError, RuntimeError):
                await _break_off(tail, exchange, "the gateway is stopping", "shutting_down")
            raise
        return Delivery("client_gone", tail.usage())
    finally:
        answer.rest.close()


async def _stream(first: bytes, rest: Reply, tail: SseTail, exchange: Exchange) -> Delivery:
    try:
        tail.feed(first)
        # Written data leaves when the loop turns: let it, or a burst that is here already would
        # hold up the first token.
        await asyncio.sleep(0)
        while chunk := await rest.next():
            tail.feed(chunk)
            await exchange.chunk(chunk)
    except BackendError as error:
        await _break_off(tail, exchange, "the answer broke off", error.code)
        return Delivery("truncated", tail.usage(), error.code)
    if not tail.is_done():
        await _break_off(tail, exchange, "the answer broke off", "upstream_truncated")
        return Delivery("truncated", tail.usage(), "upstream_truncated")
    await exchange.end()
    return Delivery("complete", tail.usage())


async def _break_off(tail: SseTail, exchange: Exchange, message: str, code: str) -> None:
    if not tail.is_between_events():
        await exchange.chunk(b"\n\n")
    await exchange.chunk(error_event(message, code))
    await exchange.end()
