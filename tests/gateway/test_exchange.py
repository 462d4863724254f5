# SPDX-License-Identifier: Apache-2.0
"""One exchange over ASGI, driven by a scripted caller."""

from __future__ import annotations

import asyncio

import pytest

from gateway.channel import AsgiChannel
from gateway.errors import BadRequest, HeadersTooLarge, LocalUnavailable
from gateway.exchange import Exchange
from gateway.limits import ClientGone, Limits
from tests.gateway.fakes import Caller, exchange_of


async def test_body_and_json() -> None:
    """The body is read whole and measured; JSON is parsed within the limits."""
    exchange = exchange_of(Caller.posting(b'{"a": 1}'))

    assert await exchange.json() == {"a": 1}
    assert exchange.body_bytes == 8
    exchange.close()


async def test_limits_apply() -> None:
    """The limits given are the ones that count."""
    with pytest.raises(HeadersTooLarge):
        exchange_of(Caller(), [(b"a", b"1")], Limits(headers=0))


async def test_headers_are_read_on_open_only() -> None:
    """A request with bad headers can still be answered."""
    caller = Caller()
    raw = [(b"x-api-key", b"1"), (b"x-api-key", b"2")]
    exchange = Exchange(AsgiChannel(raw, caller.receive, caller.send), Limits())
    with pytest.raises(BadRequest) as caught:
        exchange.open()

    await exchange.fail(caught.value)
    assert (caller.status, caller.error["code"]) == (400, "bad_header")


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        (b"req-1.a:B_2", True),
        (b"x" * 128, True),
        (b"x" * 129, False),
        (b"", False),
        (b"a b", False),
        (b"a\r\nx: y", False),
        (b"caf\xe9", False),
    ],
)
async def test_request_id_is_echoed_when_it_is_harmless(sent: bytes, echoed: bool) -> None:
    """A caller's request id comes back on the answer, unless it could break a header."""
    caller = Caller()
    await exchange_of(caller, [(b"x-request-id", sent)]).answer(200, b"{}")

    assert (caller.headers.get(b"x-request-id") == sent) is echoed
    assert (b"x-request-id" in caller.headers) is echoed


async def test_answer_has_length_type_and_trace() -> None:
    """A complete answer carries its length, its type and what was noted on the way."""
    caller = Caller()
    exchange = exchange_of(caller)
    exchange.trace.append((b"x-nearward-route", b"local"))
    assert not exchange.has_begun_answer

    await exchange.answer(200, b"[1]")

    assert exchange.has_begun_answer
    assert caller.headers == {
        b"content-type": b"application/json",
        b"content-length": b"3",
        b"x-nearward-route": b"local",
    }
    assert caller.is_complete


async def test_fail_says_when_to_come_back() -> None:
    """An error is an envelope with its headers."""
    caller = Caller()
    await exchange_of(caller).fail(LocalUnavailable("busy", retry_after_s=4))

    assert (caller.status, caller.headers[b"retry-after"]) == (503, b"4")
    assert caller.error["code"] == "local_unavailable"


async def test_streamed_answer() -> None:
    """Head, pieces and end, in that order, with the trace in the head."""
    caller = Caller()
    exchange = exchange_of(caller)
    exchange.trace.append((b"a", b"b"))
    await exchange.begin(200, [(b"content-type", b"text/event-stream")])
    await exchange.chunk(b"1")
    assert not caller.is_complete
    await exchange.end()

    assert caller.headers == {b"content-type": b"text/event-stream", b"a": b"b"}
    assert (caller.body, caller.is_complete) == (b"1", True)


async def test_client_that_leaves_inside_its_body() -> None:
    """No body, no request."""
    with pytest.raises(ClientGone):
        await exchange_of(Caller({"type": "http.disconnect"})).body()


async def test_departure_cancels_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """While an answer is worked on, the client's leaving cancels that work at once."""
    monkeypatch.setattr("gateway.channel._WATCH_AFTER_S", 0.001)
    caller = Caller.posting(b"{}")
    begun = asyncio.Event()
    exchanges: list[Exchange] = []

    async def work() -> None:
        exchange = exchange_of(caller)
        exchanges.append(exchange)
        try:
            await exchange.body()
            begun.set()
            await asyncio.Event().wait()
        finally:
            exchange.close()

    task = asyncio.create_task(work())
    await begun.wait()
    assert not exchanges[0].client_is_gone
    caller.leave()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)
    assert exchanges[0].client_is_gone


async def test_closed_exchange_watches_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """After close neither the timer nor the watcher runs: no task is left and none cancelled."""
    monkeypatch.setattr("gateway.channel._WATCH_AFTER_S", 0)
    caller = Caller.posting(b"{}")
    exchange = exchange_of(caller)
    await exchange.body()
    await asyncio.sleep(0.01)
    exchange.close()
    caller.leave()
    await asyncio.sleep(0.01)

    assert not exchange.client_is_gone
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_trailing_messages_are_no_departure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a disconnect is one, whatever else a server may still say."""
    monkeypatch.setattr("gateway.channel._WATCH_AFTER_S", 0)
    whole = {"type": "http.request", "body": b"{}", "more_body": False}
    exchange = exchange_of(Caller(whole, {"type": "http.request"}, {"type": "http.request"}))
    await exchange.body()
    await asyncio.sleep(0.01)

    assert not exchange.client_is_gone
    exchange.close()


async def test_quick_answers_start_no_watcher() -> None:
    """An exchange that is over at once costs no task."""
    exchange = exchange_of(Caller.posting(b"{}"))
    await exchange.body()
    await exchange.answer(200, b"{}")
    exchange.close()

    assert asyncio.all_tasks() == {asyncio.current_task()}
