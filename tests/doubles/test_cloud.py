# SPDX-License-Identifier: Apache-2.0
"""The scripted cloud does what its script says; seen through plain sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.doubles.cloud import HANG, Act, Cloud, Ending, Framing, chat_events


def request(body: dict[str, Any], target: str = "/v1/chat/completions") -> bytes:
    data = json.dumps(body).encode()
    return f"POST {target} HTTP/1.1\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data


async def ask(cloud: Cloud, *requests: bytes) -> bytes:
    """All that comes back on one connection until the cloud closes it or pauses for 50 ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", cloud.port)
    answer = b""
    try:
        for data in requests:
            writer.write(data)
            while True:
                try:
                    piece = await asyncio.wait_for(reader.read(65536), 0.05)
                except TimeoutError:
                    break
                if not piece:
                    return answer
                answer += piece
    finally:
        writer.close()
    return answer


def events_of(answer: bytes) -> list[Any]:
    lines = [line for line in answer.split(b"\r\n") if line.startswith(b"data: ")]
    return [json.loads(line[6:]) for line in lines if b"[DONE]" not in line]


async def test_answers_chat_plainly_and_keeps_the_connection() -> None:
    """Two requests on one connection, each with a chat completion in OpenAI's shape."""
    body = {"model": "m", "messages": [{"role": "user", "content": "one two"}]}
    async with Cloud() as cloud:
        answer = await ask(cloud, request(body), request(body))

    parsed = json.loads(answer.split(b"\r\n\r\n")[-1])
    assert answer.count(b"HTTP/1.1 200") == 2
    assert cloud.connections == 1
    assert parsed["choices"][0]["message"]["content"] == cloud.otherwise.content
    assert parsed["usage"]["total_tokens"] > 0
    assert cloud.requests[0].json == body


@pytest.mark.parametrize("wants_usage", [False, True])
async def test_streams_events(wants_usage: bool) -> None:
    """Role, words, finish, then usage only if asked for, then [DONE]."""
    body = {"stream": True, "stream_options": {"include_usage": wants_usage}}
    async with Cloud() as cloud:
        cloud.plan(Act(content="grüße aus der wolke"))
        answer = await ask(cloud, request(body))

    events = events_of(answer)
    text = "".join(e["choices"][0]["delta"].get("content", "") for e in events if e["choices"])
    assert text == "grüße aus der wolke"
    assert [e["choices"] == [] for e in events].count(True) == int(wants_usage)
    assert b"data: [DONE]\n\n\r\n0\r\n\r\n" in answer


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_refuses_with_a_status(status: int) -> None:
    """A status other than 200 comes with an error body, also for a stream."""
    async with Cloud() as cloud:
        cloud.plan(Act(status=status, retry_after_s=7, headers=(("x-a", "b"),)))
        answer = await ask(cloud, request({"stream": True}))

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Retry-After: 7\r\nx-a: b\r\n" in answer
    assert json.loads(answer.split(b"\r\n\r\n")[1])["error"]["code"] == status


@pytest.mark.parametrize("ending", [Ending.SILENCE, Ending.CLOSE, Ending.GARBAGE])
async def test_cuts_a_stream_off(ending: Ending) -> None:
    """After n events come silence, the end, or bytes that are not HTTP; never [DONE]."""
    async with Cloud() as cloud:
        cloud.plan(Act(events=3, ending=ending))
        answer = await ask(cloud, request({"stream": True}))

    assert len(events_of(answer)) == 3
    assert b"[DONE]" not in answer
    assert (b"garbage" in answer) is (ending is Ending.GARBAGE)


async def test_resets() -> None:
    """RST reaches the client as a reset, not as an orderly end."""
    async with Cloud() as cloud:
        cloud.plan(Act(body_bytes=5, ending=Ending.RESET))
        with pytest.raises(ConnectionResetError):
            await ask(cloud, request({}))


async def test_notices_that_the_client_left() -> None:
    """A client that goes while the cloud hangs is recorded, with the time."""
    async with Cloud() as cloud:
        cloud.plan(HANG)
        assert await ask(cloud, request({})) == b""
        await cloud.until(lambda: cloud.requests[0].has_client_left)

        received = cloud.requests[0]
        assert received.gone_at_s is not None
        assert received.gone_at_s >= received.at_s + 0.04


async def test_sends_in_pieces_and_with_lies() -> None:
    """Pieces, interim responses, lying lengths, HTTP/1.0, raw bytes and unannounced ends."""
    async with Cloud() as cloud:
        cloud.plan(
            Act(piece_bytes=50, piece_gap_s=0.0005, interim=2, length_error_bytes=9),
            Act(framing=Framing.CLOSE, version="1.0"),
        )
        lying = await ask(cloud, request({}), request({}))
        cloud.plan(Act(raw=b"raw"))
        raw = await ask(cloud, request({}))
        cloud.plan(Act(leaves_after=True))
        leaving = await ask(cloud, request({}), request({}))
        await cloud.until(lambda: cloud.open_connections == 0)

    head, _, rest = lying.partition(b"HTTP/1.0 200")
    assert head.count(b"HTTP/1.1 103") == 2
    assert int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]) == 9 + len(
        head.split(b"\r\n\r\n")[-1]
    )
    assert b"content-length" not in rest.lower()
    assert raw == b"raw"
    assert leaving.count(b"HTTP/1.1 200") == 1


async def test_answers_other_endpoints_and_odd_bodies() -> None:
    """Models, embeddings, chunked requests and bodies that are not JSON objects are answered."""
    async with Cloud() as cloud:
        models = await ask(cloud, b"GET /v1/models HTTP/1.1\r\n\r\n")
        vectors = await ask(cloud, request({}, "/v1/embeddings"))
        odd = await ask(
            cloud, b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\n[1]\r\n0\r\n\r\n"
        )
        await ask(cloud, b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nshort")

    assert b'"object":"list"' in models
    assert b'"embedding":[0.25' in vectors
    assert odd.startswith(b"HTTP/1.1 200")
    assert cloud.requests[2].json == [1]
    assert cloud.requests[2].raw.method == "POST"
    assert len(cloud.requests) == 3


def test_events_can_be_huge() -> None:
    """Padding makes each event as long as a test wants."""
    events = list(chat_events({}, "a b", pad_bytes=10_000))

    assert all(len(event) > 10_000 for event in events[:-1])
