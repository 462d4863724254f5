# SPDX-License-Identifier: Apache-2.0
"""A request's life from bytes to answer over scripted backends, and what is left on record."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.app import Gateway
from gateway.backends.base import Call, Reply
from gateway.break_glass import BreakGlass
from gateway.errors import GatewayError
from gateway.execution import Executor
from gateway.identity import Identity, Key, Principal
from gateway.judgement import Judge
from gateway.limits import Headers, Limits
from gateway.pipeline import Pipeline
from gateway.records.audit import AuditLog, segments
from gateway.records.journal import Journal
from gateway.records.metrics import Metrics
from gateway.signals.capability import Capability
from gateway.signals.reading import SignalReader
from gateway.state.keys import digest_of
from gateway.state.secret import Secret
from gateway.state.sessions import MemorySessions
from policies import Baa, DataClass, Destination, Tier, builtin_pack, load_policy
from tests.gateway.fakes import (
    BEARER,
    KEY,
    TODAY,
    Caller,
    FakeBackend,
    FakeClock,
    FakeReply,
    away,
    chat_body,
    exchange_of,
    open_policy,
    parsed,
    scope,
    stream_of,
)
from tests.gateway.judging import READY, WHO, rules_of
from tests.gateway.test_signal_reading import FakeScanner

NOW = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.UTC)
DONE = b'data: {"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\ndata: [DONE]\n\n'


class Scene:
    """The eight steps over fakes: one cloud, one device, a real audit log."""

    def __init__(self, directory: Path) -> None:
        self.cloud = FakeBackend()
        self.device = FakeBackend()
        self.scanner = FakeScanner()
        self.directory = directory
        self.audit = AuditLog(directory, clock=FakeClock(), flush_s=30)
        self.metrics = Metrics()
        self.principals = [WHO]
        self.rules = rules_of(open_policy("c1"))
        capability = Capability(clock=FakeClock())
        capability.update(READY)
        journal = Journal(self.audit, self.metrics, clock=FakeClock())
        self.judge = Judge(
            identity=self,  # type: ignore[arg-type]
            signals=SignalReader(scanner=self.scanner, score=lambda _: 0.9, capability=capability),
            sessions=MemorySessions(secret=Secret(b"key"), clock=FakeClock()),
            rules=lambda: self.rules,
            default_class=DataClass.INTERNAL,
            today=lambda: TODAY,
            break_glass=BreakGlass(secret=Secret(b"key"), longest_s=3600, now=lambda: NOW),
        )
        pipeline = Pipeline(
            self.judge,
            Executor({"device": self.device, "c1": self.cloud}, {}, journal, 1000),
            journal,
        )
        handlers = {"/chat": pipeline.chat, "/explain": pipeline.explain}
        self.gateway = Gateway(handlers, self.gateway_web, Limits(), self.metrics)

    def authenticate(self, headers: Headers) -> Principal:
        """The identity of this scene: whoever has the key is the one principal."""
        known = Identity([Key(digest_of(KEY), self.principals[0])])
        return known.authenticate(headers)

    def metric(self, name: str, **labels: str) -> float | None:
        self.metrics.flush()
        return self.metrics.registry.get_sample_value(f"nearward_{name}", labels)

    @staticmethod
    async def gateway_web(*_: Any) -> None:
        raise AssertionError("not reached")

    async def post(self, *headers: tuple[bytes, bytes], path: str = "/chat", **body: Any) -> Caller:
        caller = Caller.posting(orjson.dumps(chat_body(**body)))
        await self.gateway(scope(path, [BEARER, *headers]), caller.receive, caller.send)
        return caller

    def records(self) -> list[dict[str, Any]]:
        self.audit._batch()()  # here, not in its thread, which is idle
        paths = segments(self.directory, 0)
        return parsed(x for p in paths for x in p.read_bytes().split(b"\n")[:-1])[1:]


@pytest.fixture
async def scene(tmp_path: Path) -> Any:
    scene = Scene(tmp_path)
    yield scene
    scene.audit.close()


def good() -> FakeReply:
    return FakeReply(200, [b'{"usage":{"prompt_tokens":1,"completion_tokens":2}}'])


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


GLASS = (b"x-nearward-break-glass", b"cardiac arrest in room 4")


async def test_a_broken_glass_is_on_record_before_the_intent(scene: Scene) -> None:
    """With the right, policy is told, and a record of its own comes first and is on the disk."""
    scene.principals[0] = replace(WHO, may_break_glass=True)
    scene.device._replies = [good()]
    caller = await scene.post(GLASS, (b"x-nearward-data-class", b"secret"))

    assert caller.status == 200
    glass, intent, _ = scene.records()
    assert [glass["event"], intent["event"]] == ["break_glass", "intent"]
    assert glass["id"] == intent["id"]
    assert (glass["outcome"], glass["class"], glass["role"]) == ("used", "secret", "user")
    assert glass["until"] == "2026-11-01T13:00:00+00:00"
    assert (glass["reason_chars"], len(glass["reason_hmac"])) == (24, 64)
    assert "cardiac" not in str(scene.records())
    assert scene.metric("break_glass_total", outcome="used") == 1


async def test_glass_opens_nothing_that_policy_does_not_open(scene: Scene) -> None:
    """What stays on the device without it stays there with it: no rule here speaks of it."""
    scene.principals[0] = replace(WHO, may_break_glass=True)
    caller = await scene.post(GLASS, (b"x-nearward-data-class", b"secret"), model="cloud/big")

    assert (caller.status, caller.error["code"]) == (403, "policy_blocked")
    assert scene.cloud.calls == []


@pytest.mark.parametrize("path", ["/chat", "/explain"])
@pytest.mark.parametrize(
    ("may", "until", "outcome"),
    [
        (False, b"", "no_right"),
        (True, b"; until=2026-11-01T11:59:59Z", "expired"),
        (True, b"; until=2026-11-01T14:00:00Z", "too_long"),
    ],
)
async def test_glass_that_is_refused(
    scene: Scene, path: str, may: bool, until: bytes, outcome: str
) -> None:
    """Without the right or outside its time: 403, on record, counted, and nobody is asked."""
    scene.principals[0] = replace(WHO, may_break_glass=may)
    caller = await scene.post((GLASS[0], GLASS[1] + until), path=path)

    assert (caller.status, caller.error["code"]) == (403, "break_glass_refused")
    assert "cardiac" not in caller.error["message"]
    assert scene.cloud.calls == scene.device.calls == []
    glass = scene.records()[0]
    assert (glass["event"], glass["outcome"]) == ("break_glass", outcome)
    assert scene.metric("break_glass_total", outcome=outcome) == 1


async def test_policy_is_told_of_no_glass_that_does_not_count(scene: Scene) -> None:
    """Only a claim that counts is a fact; the others are judged as if they were not made."""
    for may in (False, True):
        scene.principals[0] = replace(WHO, may_break_glass=may)
        exchange = exchange_of(Caller.posting(orjson.dumps(chat_body())), [BEARER, GLASS])
        judged = await scene.judge.judge(exchange)
        exchange.close()
        assert judged.facts.break_glass is may


async def test_an_emergency_does_not_hide_what_the_session_carried(scene: Scene) -> None:
    """An agreement frees what a failed detector holds, not a secret of the turn before."""
    agreement = Baa(id="b", expires=TODAY, scope=frozenset({"*"}))
    places = [Destination(name="device", tier=Tier.DEVICE)]
    places.append(away("c1", baa=agreement, trains_on_data=False))
    policy = load_policy([builtin_pack("hipaa")], places)
    scene.rules = replace(scene.rules, policy=policy)
    scene.principals[0] = replace(WHO, may_break_glass=True)

    async def allowed(session: bytes, *headers: tuple[bytes, bytes]) -> tuple[str, ...]:
        sent = [BEARER, GLASS, (b"x-nearward-session", session), *headers]
        exchange = exchange_of(Caller.posting(orjson.dumps(chat_body())), sent)
        judged = await scene.judge.judge(exchange)
        exchange.close()
        return judged.decision.allowed

    assert await allowed(b"dirty", (b"x-nearward-data-class", b"secret")) == ("device",)
    scene.scanner.result = RuntimeError()
    assert await allowed(b"clean") == ("device", "c1")
    assert await allowed(b"dirty") == ("device",)


async def test_glass_without_a_record_is_no_glass(scene: Scene) -> None:
    """When the record cannot be written nothing is sent, not even to the device."""
    scene.principals[0] = replace(WHO, may_break_glass=True)
    writer = scene.audit._writer
    writer.problem, writer._failed_at = "no space", writer._timer()  # it failed a moment ago
    caller = await scene.post(GLASS)

    assert (caller.status, caller.error["code"]) == (503, "audit_unavailable")
    assert scene.cloud.calls == scene.device.calls == []


async def test_dry_run_and_explain_break_no_glass(scene: Scene) -> None:
    """Both tell policy of the emergency and say so; nothing was sent, so no use is on record."""
    scene.principals[0] = replace(WHO, may_break_glass=True)
    dry = await scene.post(GLASS, (b"x-nearward-dry-run", b"1"))
    explained = await scene.post(GLASS, path="/explain")

    for caller in (dry, explained):
        assert orjson.loads(caller.body)["break_glass"] is True
    assert scene.records() == []
    plain = await scene.post(path="/explain")
    assert orjson.loads(plain.body)["break_glass"] is False


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
