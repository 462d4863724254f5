# SPDX-License-Identifier: Apache-2.0
"""A sink that cannot see is worthless: it must find a canary in every disguise."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import ssl
import urllib.parse
import zlib
from collections.abc import Callable
from functools import partial

import pytest

from tests.doubles.canary import Canary
from tests.doubles.certificates import Authority
from tests.doubles.cloud import HANG, Act, Cloud, Ending
from tests.doubles.serving import refusing_port
from tests.doubles.sink import Sink

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: cloud\r\n\r\n"


def deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def chunked(data: bytes, size: int) -> bytes:
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def base64_at(lead: int) -> Callable[[bytes], bytes]:
    return lambda data: base64.b64encode(b"x" * lead + data)


DISGUISES: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "lower": bytes.lower,
    "upper": bytes.upper,
    "base64 at 0": base64_at(0),
    "base64 at 1": base64_at(1),
    "base64 at 2": base64_at(2),
    "base64 behind a path": lambda data: b"/v1/a" + base64.urlsafe_b64encode(data).rstrip(b"="),
    "base64 in lines": lambda data: base64.encodebytes(b"\xff" * 50 + data),
    "hex": lambda data: data.hex().encode(),
    "hex, odd start": lambda data: b"f" + data.hex().upper().encode(),
    "url": lambda data: "".join(f"%{byte:02x}" for byte in data).encode(),
    "url form": lambda data: urllib.parse.urlencode({"q": "ä " + data.decode()}).encode(),
    "json escapes": lambda data: "".join(f"\\u{byte:04X}" for byte in data).encode(),
    "gzip": gzip.compress,
    "gzip, cut short": lambda data: gzip.compress(data + b"\n" + bytes(range(256)) * 9)[:-200],
    "zlib": zlib.compress,
    "raw deflate": deflated,
    "chunks": lambda data: chunked(data, 3),
    "gzip in chunks": lambda data: chunked(gzip.compress(data), 16),
    "base64 of gzip": lambda data: base64.b64encode(gzip.compress(data)),
    "gzip of JSON escapes": lambda data: gzip.compress(DISGUISES["json escapes"](data)),
    "spelled out": lambda data: b"-".join(data[i : i + 1] for i in range(len(data))),
    "UTF-16": lambda data: data.decode().encode("utf-16-le"),
    "zero-width": lambda data: "\u200b".join(data.decode()).encode(),
}


def test_a_chunk_may_look_like_the_mark_of_one() -> None:
    """ "Dad" is a number in hexadecimal."""
    canary = Canary("Dadyrofyvymysudarele")

    assert canary.found_in(HEAD + b'{"content": "' + chunked(canary.token.encode(), 3))


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=list(DISGUISES))
def test_finds_a_canary_in_each_disguise(disguise: Callable[[bytes], bytes]) -> None:
    """A planted canary is found, alone and inside a request, and another one is not."""
    canary, other = Canary.new(), Canary.new()
    leaked = disguise(canary.token.encode())

    assert canary.found_in(HEAD + leaked)
    # Raw deflate carries no mark: it is looked for where a line, a chunk or a body begins.
    lead = b"" if disguise is deflated else b'{"content": "'
    assert canary.found_in(HEAD + lead + leaked)
    assert other.found_in(HEAD + leaked) == []


def test_says_how_it_was_found() -> None:
    """The labels name the encodings in the order in which they were undone."""
    canary = Canary.new()
    token = canary.token.encode()

    assert "raw" in canary.found_in(token)
    assert "case" in canary.found_in(token.upper())
    assert "base64 > gzip" in canary.found_in(base64.b64encode(gzip.compress(token)))
    assert canary.found_in(b"nothing of the kind") == []


def test_canaries_differ() -> None:
    """Each canary is a new word of 20 letters."""
    tokens = {Canary.new().token for _ in range(100)}

    assert len(tokens) == 100
    assert all(len(token) == 20 and token.isalpha() for token in tokens)


async def exchange(port: int, request: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
    )
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(65536), 3)
    writer.close()
    return answer


def request_with(word: str, field: str) -> bytes:
    body = json.dumps({"messages": [{"role": "user", "content": word}]}).encode()
    fields = f"{field}\r\n" if field else ""
    head = f"POST /v1/chat/completions HTTP/1.1\r\n{fields}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def test_records_heads_and_bodies_and_forwards() -> None:
    """The cloud behind the sink answers as if the sink were not there."""
    in_body, in_head, absent = Canary.new(), Canary.new(), Canary.new()
    async with Cloud() as cloud, Sink(forward=("127.0.0.1", cloud.port)) as sink:
        request = request_with(in_body.token, f"x-note: {in_head.token}")
        answer = await exchange(sink.port, request)

    assert answer.startswith(b"HTTP/1.1 200")
    assert cloud.requests[0].json["messages"][0]["content"] == in_body.token
    assert sink.finds(in_body) == ["raw", "squeezed"]
    assert sink.finds(in_head) == ["raw", "squeezed"]
    assert sink.finds(absent) == []
    assert sink.sent_bytes == len(request)


async def test_records_without_a_cloud() -> None:
    """Bytes sent to a sink that leads nowhere, or to a cloud that is down, have still left."""
    canary = Canary.new()
    with refusing_port() as port:
        for forward in (None, ("127.0.0.1", port)):
            async with Sink(forward=forward) as sink:
                _, writer = await asyncio.open_connection("127.0.0.1", sink.port)
                writer.write(canary.token.encode())
                await sink.until(partial(sink.finds, canary))
                writer.close()


async def test_reads_inside_tls_and_the_server_name() -> None:
    """With TLS the sink sees the plain text, and the name in the handshake."""
    authority, canary = Authority(), Canary.new()
    cloud_tls, sink_tls = authority.server("127.0.0.1"), authority.server("localhost")
    async with (
        Cloud(tls=cloud_tls) as cloud,
        Sink(
            forward=("127.0.0.1", cloud.port), tls=sink_tls, forward_tls=authority.client()
        ) as sink,
    ):
        cloud.plan(Act(leaves_after=True))
        answer = await exchange(sink.port, request_with(canary.token, ""), authority.client())
        await sink.until(lambda: sink.finds(canary))
        await sink.until(lambda: cloud.open_connections == 0)

    assert answer.startswith(b"HTTP/1.1 200")
    assert sink.server_names == ["localhost"]
    assert sink.origin.startswith("https:")


async def test_a_server_name_can_leak() -> None:
    """A canary in the name of the host is found even when the handshake then fails."""
    authority, canary = Authority(), Canary.new()
    async with Sink(tls=authority.server("localhost")) as sink:
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(
                "127.0.0.1",
                sink.port,
                ssl=authority.client(),
                server_hostname=f"{canary.token.lower()}.example",
            )

        assert sink.finds(canary) == ["sni: case", "sni: squeezed"]


async def test_passes_a_reset_on() -> None:
    """A cloud that resets resets the gateway too, and a client that leaves leaves the cloud."""
    async with Cloud() as cloud, Sink(forward=("127.0.0.1", cloud.port)) as sink:
        cloud.plan(Act(has_head=False, ending=Ending.RESET), HANG)
        with pytest.raises(ConnectionResetError):
            await exchange(sink.port, request_with("", ""))
        _, writer = await asyncio.open_connection("127.0.0.1", sink.port)
        writer.write(request_with("", ""))
        await sink.until(lambda: len(cloud.requests) == 2)
        writer.close()
        await sink.until(lambda: cloud.requests[1].has_client_left)


def test_serves_in_a_thread() -> None:
    """Without a loop of its own a test uses `with`, and reads the recording directly."""
    canary = Canary.new()
    with Cloud() as cloud, Sink(forward=("127.0.0.1", cloud.port)) as sink:
        answer = asyncio.run(exchange(sink.port, request_with(canary.token, "")))

    assert answer.startswith(b"HTTP/1.1 200")
    assert sink.finds(canary)
