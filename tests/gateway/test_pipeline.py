# SPDX-License-Identifier: Apache-2.0
"""A request's life from bytes to answer over scripted backends, and what is left on record."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.backends.base import Call, Reply
from gateway.errors import GatewayError
from tests.gateway.fakes import (
    BEARER,
    Caller,
    FakeBackend,
    FakeReply,
    chat_body,
    open_policy,
    scope,
    stream_of,
)
from tests.gateway.judging import rules_of
from tests.gateway.pipeline_scene import DONE, Scene, good


@pytest.fixture
async def scene(tmp_path: Path) -> Any:
    scene = Scene(tmp_path)
    yield scene
    scene.audit.close()


async def test_intent_then_outcome(scene: Scene) -> None:
    """One answer leaves one intent and one outcome with the same id as the header."""
    scene.cloud._replies = [good()]
    caller = await scene.post()

    intent, outcome = scene.records()
    assert (intent["event"], outcome["event"]) == ("intent", "outcome")
    assert intent["id"] == outcome["id"] == caller.headers[b"x-nearward-decision-id"].decode()
    assert (outcome["result"], outcome["tokens_out"]) == ("complete", 2)


async def test_fallback_has_an_intent_for_each(scene: Scene) -> None:
    """Every attempt is on record before it, in order."""
    scene.cloud._replies = [FakeReply(503, [b""])]
    scene.device._replies = [good()]
    caller = await scene.post()

    assert caller.status == 200
    assert [e.get("to") for e in scene.records()] == ["c1", "device", "device"]
    assert caller.headers[b"x-nearward-route"] == b"local"


async def test_a_secret_never_reaches_the_cloud_backend(scene: Scene) -> None:
    """A detector that raises keeps the request here, and the header says why."""
    scene.scanner.result = RuntimeError("x")
    scene.device._replies = [good()]
    caller = await scene.post(model="big")

    assert scene.cloud.calls == []
    assert caller.headers[b"x-nearward-data-class"] == b"unknown"
    assert caller.headers[b"x-nearward-reason"] == b"detector_error"


async def test_refusals_are_answered_and_recorded(scene: Scene) -> None:
    """A blocked request has decision headers, an envelope and a record."""
    caller = await scene.post((b"x-nearward-data-class", b"secret"), model="cloud/big")

    assert (caller.status, caller.error["code"]) == (403, "policy_blocked")
    assert caller.headers[b"x-nearward-route"] == b"blocked"
    (record,) = scene.records()
    assert (record["event"], record["error"], record["class"]) == (
        "refused",
        "policy_blocked",
        "secret",
    )


@pytest.mark.parametrize(
    ("sent", "passed_on"),
    [
        (b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01", True),
        (b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-zz", False),
        (b"garbage", False),
        (b"", False),
    ],
)
async def test_traces_go_on_with_a_span_of_our_own(
    scene: Scene, sent: bytes, passed_on: bool
) -> None:
    """The caller's trace id and flags go on, under a new span; what is malformed does not."""
    scene.device._replies = [good()]
    await scene.post((b"traceparent", sent), model="local/small")

    (call,) = scene.device.calls
    if passed_on:
        assert re.fullmatch(rb"00-a{32}-[0-9a-f]{16}-01", call.traceparent)
        assert call.traceparent != sent
    else:
        assert call.traceparent == b""


async def test_a_request_in_flight_keeps_its_rules(scene: Scene) -> None:
    """Rules that change while the first cloud is asked do not touch the request: one hash."""
    before, after = scene.rules.policy.hash, rules_of(open_policy("c1", pack="hipaa"))

    class Swapping(FakeBackend):
        async def send(self, call: Call) -> Reply:
            scene.rules = after
            return await super().send(call)

    scene.cloud.__class__ = Swapping
    scene.cloud._replies = [FakeReply(503, [b""]), good()]
    scene.device._replies = [good()]
    caller = await scene.post()
    later = await scene.post()

    assert caller.headers[b"x-nearward-policy"].decode() == before
    assert {e["policy"] for e in scene.records()[:2]} == {before}
    assert later.headers[b"x-nearward-policy"].decode() == after.policy.hash


async def test_dry_run_and_explain_ask_nobody(scene: Scene) -> None:
    """Both show the plan; neither reaches a backend nor leaves an intent."""
    dry = await scene.post((b"x-nearward-dry-run", b"1"))
    explained = await scene.post(path="/explain")
    refused = await scene.post(
        (b"x-nearward-max-tier", b"device"), path="/explain", model="cloud/big"
    )

    assert orjson.loads(dry.body)["plan_reason"] == "hard_prompt"
    assert orjson.loads(dry.body)["verdict"] == "allow"
    assert [a["destination"] for a in orjson.loads(explained.body)["plan"]] == ["c1", "device"]
    assert orjson.loads(refused.body)["refusal"] == "policy_blocked"
    assert scene.cloud.calls == scene.device.calls == []
    assert scene.records() == []


async def test_session_taint_is_a_floor(scene: Scene) -> None:
    """What a session once carried raises its later requests."""
    session = (b"x-nearward-session", b"s")
    scene.device._replies = [good(), good()]
    await scene.post(session, (b"x-nearward-data-class", b"secret"))
    caller = await scene.post(session)

    assert caller.headers[b"x-nearward-data-class"] == b"secret"
    assert scene.cloud.calls == []


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("gateway.channel._WATCH_AFTER_S", 0)
    yield


async def _begun(scene: Scene) -> None:
    async with asyncio.timeout(2):
        while not scene.cloud.calls:
            await asyncio.sleep(0)


@pytest.mark.usefixtures("watching")
async def test_client_that_leaves_before_the_first_byte(scene: Scene) -> None:
    """The attempt is cancelled, its reply closed, and a record says that the client left."""
    reply = FakeReply(200, [], hangs=True)
    scene.cloud._replies = [reply]
    caller = Caller.posting(orjson.dumps(chat_body()))
    task = asyncio.create_task(scene.gateway(scope("/chat", [BEARER]), caller.receive, caller.send))
    await _begun(scene)
    caller.leave()
    await asyncio.wait_for(task, 2)

    assert reply.is_closed
    assert caller.sent == []
    assert scene.records()[-1]["error"] == "client_gone"
    assert scene.device.calls == []


async def test_stop_in_the_middle_of_a_stream_leaves_an_outcome(scene: Scene) -> None:
    """No intent stays without its outcome when the gateway stops (F15)."""
    scene.cloud._replies = [stream_of(b"data: {}\n\n", hangs=True)]
    caller = Caller.posting(orjson.dumps(chat_body(stream=True)))
    task = asyncio.create_task(scene.gateway(scope("/chat", [BEARER]), caller.receive, caller.send))
    async with asyncio.timeout(2):
        while len(caller.sent) < 2:
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    intent, outcome = scene.records()
    assert (intent["event"], outcome["result"]) == ("intent", "truncated")


async def test_stream_is_recorded_with_its_usage(scene: Scene) -> None:
    """A complete stream is an outcome with tokens."""
    scene.cloud._replies = [stream_of(b"data: {}\n\n", DONE)]
    caller = await scene.post(stream=True)

    assert caller.is_complete
    outcome = scene.records()[-1]
    assert (outcome["result"], outcome["tokens_in"], outcome["tokens_out"]) == ("complete", 1, 2)


@pytest.mark.parametrize("body", [{"model": "nobody"}, {"n": 0}, {"api_base": "x"}])
async def test_requests_that_are_refused_early_reach_nobody(scene: Scene, body: Any) -> None:
    """Wrong requests are 4xx and reach no backend."""
    caller = await scene.post(**body)

    assert 400 <= caller.status < 500
    assert scene.cloud.calls == scene.device.calls == []


async def test_without_a_key_the_body_is_not_read(scene: Scene) -> None:
    """Authentication comes before the body: a caller without a key sends it in vain."""
    caller = Caller()  # receive would wait for ever
    async with asyncio.timeout(2):
        await scene.gateway(scope("/chat"), caller.receive, caller.send)

    assert caller.status == 401
    assert issubclass(GatewayError, Exception)
