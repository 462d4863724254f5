# SPDX-License-Identifier: Apache-2.0
"""The short road under broken framing, endless heads, wishes for other protocols, and idleness."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway import front
from tests.gateway.front_scene import LARGE, Scene, answer, post


async def test_refusal_before_the_body() -> None:
    """An answer that does not wait for the body is sent, and the body then ignored."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        whole = post("/early", LARGE)
        writer.write(whole[:200])
        assert (await answer(reader))[0] == 401
        writer.write(whole[200:] + post("/echo", b"next"))
        assert (await answer(reader))[2] == b"next"


async def test_header_injection_is_not_sent() -> None:
    """A value with a line break becomes a 500 with no trace of it."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(post("/bad"))
        status, headers, _ = await answer(reader)
        assert status == 500
        assert "set-cookie" not in headers


async def test_trailers_are_no_headers() -> None:
    """What stands behind a body cannot say who asks (RFC 9110, 6.5.1)."""
    scene = Scene()
    async with scene.served() as connect:
        for path in ("/headers", "/headers?cold"):
            reader, writer = await connect()
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            writer.write(head.encode() + b"2\r\n{}\r\n0\r\nAuthorization: Bearer k\r\n\r\n")
            assert (await answer(reader))[2] == b"host,transfer-encoding"


async def test_an_upgrade_that_is_not_offered_is_ignored() -> None:
    """Java's client asks for h2c by default: its request is read as if it had not."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        wish = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA")
        for _ in range(2):
            writer.write(post("/echo", b"abc", *wish))
            assert (await answer(reader))[::2] == (200, b"abc")


async def test_connect_is_refused() -> None:
    """nearward is no forward proxy."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")
        assert (await answer(reader))[0] == 405


@pytest.mark.parametrize("line", [b"a" * 4096, b"a: b\r\n" * 512], ids=["one", "many"])
async def test_endless_head(line: bytes) -> None:
    """A head without end is cut off soon, and holds little memory until then."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(b"POST /echo HTTP/1.1\r\nX: ")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 4 << 20 and not reader.at_eof():
                writer.write(line)
                sent += len(line)
                await writer.drain()
                await asyncio.sleep(0)
        assert sent < 4 << 20


async def test_garbage_behind_an_answer_under_way() -> None:
    """A stream is not interrupted by the refusal of what follows it: it is cut."""
    scene = Scene()
    async with scene.served() as connect:
        reader, writer = await connect()
        writer.write(post("/begun"))
        await scene.asked.wait()
        writer.write(b"\x00garbage\r\n\r\n")
        rest = await asyncio.wait_for(reader.read(), 5)
        assert rest.endswith(b"5\r\nbegun\r\n")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\n\r\na",
        b"GET /cold HTTP/1.1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 1\r\n\r\na",
        b"POST /echo HTTP/2.0\r\nHost: a\r\nContent-Length: 1\r\n\r\na",
    ],
    ids=[
        *("tls", "space before the colon", "both lengths", "two lengths", "odd coding"),
        *("no host", "no host, cold", "two hosts", "another version"),
    ],
)
async def test_what_is_no_http_is_refused_and_closed(garbage: bytes) -> None:
    """Broken framing ends the connection with a 400: what follows would be anybody's request."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(garbage)
        rest = await asyncio.wait_for(reader.read(), 5)
        assert rest.count(b"HTTP/1.1 ") == 1
        assert rest.startswith(b"HTTP/1.1 400 ")
        assert b'"code":"invalid_http"' in rest


@pytest.mark.parametrize("sent", [b"", b"POST /echo HTTP/1.1\r\nA: b\r\n"], ids=["nothing", "half"])
async def test_head_that_does_not_come(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """A connection whose head dribbles, or never begins, is closed at its deadline."""
    monkeypatch.setattr(front, "_HEAD_S", 0.03)
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(sent)

        async def dribble() -> None:
            while not writer.is_closing():
                writer.write(b"C: d\r\n" if sent else b"")
                await asyncio.sleep(0.005)

        task = asyncio.create_task(dribble())
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        task.cancel()


async def test_idle_connection_is_closed_and_a_busy_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Deadlines are for heads and idle time: an answer may take as long as it takes."""
    monkeypatch.setattr(front, "_HEAD_S", 0.02)
    scene = Scene()
    async with scene.served() as connect:
        reader, writer = await connect()
        writer.write(post("/slow"))
        await scene.asked.wait()
        writer.write(b"POST /ec")  # the next head begins, and may take its time meanwhile
        await asyncio.sleep(0.08)
        scene.proceed.set()
        assert (await answer(reader))[2] == b"slow"
        writer.write(b"ho HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na")
        assert (await answer(reader))[2] == b"a"
        for protocol in scene.state.connections:
            assert isinstance(protocol, front.FrontProtocol)
            protocol._due_in(0.01)
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_an_answer_that_is_not_taken_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all buffers full, who reads nothing holds up nobody for longer than the bound."""
    monkeypatch.setattr(front, "_WRITE_S", 0.05)
    scene = Scene()
    async with scene.served() as connect:
        reader, writer = await connect()
        # The reader's own limit stops it: nobody takes what it holds.
        writer.write(post("/endless"))
        await asyncio.wait_for(scene.gone.wait(), 20)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1 << 30)
