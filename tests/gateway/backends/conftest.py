# SPDX-License-Identifier: Apache-2.0
"""Clients and certificates for the tests of the transport; each runs on asyncio and on uvloop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop

from gateway.backends.http1 import Client, Origin, Response, Timeouts, request_head
from tests.doubles.certificates import Authority
from tests.doubles.cloud import Cloud
from tests.gateway.backends.litellm_road import KINDS, Road

QUICK = Timeouts(connect_s=2, first_byte_s=2, idle_s=2, total_s=5)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud() as cloud:
        yield cloud


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client()
    yield client
    await client.close()


async def post(
    client: Client,
    cloud: Cloud,
    body: bytes = b"{}",
    *,
    origin: str = "",
    timeouts: Timeouts = QUICK,
) -> Response:
    """One chat request to the cloud."""
    parsed = Origin.parse(origin or cloud.origin)
    head = request_head("POST", "/v1/chat/completions", parsed.authority, (), len(body))
    return await client.send(parsed, head, body, timeouts)


async def expect_good(client: Client, cloud: Cloud) -> None:
    """The next request is not touched by what went before."""
    response = await post(client, cloud)
    assert (await response.read(10_000)).endswith(b"}")


@pytest.fixture(params=KINDS)
async def road(request: pytest.FixtureRequest) -> AsyncIterator[Road]:
    async with Cloud() as cloud:
        road = Road(request.param, cloud)
        yield road
        await road.backend.close()


@pytest.fixture
async def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every host name that anyone asks for, and every address that anyone connects to."""
    seen: list[str] = []
    real, connect = socket.getaddrinfo, socket.socket.connect

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        seen.append(str(host))
        return real(host, *rest, **more)

    def connecting(self: socket.socket, address: Any) -> None:
        seen.append(str(address[0]))
        connect(self, address)

    loop = asyncio.get_running_loop()
    real_loop = loop.getaddrinfo

    async def loop_getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        seen.append(str(host))
        return await real_loop(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connecting)
    if type(loop).__module__.startswith("asyncio"):
        monkeypatch.setattr(loop, "getaddrinfo", loop_getaddrinfo)
    return seen
