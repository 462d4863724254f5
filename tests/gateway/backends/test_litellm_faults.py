# SPDX-License-Identifier: Apache-2.0
"""How a litellm call ends when the wire or litellm fails: once, with the truth, without text."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from gateway.backends.errors import (
    BackendError,
    ConnectFailed,
    FirstByteTimeout,
    ProtocolBroken,
    RequestRefused,
    ResponseTooLarge,
    TotalTimeout,
    UpstreamError,
)
from tests.doubles.cloud import HANG, Act, Cloud, Ending
from tests.gateway.backends.litellm_road import (
    CANARY,
    KINDS,
    RESPONSE_BYTES,
    UNANSWERED,
    Road,
    http,
    kind_of,
    streamed,
)

# litellm leaves coroutines and sockets to the garbage collector; the claims here are about bytes.
pytestmark = [pytest.mark.cloud, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_is_not_tried_again_or_elsewhere(road: Road, stream: bool) -> None:
    """One call is one request: litellm's retries and fallbacks are off."""
    road.cloud.otherwise = Act(status=503)
    reply = await road.backend.send(road.call(stream=stream))

    assert reply.status == 503
    assert len(road.cloud.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("act", UNANSWERED)
async def test_a_broken_connection_is_not_opened_again(
    road: Road, act: Act, stream: bool, looked_up: list[str]
) -> None:
    """Garbage and early ends: the request was sent once, and the error says that it left."""
    road.cloud.otherwise = act
    with pytest.raises(UpstreamError) as caught:
        reply = await road.backend.send(road.call(stream=stream))
        while await reply.next():
            pass

    assert caught.value.may_have_left
    assert road.cloud.connections == len(road.cloud.requests) == 1
    assert len(looked_up) <= 2  # the name, and the address


async def test_nobody_there(road: Road) -> None:
    """A refused connection is told apart from one that broke: nothing left."""
    await road.cloud.__aexit__()
    with pytest.raises(ConnectFailed) as caught:
        await road.backend.send(road.call())

    assert not caught.value.may_have_left


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 429, 500, 529])
async def test_a_refusal_is_a_reply_with_its_status(road: Road, status: int) -> None:
    """As from a pass-through destination; its words only where they speak about the request."""
    words = "your key sk-upstream or your temperature"
    error = {"type": "error", "error": {"type": "x", "message": words}}
    body = json.dumps(error if kind_of(road) == "anthropic" else {"error": words}).encode()
    road.cloud.plan(Act(raw=http(body, status=status, more="retry-after: 7\r\n")))
    reply = await road.backend.send(road.call())
    told = json.loads(await reply.read(10_000))["error"]

    assert reply.status == status
    assert dict(reply.headers)[b"retry-after"] == b"7"
    assert told["code"] == "upstream_refused"
    is_about_the_request = status in {400, 413, 422}
    assert told["message"] == (
        words if is_about_the_request else f"the destination refused the request ({status})"
    )


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"error": 5}'])
async def test_a_refusal_without_words_gets_ours(road: Road, body: bytes) -> None:
    """Whatever came with the status."""
    road.cloud.plan(Act(raw=http(body, status=400)))
    reply = await road.backend.send(road.call())

    assert (reply.status, b"refused the request (400)" in await reply.read(10_000)) == (400, True)


class BadStatus(Exception):
    """An error of litellm that blames the request."""

    status_code = 400


@pytest.mark.parametrize(
    ("error", "ends"), [(ValueError("x"), RequestRefused), (BadStatus("x"), None)]
)
async def test_litellm_fails_before_it_sends(
    road: Road, monkeypatch: pytest.MonkeyPatch, error: Exception, ends: type[BackendError] | None
) -> None:
    """A fault that is not the caller's is no 400, and one that is, is."""
    litellm = await road.backend._load()

    async def failing(**_: Any) -> None:
        raise error

    monkeypatch.setattr(litellm, "acompletion", failing)
    if ends is None:
        assert (await road.backend.send(road.call())).status == 400
    else:
        with pytest.raises(ends):
            await road.backend.send(road.call())


@pytest.mark.parametrize(
    ("limits", "deadline_s", "error"),
    [
        ({"first_byte_s": 30.0, "total_s": 60.0}, 0.05, FirstByteTimeout),
        ({"first_byte_s": 0.05}, None, FirstByteTimeout),
        # Too short to connect in, but connecting has its own limit.
        ({}, 1e-6, FirstByteTimeout),
        ({"first_byte_s": 30.0, "total_s": 0.05}, None, TotalTimeout),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_each_phase_has_its_limit(
    kind: str, limits: dict[str, float], deadline_s: float | None, error: type[BackendError]
) -> None:
    """A caller's latency budget shortens the wait for the first byte; total_s bounds it all."""
    async with Cloud() as cloud:
        road = Road(kind, cloud, **limits)
        cloud.plan(HANG)
        await road.backend._load()  # the import is no part of the call
        with pytest.raises(error) as caught:
            await road.backend.send(road.call()._replace(deadline_s=deadline_s))
        await road.backend.close()

    assert caught.value.may_have_left


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_is_too_large_is_given_up(road: Road, stream: bool) -> None:
    """`server.max_response_bytes` holds here too, before litellm has kept the answer."""
    road.cloud.plan(Act(raw=http(b" " * (RESPONSE_BYTES + 1))))
    with pytest.raises(ResponseTooLarge):
        reply = await road.backend.send(road.call(stream=stream))
        await reply.next()


async def test_an_answer_that_is_compressed_is_given_up(road: Road) -> None:
    """Nobody asked for it, and its size in memory would not be known."""
    body = gzip.compress(b"{}")
    road.cloud.plan(Act(raw=http(body, more="content-encoding: gzip\r\n")))
    with pytest.raises(ProtocolBroken):
        await road.backend.send(road.call())

    assert b"accept-encoding: identity" in road.cloud.requests[0].raw.head.lower()


async def test_a_stream_that_ends_early_is_not_whole(road: Road) -> None:
    """Without a length the end of the connection is no sign that all was said: no [DONE]."""
    raw = streamed(kind_of(road)).replace(b"content-length", b"x-length")
    road.cloud.plan(Act(raw=raw[: len(raw) * 2 // 3]))
    reply = await road.backend.send(road.call(stream=True))
    said = b""
    with pytest.raises(BackendError):
        while piece := await reply.next():
            said += piece

    assert b"Hello" in said
    assert b"[DONE]" not in said


BROKEN = [
    *(Act(status=status) for status in (400, 401, 429, 500)),
    Act(
        raw=http(
            b'{"error":{"type":"x","message":"you said ' + CANARY.encode() + b'"}}', status=500
        )
    ),
    Act(raw=http(b"not json " + CANARY.encode())),
    Act(raw=http(b"{}")),
    *UNANSWERED,
]


@pytest.mark.parametrize("act", BROKEN)
async def test_errors_carry_no_text(
    road: Road, act: Act, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong: an error or a refusal without prompt, answer, key, cause or log line."""
    road.cloud.plan(act)
    try:
        reply = await road.backend.send(road.call(text=CANARY))
    except BackendError as error:
        assert error.__cause__ is None or error.__suppress_context__
        shown = f"{error!r} {error} {error.args}"
    else:
        assert reply.status >= 400
        shown = (await reply.read(10_000)).decode()
    printed = "".join(capfd.readouterr()) + caplog.text
    for secret in (CANARY, "sk-upstream", "you said"):
        assert secret not in shown
        assert secret not in printed


async def test_silent_stream_times_out(road: Road) -> None:
    """A stream that stops is an error within the idle timeout, not a hang."""
    raw = streamed(kind_of(road))
    cut = raw.replace(b"content-length", b"x-length")[: len(raw) // 2]
    road.cloud.plan(Act(raw=cut, ending=Ending.SILENCE))
    reply = await road.backend.send(road.call(stream=True))

    with pytest.raises(BackendError):
        async with asyncio.timeout(3):
            while await reply.next():
                pass
    reply.close()
    assert await reply.next() == b""


async def test_abandoned_stream_is_closed(road: Road) -> None:
    """Closing a reply midway ends the upstream's connection (F9)."""
    raw = streamed(kind_of(road)).replace(b"content-length", b"x-length")
    road.cloud.plan(Act(raw=raw[: len(raw) * 3 // 4], ending=Ending.SILENCE))
    reply = await road.backend.send(road.call(stream=True))
    assert await reply.next()
    reply.close()

    await road.cloud.until(lambda: road.cloud.open_connections == 0)
