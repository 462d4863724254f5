# SPDX-License-Identifier: Apache-2.0
"""The client over real sockets: framings, TLS, unix sockets, reuse, reading and closing."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import pytest

from gateway.backends.errors import (
    ConnectFailed,
    RequestRefused,
    ResponseTooLarge,
    ResponseTruncated,
    TlsFailed,
    UpstreamError,
)
from gateway.backends.http1 import Client, Origin, PoolLimits, Timeouts, request_head
from tests.doubles.certificates import Authority
from tests.doubles.cloud import Act, Cloud, Ending, Framing
from tests.gateway.backends.conftest import post

STREAM = b'{"stream": true}'


@pytest.mark.parametrize("framing", list(Framing))
@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_reads_each_framing(
    client: Client, cloud: Cloud, framing: Framing, version: str
) -> None:
    """Content-Length, chunked and close-delimited bodies arrive whole, from 1.0 servers too."""
    cloud.plan(Act(framing=framing, version=version, content="grüße"))

    response = await post(client, cloud)

    assert response.status == 200
    assert (b"content-type", b"application/json") in response.headers
    assert json.loads(await response.read(10_000))["choices"][0]["message"]["content"] == "grüße"
    assert await response.next() == b""


async def test_sends_what_it_was_given(client: Client, cloud: Cloud) -> None:
    """Head and body reach the server byte for byte."""
    body = bytes(range(256)) * 2000
    origin = Origin.parse(cloud.origin)
    head = request_head("POST", "/v1/x", origin.authority, [("x-a", "b")], len(body))

    await (await client.send(origin, head, body)).read(10_000)

    assert cloud.requests[0].raw.head == head
    assert cloud.requests[0].raw.body == body


async def test_streams_pieces_as_they_come(client: Client, cloud: Cloud) -> None:
    """Iteration gives the first event before the last one was sent, and all of them in order."""
    cloud.plan(Act(event_gap_s=0.003, content="a b c d"))

    pieces = [piece async for piece in await post(client, cloud, STREAM)]

    assert len(pieces) > 3
    assert b"".join(pieces).count(b"data: ") == 7
    assert b"".join(pieces).endswith(b"data: [DONE]\n\n")


async def test_keeps_connections(client: Client, cloud: Cloud) -> None:
    """Requests one after the other share a connection, whatever their framing and interims."""
    cloud.plan(Act(), Act(framing=Framing.CHUNKED), Act(interim=3), Act(status=500), Act())

    for _ in range(5):
        await (await post(client, cloud)).read(10_000)

    assert cloud.connections == 1
    assert len(cloud.requests) == 5


async def test_interim_responses_leave_no_trace(client: Client, cloud: Cloud) -> None:
    """Headers of 1xx responses are not those of the response."""
    cloud.plan(Act(interim=2))

    response = await post(client, cloud)

    assert response.status == 200
    assert b"link" not in dict(response.headers)


async def test_a_complete_response_frees_its_connection_unread(
    client: Client, cloud: Cloud
) -> None:
    """The body belongs to the response: the next request does not wait for the reader."""
    first = await post(client, cloud)
    await asyncio.sleep(0.01)
    second = await post(client, cloud)

    assert (await first.read(10_000)) == (await second.read(10_000))
    assert cloud.connections == 1


@pytest.mark.parametrize(
    "act", [Act(framing=Framing.CLOSE), Act(version="1.0"), Act(headers=(("Connection", "close"),))]
)
async def test_does_not_reuse_what_the_server_closes(
    client: Client, cloud: Cloud, act: Act
) -> None:
    """After a last response a new connection is opened."""
    cloud.plan(act)

    for _ in range(2):
        await (await post(client, cloud)).read(10_000)

    assert cloud.connections == 2


async def test_follows_no_redirect(client: Client, cloud: Cloud) -> None:
    """A redirect is handed to the caller as it is."""
    cloud.plan(Act(status=307, headers=(("Location", "http://127.0.0.1:1/"),)))

    response = await post(client, cloud)

    assert response.status == 307
    assert len(cloud.requests) == 1


async def test_uses_no_proxy_from_the_environment(
    client: Client, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY and the like do not change where bytes go."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert (await post(client, cloud)).status == 200


@pytest.mark.parametrize("status", [204, 304])
async def test_bodiless_statuses_end_at_once(client: Client, cloud: Cloud, status: int) -> None:
    """204 and 304 have no body, whatever else is in their heads."""
    raw = b"HTTP/1.1 %d X\r\n\r\n" % status
    cloud.plan(Act(raw=raw, ending=Ending.SILENCE))

    assert await (await post(client, cloud)).read(0) == b""


async def test_content_encoding_is_passed_on(client: Client, cloud: Cloud) -> None:
    """We ask for identity; a server that encodes all the same is not decoded."""
    cloud.plan(Act(headers=(("Content-Encoding", "gzip"),)))

    response = await post(client, cloud)

    assert (b"content-encoding", b"gzip") in response.headers
    assert b"accept-encoding: identity" in cloud.requests[0].raw.head
    assert (await response.read(10_000)).startswith(b"{")


@pytest.mark.parametrize("framing", list(Framing))
async def test_caps_the_body(client: Client, cloud: Cloud, framing: Framing) -> None:
    """A body over the caller's limit is an error and closes the connection if it still runs."""
    cloud.plan(Act(content="x" * 1000, framing=framing, body_bytes=800, ending=Ending.SILENCE))

    with pytest.raises(ResponseTooLarge) as caught:
        await (await post(client, cloud)).read(500)

    assert not caught.value.retryable
    await cloud.until(lambda: cloud.open_connections == 0)


async def test_the_cap_is_exact(client: Client, cloud: Cloud) -> None:
    """A body of just the limit is read; one byte less of limit is an error."""
    size = len(await (await post(client, cloud)).read(10_000))

    assert len(await (await post(client, cloud)).read(size)) == size
    with pytest.raises(ResponseTooLarge):
        await (await post(client, cloud)).read(size - 1)


async def test_pauses_for_a_slow_reader(client: Client, cloud: Cloud) -> None:
    """A server cannot fill our memory: it is stopped until the reader goes on."""
    cloud.plan(Act(content="word " * 2000, event_pad_bytes=4096))

    response = await post(client, cloud, STREAM)
    first = await response.next()
    await cloud.until(lambda: response.buffered_bytes > 64 * 1024)
    await asyncio.sleep(0.05)

    assert response.buffered_bytes <= 64 * 1024 + 256 * 1024
    total_bytes = len(first) + sum([len(piece) async for piece in response])
    assert total_bytes > 2000 * 4096
    assert (await post(client, cloud)).status == 200
    assert cloud.connections == 1


async def test_read_takes_over_a_paused_body(client: Client, cloud: Cloud) -> None:
    """A whole body larger than the buffer is read in one call, up to the limit given."""
    cloud.plan(Act(content="x" * 1_000_000))

    response = await post(client, cloud)
    first = await response.next()
    await cloud.until(lambda: response.buffered_bytes > 64 * 1024)

    assert len(first + await response.read(2_000_000)) > 1_000_000


async def test_closing_abandons(client: Client, cloud: Cloud) -> None:
    """close() drops the connection at once, may be called again, and ends later reads."""
    cloud.plan(Act(events=2, ending=Ending.SILENCE))
    response = await post(client, cloud, STREAM)

    response.close()
    response.close()

    with pytest.raises(ResponseTruncated):
        await response.next()
    await cloud.until(lambda: cloud.requests[0].has_client_left, within_s=0.5)


async def test_closing_a_complete_response_keeps_the_connection(
    client: Client, cloud: Cloud
) -> None:
    """Abandoning a body that has fully arrived costs nothing."""
    response = await post(client, cloud)
    await cloud.until(lambda: response.is_done)
    response.close()
    await (await post(client, cloud)).read(10_000)

    assert cloud.connections == 1


async def test_cancelling_a_reader_closes_the_connection(client: Client, cloud: Cloud) -> None:
    """A caller that is cancelled leaves no half-read connection behind."""
    cloud.plan(Act(events=2, ending=Ending.SILENCE))
    response = await post(client, cloud, STREAM)
    reading = asyncio.ensure_future(response.read(10_000))
    await asyncio.sleep(0.01)

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    await cloud.until(lambda: cloud.requests[0].has_client_left, within_s=0.5)
    await (await post(client, cloud)).read(10_000)
    assert cloud.connections == 2


async def test_speaks_tls(authority: Authority) -> None:
    """Over TLS the server is told its name, and connections are kept."""
    async with Cloud(tls=authority.server("localhost"), host="localhost") as cloud:
        client = Client(authority.client())
        for _ in range(2):
            await (await post(client, cloud)).read(10_000)
        await client.close()

    assert cloud.connections == 1
    assert cloud.requests[0].server_name == "localhost"
    assert cloud.requests[0].raw.headers["host"] == f"localhost:{cloud.port}"


async def test_refuses_bad_certificates(authority: Authority) -> None:
    """Wrong host, expired, unknown authority: no request, so no key, is sent."""
    for tls, trusting in [
        (authority.server("other.example"), authority.client()),
        (authority.server("localhost", is_expired=True), authority.client()),
        (authority.server("localhost"), Authority().client()),
    ]:
        async with Cloud(tls=tls, host="localhost") as cloud:
            client = Client(trusting)
            with pytest.raises(TlsFailed) as caught:
                await post(client, cloud)
            await client.close()

        assert caught.value.retryable
        assert not caught.value.may_have_left
        assert cloud.requests == []


async def test_https_needs_a_context(cloud: Cloud, client: Client) -> None:
    """Without a TLS context https fails; it never falls back to plain text."""
    with pytest.raises(TlsFailed):
        await post(client, cloud, origin=cloud.origin.replace("http:", "https:"))

    assert cloud.connections == 0


async def test_https_to_a_plain_server_fails(authority: Authority, cloud: Cloud) -> None:
    """To a server that does not speak TLS nothing of the request is said."""
    client = Client(authority.client())
    origin, timeouts = f"https://localhost:{cloud.port}", Timeouts(connect_s=0.05)
    with pytest.raises(UpstreamError) as caught:
        await post(client, cloud, origin=origin, timeouts=timeouts)
    await client.close()

    assert not caught.value.may_have_left
    assert cloud.requests == []


def test_refuses_contexts_that_do_not_verify() -> None:
    """A context without verification is a configuration fault, found before any request."""
    blind = ssl.create_default_context()
    blind.check_hostname = False

    with pytest.raises(ValueError):
        Client(blind)
    blind.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError):
        Client(blind)


async def test_speaks_over_unix_sockets(tmp_path: Path) -> None:
    """The same client reaches a unix socket, with Host: localhost."""
    async with Cloud(unix_path=str(tmp_path / "engine.sock")) as cloud:
        client = Client(reach="unix")
        for _ in range(2):
            assert (await post(client, cloud)).status == 200
        await client.close()

    assert cloud.requests[0].raw.headers["host"] == "localhost"


async def test_a_client_reaches_one_kind_of_address(cloud: Cloud, tmp_path: Path) -> None:
    """A client for unix sockets opens no TCP connection, and the other way round."""
    local, remote = Client(reach="unix"), Client()

    with pytest.raises(RequestRefused):
        await post(local, cloud)
    with pytest.raises(RequestRefused):
        await post(remote, cloud, origin=f"unix:{tmp_path / 'engine.sock'}")
    assert cloud.connections == 0


async def test_closing_the_client(cloud: Cloud) -> None:
    """Requests under way fail, connections are closed, later requests are refused."""
    client = Client(limits=PoolLimits(max_connections=2))
    cloud.plan(Act(), Act(events=2, ending=Ending.SILENCE), Act(has_head=False))
    await (await post(client, cloud)).read(10_000)
    response = await post(client, cloud, STREAM)
    await response.next()
    reading = asyncio.ensure_future(response.next())
    await asyncio.sleep(0)

    await client.close()
    await client.close()

    with pytest.raises(ConnectFailed):
        await reading
    with pytest.raises(ConnectFailed):
        await post(client, cloud)
    await cloud.until(lambda: cloud.open_connections == 0)
