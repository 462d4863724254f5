# SPDX-License-Identifier: Apache-2.0
"""Emergency access in the pipeline: who has it, what it opens, what is left on record."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.judgement import Judged
from gateway.taint import doubt_of
from policies import Baa, DataClass, Destination, Tier, builtin_pack, load_policy
from tests.gateway.fakes import (
    BEARER,
    TODAY,
    Caller,
    away,
    chat_body,
    exchange_of,
)
from tests.gateway.judging import WHO
from tests.gateway.pipeline_scene import Scene, good


@pytest.fixture
async def scene(tmp_path: Path) -> Any:
    scene = Scene(tmp_path)
    yield scene
    scene.audit.close()


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


def agree_with_c1(scene: Scene) -> None:
    """Put `hipaa` in force with a cloud that an agreement covers, for a caller with break-glass."""
    agreement = Baa(id="b", expires=TODAY, scope=frozenset({"*"}))
    places = [Destination(name="device", tier=Tier.DEVICE)]
    places.append(away("c1", baa=agreement, trains_on_data=False))
    scene.rules = replace(scene.rules, policy=load_policy([builtin_pack("hipaa")], places))
    scene.principals[0] = replace(WHO, may_break_glass=True)


async def test_an_emergency_does_not_hide_what_the_session_carried(scene: Scene) -> None:
    """An agreement frees what a failed detector holds, not a secret of the turn before."""
    agree_with_c1(scene)

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


async def test_a_doubt_about_a_session_is_what_the_failure_was(scene: Scene) -> None:
    """One failure holds the session, clean words too; emergency access works as often as needed."""
    agree_with_c1(scene)

    async def judged(session: bytes, *headers: tuple[bytes, bytes]) -> Judged:
        sent = [BEARER, (b"x-nearward-session", session), *headers]
        exchange = exchange_of(Caller.posting(orjson.dumps(chat_body())), sent)
        found = await scene.judge.judge(exchange)
        exchange.close()
        return found

    works, secret = scene.scanner.result, (b"x-nearward-data-class", b"secret")
    await judged(b"dirty", secret)
    scene.scanner.result = RuntimeError()
    assert (await judged(b"s")).decision.allowed == ("device",)
    await judged(b"dirty")
    for _ in range(3):
        assert (await judged(b"s", GLASS)).decision.allowed == ("device", "c1")
    scene.scanner.result = works

    clean = await judged(b"s")
    assert clean.decision.allowed == ("device",)
    assert clean.signals.findings.errors == ("session_not_judged",)
    assert clean.facts.default_class is DataClass.INTERNAL
    assert (await judged(b"s", GLASS)).decision.allowed == ("device", "c1")
    assert (await judged(b"dirty", GLASS)).decision.allowed == ("device",)
    assert (await judged(b"other")).decision.allowed == ("device", "c1")

    for session in ("s", "dirty"):
        assert await scene.judge.sessions.forget(WHO.tenant, doubt_of(session))
    assert (await judged(b"s")).decision.allowed == ("device", "c1")
    assert (await judged(b"dirty")).decision.data_class is DataClass.SECRET


async def test_a_declared_unknown_is_no_doubt(scene: Scene) -> None:
    """No failure: the session stays unknown, and nobody ends it."""
    scene.device._replies = [good(), good()]
    session = (b"x-nearward-session", b"s")
    await scene.post(session, (b"x-nearward-data-class", b"unknown"))
    assert not await scene.judge.sessions.forget(WHO.tenant, doubt_of("s"))
    caller = await scene.post(session)

    assert caller.headers[b"x-nearward-data-class"] == b"unknown"


async def test_glass_without_a_record_opens_nothing(scene: Scene) -> None:
    """When the record cannot be written the cloud is refused, and the device still answers."""
    scene.principals[0] = replace(WHO, may_break_glass=True)
    writer = scene.audit._writer
    writer.problem, writer._failed_at = "no space", math.inf  # and no retry is ever due
    scene.device._replies = [good()]
    caller = await scene.post(GLASS)
    assert (caller.status, scene.cloud.calls) == (200, [])

    refused = await scene.post(GLASS, model="cloud/big")
    assert (refused.status, refused.error["code"]) == (503, "audit_unavailable")
    assert scene.cloud.calls == []


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
