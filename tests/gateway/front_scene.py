# SPDX-License-Identifier: Apache-2.0
"""A server with hot routes on the short road, and a client that speaks plain bytes to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from gateway import front
from gateway.app import Gateway
from gateway.exchange import Exchange
from gateway.limits import Limits
from gateway.records.metrics import Metrics
from gateway.wrong_keys import WrongKeys

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
        self.gone = asyncio.Event()
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
            "/endless": self.endless,
        }
        self.gateway = Gateway(handlers, self.web, Limits(), Metrics(), WrongKeys())

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

    async def endless(self, exchange: Exchange) -> None:
        await exchange.body()
        await exchange.begin(200, [])
        try:
            while True:
                await exchange.chunk(LARGE)
        finally:
            self.gone.set()

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
