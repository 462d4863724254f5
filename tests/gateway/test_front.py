# SPDX-License-Identifier: Apache-2.0
"""The short road from the HTTP parser to a hot route, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway import front
from gateway.app import Gateway
from gateway.exchange import Exchange
from gateway.limits import Limits
from gateway.records.metrics import Metrics

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Client]]
LARGE = b"x" * 3_000_000


class Scene:
    """A gateway with a few hot routes, and FastAPI's place taken by a recorder."""

    def __init__(self) -> None:
        self.cold: list[tuple[str, str]] = []
        self.state = ServerState()
        self.state.default_headers = [(b"server", b"test")]
        self.asked, self.proceed = asyncio.Event(), asyncio.Event()
        self.is_gone = False
        self.broken: list[BaseException] = []
        handlers = {
            "/echo": self.echo,
            "/slow": self.slow,
            "/stream": self.stream,
            "/bad": self.bad,
            "/early": self.early,
            "/half": self.half,
            "/headers": self.names,
            "/begun": self.begun,
        }
        self.gateway = Gateway(handlers, self.web, Limits(), Metrics())

    async def web(self, scope: Any, receive: Any, send: Any) -> None:
        self.cold.append((scope["method"], scope["path"]))
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"cold"})

    async def echo(self, exchange: Exchange) -> None:
        await exchange.answer(200, await exchange.body())

    async def slow(self, exchange: Exchange) -> None:
        await exchange.body()
        self.asked.set()
        try:
            await self.proceed.wait()
        finally:
            self.is_gone = exchange.client_is_gone
        await exchange.answer(200, b"slow")

    async def stream(self, exchange: Exchange) -> None:
        await exchange.body()
        await exchange.begin(200, [(b"content-type", b"text/event-stream")], b"one")
        await exchange.chunk(b"two")
        await exchange.chunk(LARGE)
        await exchange.end()

    async def bad(self, exchange: Exchange) -> None:
        await exchange.answer(200, b"{}", [(b"x-model", b"a\r\nset-cookie: b")])

    async def early(self, exchange: Exchange) -> None:
        await exchange.answer(401, b"no")

    async def half(self, exchange: Exchange) -> None:
        await exchange.begin(200, [], b"half")
        raise RuntimeError

    async def names(self, exchange: Exchange) -> None:
        await exchange.body()
        await exchange.answer(200, b",".join(exchange.headers))

    async def begun(self, exchange: Exchange) -> None:
        await exchange.body()
        await exchange.begin(200, [], b"begun")
        self.asked.set()
        await self.proceed.wait()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Connect]:
        """A listening server; gives what connects to it."""
        config = uvicorn.Config(self.gateway, http="httptools", lifespan="off", log_config=None)
        config.load()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.broken.append(context["exception"]))
        server = await loop.create_server(
            lambda: front.FrontProtocol(
                self.gateway.hot(), config=config, server_state=self.state, app_state={}, _loop=loop
            ),
            "127.0.0.1",
            0,
        )
        port = server.sockets[0].getsockname()[1]
        writers: list[asyncio.StreamWriter] = []

        async def connect() -> Client:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 23)
            writers.append(writer)
            return reader, writer

        async with server:
            yield connect
            for writer in writers:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()
        await asyncio.sleep(0)
        assert self.broken == []


def post(
    path: str, body: bytes = b"", *headers: str, method: str = "POST", to: str = "1.1"
) -> bytes:
    lines = [f"{method} {path} HTTP/{to}", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the next answer on a connection."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    status = int(head[0].split(" ")[1])
    if headers.get("transfer-encoding") != "chunked":
        return status, headers, await reader.readexactly(int(headers["content-length"]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        assert await reader.readline() == b"\r\n"
    assert await reader.readline() == b"\r\n"
    return status, headers, body


async def test_requests_in_turn_on_one_connection() -> None:
    """Hot and cold requests share a connection, each answered by its own road."""
    scene = Scene()
    async with scene.served() as connect:
        reader, writer = await connect()
        for body in (b"a", b"", LARGE):
            writer.write(post("/echo", body))
            status, headers, echoed = await answer(reader)
            assert (status, headers["server"], echoed) == (200, "test", body)
            writer.write(post("/cold"))
            assert (await answer(reader))[0] == 404

    assert scene.cold == [("POST", "/cold")] * 3
    assert scene.state.total_requests == 6


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/echo", "GET", 405), ("/echo?a=1", "POST", 200), ("/%65cho", "POST", 200)],
)
async def test_other_spellings_take_the_long_road(path: str, method: str, status: int) -> None:
    """Another method or a target that is not to the letter reaches the same handlers by ASGI."""
    scene = Scene()
    async with scene.served() as connect:
        reader, writer = await connect()
        writer.write(post(path, method=method))
        assert (await answer(reader))[0] == status


async def test_http_1_0_is_answered_and_closed() -> None:
    """An old client gets its answer, and the end of the connection with it."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(post("/echo", b"a", to="1.0"))
        assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"\r\n\r\na")


async def test_connection_close_is_honoured() -> None:
    """Who asks for it is told, and let go after the answer."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(post("/echo", b"a", "Connection: close"))
        assert (await answer(reader))[1]["connection"] == "close"
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Requests sent at once come back in their order, whichever road each takes."""
    scene = Scene()
    scene.proceed.set()
    async with scene.served() as connect:
        reader, writer = await connect()
        writer.write(post("/slow") + post("/cold") + post("/echo", b"c") + post("/echo", b"d"))
        bodies = []
        for _ in range(3):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            chunked = b"chunked" in head
            bodies.append(
                await reader.readexactly(
                    14 if chunked else int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
                )
            )
        assert [b"slow" in bodies[0], b"cold" in bodies[1], bodies[2]] == [True, True, b"c"]
        assert (await answer(reader))[2] == b"d"


async def test_streamed_answer_with_a_slow_reader() -> None:
    """A stream arrives whole and in order, however late it is read."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(post("/stream"))
        status, headers, body = await answer(reader)
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        assert body == b"onetwo" + LARGE


async def test_chunked_request_body() -> None:
    """A body without a declared length is read to its end."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        for piece in (head, b"3\r\nabc\r\n", b"1\r\nd\r\n", b"0\r\n\r\n"):
            writer.write(piece)
            await asyncio.sleep(0.002)
        assert (await answer(reader))[2] == b"abcd"


async def test_expect_continue() -> None:
    """A client that waits for leave to send its body gets it, once."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        whole = post("/echo", b"abc", "Expect: 100-continue")
        writer.write(whole[:-3])
        interim = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert interim.startswith(b"HTTP/1.1 100 ")
        writer.write(whole[-3:])
        assert (await answer(reader))[2] == b"abc"


async def test_refusal_before_the_body() -> None:
    """An answer that does not wait for the body is sent, and the body then ignored."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        whole = post("/early", LARGE)
        writer.write(whole[:200])
        assert (await answer(reader))[0] == 401
        writer.write(whole[200:] + post("/echo", b"next"))
        assert (await answer(reader))[2] == b"next"


async def test_client_that_leaves_cancels_the_work() -> None:
    """While an answer is worked on the connection is watched, at no cost."""
    scene = Scene()
    async with scene.served() as connect:
        _, writer = await connect()
        writer.write(post("/slow"))
        await scene.asked.wait()
        writer.close()
        async with asyncio.timeout(5):
            while not scene.is_gone:
                await asyncio.sleep(0.002)


async def test_client_that_leaves_inside_its_body() -> None:
    """No body, no request: nothing is answered and nothing breaks."""
    scene = Scene()
    async with scene.served() as connect:
        _, writer = await connect()
        writer.write(post("/echo", b"abc")[:-1])
        await asyncio.sleep(0.01)
        writer.close()
        async with asyncio.timeout(5):
            while scene.state.tasks:
                await asyncio.sleep(0.002)


async def test_header_injection_is_not_sent() -> None:
    """A value with a line break becomes a 500 with no trace of it."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(post("/bad"))
        status, headers, _ = await answer(reader)
        assert status == 500
        assert "set-cookie" not in headers


async def test_unfinished_answer_closes_the_connection() -> None:
    """Half an answer is not ended as if it were whole."""
    async with Scene().served() as connect:
        reader, writer = await connect()
        writer.write(post("/half"))
        rest = await asyncio.wait_for(reader.read(), 5)
        assert rest.endswith(b"4\r\nhalf\r\n")


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
    ],
    ids=["tls", "space before the colon", "both lengths", "two lengths", "odd coding"],
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
        writer.write(b"ho HTTP/1.1\r\nContent-Length: 1\r\n\r\na")
        assert (await answer(reader))[2] == b"a"
        for protocol in scene.state.connections:
            assert isinstance(protocol, front.FrontProtocol)
            protocol._due_in(0.01)
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_shutdown_lets_answers_end() -> None:
    """Told to stop, an idle connection closes at once, a busy one after its answer."""
    scene = Scene()
    async with scene.served() as connect:
        idle, _ = await connect()
        reader, writer = await connect()
        writer.write(post("/slow"))
        await scene.asked.wait()
        for protocol in list(scene.state.connections):
            assert isinstance(protocol, front.FrontProtocol)
            protocol.shutdown()
        assert await asyncio.wait_for(idle.read(), 5) == b""
        scene.proceed.set()
        assert (await answer(reader))[1]["connection"] == "close"
        assert await asyncio.wait_for(reader.read(), 5) == b""
