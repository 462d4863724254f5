# SPDX-License-Identifier: Apache-2.0
"""Faults of the other side: each has its own error, in time, and never harms the next request."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.backends.errors import (
    ConnectFailed,
    ConnectTimeout,
    FirstByteTimeout,
    IdleTimeout,
    ProtocolBroken,
    ResponseTooLarge,
    ResponseTruncated,
    TotalTimeout,
)
from gateway.backends.http1 import Client, Timeouts
from tests.doubles.cloud import HANG, Act, Cloud, Ending, Framing
from tests.doubles.serving import refusing_port
from tests.gateway.backends.conftest import expect_good, post

STREAM = b'{"stream": true}'


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_error_statuses_are_responses(client: Client, cloud: Cloud, status: int) -> None:
    """F1: the caller sees the status, Retry-After and body, and decides."""
    cloud.plan(Act(status=status, retry_after_s=3))

    response = await post(client, cloud)

    assert response.status == status
    assert (b"retry-after", b"3") in response.headers
    assert b"error" in await response.read(1000)


async def test_refused(client: Client, cloud: Cloud) -> None:
    """F2: a refused connection is retryable, and nothing left."""
    with refusing_port() as port, pytest.raises(ConnectFailed) as caught:
        await post(client, cloud, origin=f"http://127.0.0.1:{port}")

    assert caught.value.retryable
    assert not caught.value.may_have_left


async def test_unknown_name(client: Client, cloud: Cloud) -> None:
    """F2: a name that does not resolve is a failed connection."""
    with pytest.raises((ConnectFailed, ConnectTimeout)):
        await post(
            client, cloud, origin="http://no-such-host.invalid", timeouts=Timeouts(connect_s=1)
        )


async def test_missing_socket(cloud: Cloud) -> None:
    """An engine that is not there is a failed connection."""
    client = Client(reach="unix")
    with pytest.raises(ConnectFailed):
        await post(client, cloud, origin="unix:/nonexistent/engine.sock")


async def test_connect_timeout(client: Client, cloud: Cloud) -> None:
    """A listener whose backlog is full does not hold the caller longer than `connect_s`."""
    started_s = time.monotonic()
    # TEST-NET-1 (RFC 5737) is never routed; where a network answers at once, it is with a refusal.
    with pytest.raises((ConnectTimeout, ConnectFailed)):
        await post(client, cloud, origin="http://192.0.2.1", timeouts=Timeouts(connect_s=0.03))

    assert time.monotonic() - started_s < 1


async def test_hang_before_headers(client: Client, cloud: Cloud) -> None:
    """F3: no byte within `first_byte_s` is an error, in time, and the connection is closed."""
    cloud.plan(HANG)
    started_s = time.monotonic()

    with pytest.raises(FirstByteTimeout) as caught:
        await post(client, cloud, timeouts=Timeouts(first_byte_s=0.05))

    assert 0.045 <= time.monotonic() - started_s < 0.5
    assert caught.value.retryable
    assert caught.value.may_have_left
    await cloud.until(lambda: cloud.requests[0].has_client_left)
    await expect_good(client, cloud)


async def test_silence_in_a_stream(client: Client, cloud: Cloud) -> None:
    """F4: events that came are handed out, then the idle timeout."""
    cloud.plan(Act(events=3, ending=Ending.SILENCE))
    response = await post(client, cloud, STREAM, timeouts=Timeouts(idle_s=0.05))
    seen = b""

    with pytest.raises(IdleTimeout) as caught:
        async for piece in response:
            seen += piece

    assert seen.count(b"data: ") == 3
    assert not caught.value.retryable
    await cloud.until(lambda: cloud.requests[0].has_client_left)


async def test_silence_inside_the_head(client: Client, cloud: Cloud) -> None:
    """After the first byte the idle timeout holds, and another attempt is still sound."""
    cloud.plan(Act(raw=b"HTTP/1.1 200 OK\r\nX-", ending=Ending.SILENCE))

    with pytest.raises(IdleTimeout) as caught:
        await post(client, cloud, timeouts=Timeouts(idle_s=0.03))

    assert caught.value.retryable


async def test_the_idle_timeout_starts_anew_with_each_byte(client: Client, cloud: Cloud) -> None:
    """A slow stream that never pauses for `idle_s` is read to its end."""
    cloud.plan(Act(event_gap_s=0.03, content="a b c d e f g h"))

    response = await post(client, cloud, STREAM, timeouts=Timeouts(idle_s=0.2, first_byte_s=0.2))

    assert b"".join([piece async for piece in response]).endswith(b"[DONE]\n\n")


async def test_idle_does_not_count_while_paused(client: Client, cloud: Cloud) -> None:
    """When our reader is the slow one the other side is not blamed."""
    cloud.plan(Act(content="x" * 3_000_000))
    response = await post(client, cloud, timeouts=Timeouts(idle_s=0.03))
    first = await response.next()
    await cloud.until(lambda: response.buffered_bytes > 64 * 1024)
    await asyncio.sleep(0.05)
    await asyncio.sleep(0.05)

    assert len(first) + sum([len(piece) async for piece in response]) > 3_000_000


async def test_the_total_deadline_counts_while_paused(client: Client, cloud: Cloud) -> None:
    """A reader that never comes back does not hold a connection for ever."""
    cloud.plan(Act(content="x" * 3_000_000))
    response = await post(client, cloud, timeouts=Timeouts(total_s=0.05))
    await cloud.until(lambda: cloud.open_connections == 0)

    with pytest.raises(TotalTimeout):
        async for _ in response:
            pass


@pytest.mark.parametrize("body", [b"{}", STREAM])
async def test_reset_midway(client: Client, cloud: Cloud, body: bytes) -> None:
    """F5: a reset in the body is a truncated response, not retryable."""
    cloud.plan(Act(events=3, body_bytes=9, ending=Ending.RESET))
    response = await post(client, cloud, body)

    with pytest.raises(ResponseTruncated) as caught:
        while await response.next():
            pass

    assert not caught.value.retryable
    await expect_good(client, cloud)


@pytest.mark.parametrize("framing", [Framing.LENGTH, Framing.CHUNKED])
async def test_closed_midway(client: Client, cloud: Cloud, framing: Framing) -> None:
    """An orderly end before the promised end is a truncated response."""
    cloud.plan(Act(body_bytes=9, ending=Ending.CLOSE, framing=framing))

    with pytest.raises(ResponseTruncated):
        await (await post(client, cloud)).read(10_000)


async def test_reset_of_a_close_delimited_body(client: Client, cloud: Cloud) -> None:
    """Only FIN ends a body without length; a reset truncates it."""
    cloud.plan(Act(body_bytes=9, ending=Ending.RESET, framing=Framing.CLOSE))

    with pytest.raises(ResponseTruncated):
        await (await post(client, cloud)).read(10_000)


async def test_wrong_length(client: Client, cloud: Cloud) -> None:
    """A length that promises too much times out or truncates; one too little is cut and closed."""
    cloud.plan(Act(length_error_bytes=5), Act(length_error_bytes=-5))

    with pytest.raises(IdleTimeout):
        await (await post(client, cloud, timeouts=Timeouts(idle_s=0.03))).read(10_000)
    short = await (await post(client, cloud)).read(10_000)

    assert not short.endswith(b"}")
    await cloud.until(lambda: cloud.open_connections == 0)
    await expect_good(client, cloud)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\xff garbage",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\nA: b\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ],
)
async def test_garbage_instead_of_a_head(client: Client, cloud: Cloud, raw: bytes) -> None:
    """F6: what is not HTTP/1, or could be read in two ways, is refused and may be tried again."""
    cloud.plan(Act(raw=raw, ending=Ending.SILENCE))

    with pytest.raises(ProtocolBroken) as caught:
        await post(client, cloud)

    assert caught.value.retryable
    await cloud.until(lambda: cloud.open_connections == 0)


async def test_garbage_in_a_stream(client: Client, cloud: Cloud) -> None:
    """F6: garbage between chunks breaks the response after what was good."""
    cloud.plan(Act(events=2, ending=Ending.GARBAGE))
    response = await post(client, cloud, STREAM)
    seen = b""

    with pytest.raises(ProtocolBroken):
        async for piece in response:
            seen += piece

    assert seen.count(b"data: ") == 2


async def test_split_utf8_arrives_whole(client: Client, cloud: Cloud) -> None:
    """F6: characters cut between packets come together again."""
    cloud.plan(Act(content="日本語 ä", piece_bytes=3, piece_gap_s=0.0001))

    body = b"".join([piece async for piece in await post(client, cloud)])

    assert "日本語 ä" in body.decode()


@pytest.mark.parametrize("raw", [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK"])
async def test_endless_heads_are_cut(client: Client, cloud: Cloud, raw: bytes) -> None:
    """More than 64 KiB of head is an error, whichever line it is in."""
    cloud.plan(Act(raw=raw + b"a" * 70_000, ending=Ending.SILENCE))

    with pytest.raises(ResponseTooLarge):
        await post(client, cloud)


async def test_endless_interims_are_cut(client: Client, cloud: Cloud) -> None:
    """A server cannot keep us busy with 1xx responses."""
    cloud.plan(Act(raw=b"HTTP/1.1 102 Processing\r\n\r\n" * 4000, ending=Ending.SILENCE))

    with pytest.raises(ResponseTooLarge):
        await post(client, cloud)


async def test_endless_framing_is_cut(client: Client, cloud: Cloud) -> None:
    """Nor with chunk extensions or trailers, that carry no body."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: "
    cloud.plan(Act(raw=head + b"a" * 1_000_000, ending=Ending.SILENCE))
    response = await post(client, cloud)

    with pytest.raises(ResponseTooLarge):
        await response.read(10_000)


async def test_huge_head_below_the_limit(client: Client, cloud: Cloud) -> None:
    """A large head with a body right behind it is read."""
    raw = b"HTTP/1.1 200 OK\r\nX: %b\r\nContent-Length: 90000\r\n\r\n" % (b"a" * 60_000)
    cloud.plan(Act(raw=raw + b"b" * 90_000))

    assert len(await (await post(client, cloud)).read(100_000)) == 90_000


async def test_one_byte_at_a_time(client: Client, cloud: Cloud) -> None:
    """F7: a response in single bytes is the same response."""
    cloud.plan(Act(piece_bytes=1, content="ä"))

    await expect_good(client, cloud)


async def test_the_total_deadline_holds_against_a_drip(client: Client, cloud: Cloud) -> None:
    """F7: a server that always sends a little is cut off by `total_s`."""
    cloud.plan(Act(piece_bytes=1, piece_gap_s=0.01))
    started_s = time.monotonic()

    with pytest.raises(TotalTimeout):
        await (await post(client, cloud, timeouts=Timeouts(total_s=0.1, idle_s=0.05))).read(10_000)

    assert 0.09 <= time.monotonic() - started_s < 0.6


async def test_a_head_that_comes_with_an_error_is_delivered_first(
    client: Client, cloud: Cloud
) -> None:
    """Head and broken body in one packet: the caller gets the response, then the error."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nnot-a-size\r\n"
    cloud.plan(Act(raw=raw, ending=Ending.SILENCE))

    response = await post(client, cloud)

    assert await response.next() == b"hi"
    with pytest.raises(ProtocolBroken):
        await response.next()


async def test_surplus_bytes_reach_nobody(client: Client, cloud: Cloud) -> None:
    """A second response behind the first is dropped with its connection, in one packet or two."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    cloud.plan(Act(raw=answer + b"ok" + evil, ending=Ending.SILENCE))
    assert await (await post(client, cloud)).read(10) == b"ok"
    await cloud.until(lambda: cloud.open_connections == 0)

    cloud.plan(Act(raw=answer + b"ok" + evil, piece_bytes=40, ending=Ending.SILENCE))
    assert await (await post(client, cloud)).read(10) == b"ok"
    await cloud.until(lambda: cloud.open_connections == 0)
    await expect_good(client, cloud)


async def test_cancelling_before_the_head(client: Client, cloud: Cloud) -> None:
    """F9: a caller that leaves while the upstream thinks closes it at once."""
    cloud.plan(HANG)
    sending = asyncio.ensure_future(post(client, cloud))
    await cloud.until(lambda: cloud.requests)

    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending

    await cloud.until(lambda: cloud.requests[0].has_client_left, within_s=0.5)
    await expect_good(client, cloud)
    assert cloud.connections == 2
