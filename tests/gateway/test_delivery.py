# SPDX-License-Identifier: Apache-2.0
"""Handing an answer over: whole, streamed, broken off, or abandoned by the caller."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from gateway.backends.errors import ResponseTruncated
from gateway.delivery import Delivery, deliver
from gateway.exchange import Exchange
from gateway.execution import Answer
from gateway.streaming.sse import Usage
from tests.gateway.fakes import Caller, FakeReply, events_of, exchange_of, silence, stream_of
from tests.gateway.judging import attempt_at

EVENT = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
END = b'data: {"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\ndata: [DONE]\n\n'


def plain(status: int, body: bytes) -> Answer:
    return Answer(attempt_at("c1"), 1, "x", status, b"application/json", body)


def streamed(rest: FakeReply, first: bytes = EVENT) -> Answer:
    return Answer(attempt_at("c1"), 1, "x", 200, b"text/event-stream", first, rest)


async def test_whole_answer() -> None:
    """Body, length and type arrive; the usage is counted."""
    caller = Caller()
    body = b'{"usage":{"prompt_tokens":3,"completion_tokens":5}}'

    assert await deliver(plain(200, body), exchange_of(caller)) == Delivery("complete", Usage(3, 5))
    assert (caller.status, caller.body) == (200, body)
    assert caller.headers[b"content-length"] == str(len(body)).encode()
    assert caller.headers[b"content-type"] == b"application/json"


async def test_refusal_of_the_upstream() -> None:
    """A caller's fault is delivered with its status and counted as such."""
    caller = Caller()

    delivery = await deliver(plain(422, b"{}"), exchange_of(caller))
    assert delivery == Delivery("upstream_refused", error="http_422")
    assert caller.status == 422


async def test_complete_stream() -> None:
    """Bytes pass untouched, in order, and the stream ends."""
    caller, rest = Caller(), stream_of(EVENT[:20], EVENT[20:], END)

    assert await deliver(streamed(rest), exchange_of(caller)) == Delivery("complete", Usage(3, 5))
    assert caller.body == EVENT * 2 + END
    assert caller.is_complete
    assert caller.headers[b"cache-control"] == b"no-cache"
    assert b"content-length" not in caller.headers
    assert rest.is_closed


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        ((ResponseTruncated("x", head_seen=True),), "upstream_truncated"),
        ((silence(),), "upstream_idle_timeout"),
        ((EVENT, b'data: {"choi', silence()), "upstream_idle_timeout"),
        ((), "upstream_truncated"),
        ((EVENT, b'data: {"choi'), "upstream_truncated"),
        ((b'data: {"c":"data: [DONE]',), "upstream_truncated"),
    ],
)
async def test_broken_stream_ends_with_an_error_and_without_done(
    pieces: tuple[Any, ...], code: str
) -> None:
    """Cut, silent or ended early: one whole error event closes it, and no [DONE]."""
    caller, rest = Caller(), stream_of(*pieces)
    delivery = await deliver(streamed(rest), exchange_of(caller))

    assert (delivery.result, delivery.error) == ("truncated", code)
    *before, last = events_of(caller.body)
    assert orjson.loads(last)["error"]["code"] == code
    assert b"[DONE]" not in b"".join(before).replace(b'"data: [DONE]', b"")
    assert caller.body.endswith(b"\n\n")
    assert caller.is_complete
    assert rest.is_closed


async def test_usage_of_a_broken_stream_still_counts() -> None:
    """Tokens that were reported before the break are recorded."""
    usage = b'data: {"usage":{"prompt_tokens":7,"completion_tokens":1}}\n\n'
    delivery = await deliver(streamed(stream_of(silence()), usage), exchange_of(Caller()))

    assert delivery.usage == Usage(7, 1)


async def until_streaming(caller: Caller) -> None:
    async with asyncio.timeout(2):
        while len(caller.sent) < 2:
            await asyncio.sleep(0)


async def test_client_that_leaves_ends_the_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that leaves midway is noticed while the upstream is silent; the reply is closed."""
    monkeypatch.setattr("gateway.channel._WATCH_AFTER_S", 0)
    caller, rest = Caller.posting(b"{}"), stream_of(hangs=True)
    seen: list[Exchange] = []

    async def handle() -> Delivery:
        exchange = exchange_of(caller)
        seen.append(exchange)
        await exchange.body()
        try:
            return await deliver(streamed(rest), exchange)
        finally:
            exchange.close()

    task = asyncio.create_task(handle())
    await until_streaming(caller)
    caller.leave()

    assert (await asyncio.wait_for(task, 2)).result == "client_gone"
    assert seen[0].client_is_gone
    assert rest.is_closed
    assert caller.body == EVENT


async def test_client_that_leaves_during_a_whole_answer() -> None:
    """A client that leaves while it is sent a whole answer is recorded as gone, not as an error."""

    class Slow(Caller):
        async def send(self, message: dict[str, Any]) -> None:
            await super().send(message)
            if message["type"] == "http.response.body":
                exchange._gone = True
                raise asyncio.CancelledError

    caller = Slow()
    exchange = exchange_of(caller)

    assert (await deliver(plain(200, b"{}"), exchange)).result == "client_gone"
    exchange._gone = False


async def test_cancelled_whole_answer_without_a_departure_is_passed_on() -> None:
    """A stop of the gateway is not taken for the client's leaving."""

    class Stopping(Caller):
        async def send(self, message: dict[str, Any]) -> None:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await deliver(plain(200, b"{}"), exchange_of(Stopping()))


async def test_shutdown_closes_the_stream_with_an_error() -> None:
    """When the gateway stops, an open stream gets an error event (F15) and the task ends."""
    caller, rest = Caller(), stream_of(b'data: {"choi', hangs=True)
    task = asyncio.create_task(deliver(streamed(rest), exchange_of(caller)))
    async with asyncio.timeout(2):
        while len(caller.sent) < 3:
            await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert orjson.loads(events_of(caller.body)[-1])["error"]["code"] == "shutting_down"
    assert caller.is_complete
    assert rest.is_closed


async def test_a_server_that_refuses_to_send_ends_the_upstream() -> None:
    """When the server raises because the client left, the reply is closed all the same."""

    class Gone(Caller):
        async def send(self, message: dict[str, Any]) -> None:
            raise OSError("gone")

    rest = stream_of(EVENT)
    with pytest.raises(OSError, match="gone"):
        await deliver(streamed(rest), exchange_of(Gone()))
    assert rest.is_closed
