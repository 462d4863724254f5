# SPDX-License-Identifier: Apache-2.0
"""The ASGI callable: dispatch, and every failure as an answer without the failure's text."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gateway.app import Gateway, Handler
from gateway.errors import BadRequest
from gateway.exchange import Exchange
from gateway.limits import ClientGone, Limits
from gateway.records import logs
from gateway.records.metrics import Metrics
from gateway.wrong_keys import WrongKeys
from tests.gateway.fakes import Caller, scope

CANARY = "Zebrafink-7731"


class Web:
    """Where everything goes that is no hot route."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope.get("path", scope["type"]))


class Scene:
    """A gateway with one hot route."""

    def __init__(self, handler: Handler) -> None:
        self.web = Web()
        self.metrics = Metrics()
        self.gateway = Gateway({"/hot": handler}, self.web, Limits(), self.metrics, WrongKeys())

    async def post(self, caller: Caller, path: str = "/hot", **more: Any) -> Caller:
        await self.gateway(scope(path, **more), caller.receive, caller.send)
        return caller

    def rejected(self, code: str) -> bool:
        return f'nearward_rejected_total{{code="{code}"}} 1.0' in self.metrics.render().decode()

    def in_flight(self) -> bool:
        return "nearward_in_flight 0.0" not in self.metrics.render().decode()


async def fine(exchange: Exchange) -> None:
    await exchange.answer(200, b"{}")


def raising(error: BaseException, *, begins: bool = False) -> Handler:
    async def handler(exchange: Exchange) -> None:
        if begins:
            await exchange.begin(200, [])
        raise error

    return handler


async def test_hot_route() -> None:
    """A POST to a hot path goes to its handler and nowhere else."""
    scene = Scene(fine)
    caller = await scene.post(Caller())

    assert caller.status == 200
    assert scene.web.paths == []
    assert not scene.in_flight()


@pytest.mark.parametrize("path", ["/cold", "/hot/", "/HOT", "/hot%20", ""])
async def test_everything_else_is_cold(path: str) -> None:
    """Other paths, and the server's own messages, go to FastAPI."""
    scene = Scene(fine)
    await scene.post(Caller(), path)
    await scene.gateway({"type": "lifespan"}, Caller().receive, Caller().send)

    assert scene.web.paths == [path, "lifespan"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
async def test_other_methods_on_a_hot_route(method: str) -> None:
    """The path is known and the method is not: 405 with Allow, not 404."""
    caller = await Scene(fine).post(Caller(), method=method)

    assert (caller.status, caller.error["code"]) == (405, "method_not_allowed")
    assert caller.headers[b"allow"] == b"POST"


async def test_own_errors_are_answered() -> None:
    """A GatewayError is its envelope, counted by its code."""
    scene = Scene(raising(BadRequest("no", code="bad_header")))
    caller = await scene.post(Caller())

    assert (caller.status, caller.error["message"]) == (400, "no")
    assert scene.rejected("bad_header")
    assert not scene.in_flight()


async def test_bad_headers_are_answered() -> None:
    """Errors found before the handler runs are answered too."""
    caller = await Scene(fine).post(Caller(), headers=[(b"content-encoding", b"gzip")])

    assert (caller.status, caller.error["code"]) == (400, "unsupported_encoding")


async def test_unexpected_errors_tell_and_log_nothing_of_the_request(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """An exception is a 500 with a fixed text, and one log line with its type and place only."""
    logs.configure("debug")
    scene = Scene(raising(RuntimeError(CANARY)))
    caller = await scene.post(Caller())

    assert (caller.status, caller.error["code"]) == (500, "internal_error")
    assert CANARY.encode() not in caller.body
    assert scene.rejected("internal_error")
    printed = "".join(capfd.readouterr())
    assert CANARY not in printed
    line = json.loads(printed.strip().splitlines()[-1])
    assert (line["event"], line["type"]) == ("internal_error", "RuntimeError")
    assert line["at"].startswith("tests.gateway.test_app:")
    assert not scene.in_flight()


async def test_unexpected_error_after_the_answer_began_cuts_the_connection(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Half an answer cannot be turned into an error: it stays unfinished, with no text added."""
    logs.configure("debug")
    scene, caller = Scene(raising(RuntimeError(CANARY), begins=True)), Caller()
    await scene.post(caller)

    assert len(caller.sent) == 1
    assert not scene.in_flight()
    assert CANARY not in "".join(capfd.readouterr())


async def test_client_that_left_gets_no_answer() -> None:
    """ClientGone is counted and that is all."""
    scene = Scene(raising(ClientGone()))
    caller = await scene.post(Caller())

    assert caller.sent == []
    assert scene.rejected("client_gone")


async def test_departure_while_working_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watcher's cancellation ends the request quietly, and its task count is right."""
    monkeypatch.setattr("gateway.channel._WATCH_AFTER_S", 0)
    begun = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await exchange.body()
        begun.set()
        await asyncio.Event().wait()

    scene, caller = Scene(slow), Caller.posting(b"{}")
    task = asyncio.create_task(scene.post(caller))
    await begun.wait()
    caller.leave()
    await asyncio.wait_for(task, 2)

    assert caller.sent == []
    assert not scene.in_flight()


async def test_cancellation_from_outside_is_passed_on() -> None:
    """A stop of the server is not swallowed."""
    scene = Scene(raising(asyncio.CancelledError()))

    with pytest.raises(asyncio.CancelledError):
        await scene.post(Caller())
    assert not scene.in_flight()
