# SPDX-License-Identifier: Apache-2.0
"""Invariant I1: what policy does not allow to leave never reaches the cloud's socket, not a byte.

Every case plants a canary beside an identifier (or a declaration, or a broken detector), sends
the request, and searches everything that went towards the cloud for it, in many encodings. Clean
requests with a canary must be found there: a sink that sees nothing proves nothing.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway import bootstrap, judgement, rules
from policies import DataClass, Decision, Facts, Findings, Policy, decide
from tests.doubles.asgi import Answer, call
from tests.doubles.canary import Canary
from tests.doubles.house import AUTH, CLOUD_MODEL, House, house
from tests.security.cases import BAA, CARRIERS, HEALTH, US
from tests.security.scene import Scene, scene

CASES = int(os.environ.get("NEARWARD_EXAMPLES", "500"))
NIGHTLY_CASES = 20_000


async def ask(
    here: House,
    carrier: str,
    text: str,
    model: str,
    *,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send one chat request with `text` in the place named by `carrier`."""
    body = {"model": model, **CARRIERS[carrier](text)}
    return await call(
        here.app, "/v1/chat/completions", json.dumps(body).encode(), {**AUTH, **(headers or {})}
    )


async def check(place: Scene, cases: int) -> None:
    """Run cases, four in five by themselves and the others eight at a time.

    Nothing may have left that may not, and both clouds must have seen some.
    """
    seed = random.getrandbits(32)
    await place.run(cases * 4 // 5, random.Random(seed))
    await place.run(cases // 5, random.Random(seed + 1), together=8)
    assert await place.violations() == [], f"seed {seed}"
    assert min(place.seen_by(US), place.seen_by(BAA)) > cases // 50


async def test_nothing_leaves_that_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """I1 and I5 over endpoints, streams, faults, fallback, reloads, leavers, sessions, glass."""
    async with scene(monkeypatch) as place:
        await check(place, CASES)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
async def test_nothing_leaves_that_may_not_at_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, for a night; in parts, because the recordings are read whole."""
    for _ in range(NIGHTLY_CASES // 1000):
        with monkeypatch.context() as patch:
            async with scene(patch) as place:
                await check(place, 1000)


async def test_clean_requests_do_leave_and_are_seen() -> None:
    """The control: a clean request reaches the cloud from every field, and the sink sees it."""
    async with house(routing={"strong_fraction": 1.0}) as here:
        for carrier in sorted(set(CARRIERS) - {"user", "name"}):
            canary = Canary.new()
            text = f"please say the word {canary.token} as it is in this one"
            answer = await ask(here, carrier, text, "auto")
            assert answer.headers["x-nearward-route"] == "cloud", carrier
            assert here.sink.finds(canary), carrier


async def test_clean_embeddings_leave_for_a_named_model_and_are_seen() -> None:
    """The control for embeddings; `auto` is the device's own."""
    async with house(routing={"strong_fraction": 1.0}) as here:
        for model, leaves in (("auto", False), (CLOUD_MODEL, True)):
            canary = Canary.new()
            body = {"model": model, "input": ["a text", f"the word {canary.token} in another"]}
            answer = await call(here.app, "/v1/embeddings", json.dumps(body).encode(), AUTH)
            assert answer.status == 200
            assert bool(here.sink.finds(canary)) is leaves


@pytest.mark.parametrize("declared", ["pii", "phi", "part2", "secret", "unknown"])
async def test_what_is_declared_protected_never_leaves(declared: str) -> None:
    """A declaration alone keeps a clean text at home, by header and by metadata."""
    async with house(routing={"strong_fraction": 1.0}) as here:
        for headers, metadata in (
            ({"x-nearward-data-class": declared}, {}),
            ({}, {"nearward_data_class": declared}),
        ):
            body = {"model": "auto", **CARRIERS["content"]("A clean text."), "metadata": metadata}
            answer = await call(
                here.app, "/v1/chat/completions", json.dumps(body).encode(), {**AUTH, **headers}
            )
            assert answer.headers["x-nearward-data-class"] == declared
            assert answer.headers["x-nearward-route"] == "local"
            assert here.sink.sent_bytes == 0


@pytest.mark.parametrize("broken", ["raises", "gives nonsense"])
async def test_a_broken_detector_keeps_everything_at_home(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the detector fails, the class is unknown and nothing leaves."""

    class Broken:
        version = "broken"

        def scan(self, text: str) -> Any:
            if broken == "raises":
                raise RuntimeError(text)
            return None

    monkeypatch.setattr(bootstrap, "Detector", lambda **_: Broken())
    async with house(routing={"strong_fraction": 1.0}) as here:
        for model in ("auto", CLOUD_MODEL, f"cloud/{CLOUD_MODEL}"):
            answer = await ask(here, "content", "A clean text.", model)
            assert answer.headers["x-nearward-data-class"] == "unknown"
            assert here.sink.sent_bytes == 0


async def test_a_session_that_carried_phi_stays_at_home() -> None:
    """After one PHI turn, a clean turn of the same session does not leave; another one does."""
    async with house(routing={"strong_fraction": 1.0}) as here:
        tainted, fresh = {"x-nearward-session": "a"}, {"x-nearward-session": "b"}
        await ask(here, "content", HEALTH + "SSN 536-22-8145", "auto", headers=tainted)
        await ask(here, "content", "A clean text.", "auto", headers=tainted)
        assert here.sink.sent_bytes == 0
        await ask(here, "content", "A clean text.", "auto", headers=fresh)
        assert here.sink.sent_bytes > 0


@dataclass(frozen=True)
class Fault:
    """One change in the source of a module, and where the changed name is used."""

    module: str
    old: str
    new: str
    user: types.ModuleType
    name: str
    cases: dict[str, Any] = field(default_factory=dict)  # that it matters for


_CLEAN: dict[str, Any] = {"protected_by": "nothing", "endpoint": "chat", "glass": ""}
FAULTS = {
    "detected class": Fault(
        "policies.engine",
        "detected.rank > floor.rank",
        "detected.rank < floor.rank",
        judgement,
        "decide",
    ),
    "declared class": Fault(
        "policies.engine",
        "declared.rank < floor.rank and",
        "declared.rank > floor.rank and",
        judgement,
        "decide",
        {"says_public": True},
    ),
    "media": Fault(
        "policies.engine",
        "floor.rank < DataClass.PHI.rank",
        "floor.rank > DataClass.PHI.rank",
        judgement,
        "decide",
        {"protected_by": "media"},
    ),
    "session": Fault(
        "gateway.taint",
        "carried.rank > own.rank",
        "carried.rank < own.rank",
        judgement,
        "in_session",
        {"endpoint": "chat", "session": "s"},
    ),
    "doubt": Fault(
        "gateway.taint",
        "DataClass.UNKNOWN if has_failed else DataClass.PUBLIC",
        "DataClass.PUBLIC",
        judgement,
        "in_session",
        {"endpoint": "chat"},
    ),
    "text left out": Fault(
        "gateway.wire",
        'if k != "model"',
        'if k not in ("model", "user", "metadata")',
        judgement,
        "parse_chat",
        {"endpoint": "chat"},
    ),
    "detector error": Fault(
        "gateway.signals.reading",
        'return Findings.unknown("detector_raised"), 0',
        "return Findings(DataClass.PUBLIC), 0",
        bootstrap,
        "SignalReader",
        {"protected_by": "detector"},
    ),
    "intent": Fault(
        "gateway.execution",
        "await self._journal.intent(judged, attempt, number)",
        "pass",
        bootstrap,
        "Executor",
        _CLEAN,
    ),
    "audit failure": Fault(
        "gateway.execution",
        "if attempt.tier is not Tier.DEVICE:",
        "if attempt.tier is Tier.DEVICE:",
        bootstrap,
        "Executor",
        {**_CLEAN, "audit_fails": True},
    ),
    "token ids": Fault(
        "gateway.signals.reading",
        "if request.has_tokens:",
        "if False:",
        bootstrap,
        "SignalReader",
        {"endpoint": "tokens", "protected_by": "nothing", "glass": "", "model": CLOUD_MODEL},
    ),
    "device first": Fault(
        "gateway.routing.plan",
        'if intent in ("auto", "local"):',
        'if intent == "local":',
        rules,
        "Planner",
        {**_CLEAN, "endpoint": "embeddings", "model": "auto"},
    ),
    "dry run": Fault(
        "gateway.pipeline",
        "if judged.wishes.is_dry_run:",
        "if not judged.wishes.is_dry_run:",
        bootstrap,
        "Pipeline",
        {"endpoint": "dry run", "protected_by": "nothing", "glass": ""},
    ),
    "break-glass": Fault(
        "gateway.pipeline",
        "if judged.glass and not judged.glass.is_broken:",
        "if False:",
        bootstrap,
        "Pipeline",
        {**_CLEAN, "glass": "no right"},
    ),
}


def faulty(fault: Fault) -> Any:
    """What `fault.name` is in the module with the change made."""
    original = importlib.import_module(fault.module)
    source = Path(str(original.__file__)).read_text()
    assert source.count(fault.old) == 1, "the source has changed: choose another fault"
    changed = types.ModuleType(fault.module)
    exec(source.replace(fault.old, fault.new), vars(changed))  # noqa: S102
    return getattr(changed, fault.name)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_gateway_with_a_fault_is_found_out(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One comparison flipped or one call left out, and the property above fails."""
    monkeypatch.setattr(fault.user, fault.name, faulty(fault))
    async with scene(monkeypatch) as place:
        await place.run(150, random.Random(1), **fault.cases)
        assert await place.violations() != []


async def test_a_gateway_that_does_not_decide_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the real decision the property above fails: it is not true by accident."""

    def decide_nothing(facts: Facts, findings: Findings, policy: Policy) -> Decision:
        return decide(facts, Findings(data_class=DataClass.PUBLIC, kinds=frozenset()), policy)

    monkeypatch.setattr(judgement, "decide", decide_nothing)
    async with scene(monkeypatch) as place:
        await place.run(150, random.Random(1))
        assert await place.violations() != []


async def test_a_planner_that_ignores_the_decision_reaches_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """I4: what was planned without a clearance is stopped before its first byte."""

    def all_routes(self: Any, decision: Decision, name: str, *_: Any) -> Any:
        return tuple(attempt for _, attempt in self._offers[name])

    monkeypatch.setattr("gateway.routing.plan.Planner._far", all_routes)
    async with scene(monkeypatch) as place:
        await place.run(150, random.Random(1))
        assert await place.violations() == []
        metrics = await call(place.here.app, "/metrics", method="GET")
        assert b'destination="cloud-us",outcome="egress_refused"' in metrics.body


async def test_a_session_that_would_not_be_shared_is_refused() -> None:
    """Several processes without a store in common do not see each other's sessions: a clear 400."""
    async with house(routing={"strong_fraction": 1.0}, server={"workers": 2}) as here:
        answer = await ask(
            here, "content", "A clean text.", "auto", headers={"x-nearward-session": "a"}
        )
        assert (answer.status, answer.json()["error"]["code"]) == (400, "unsupported_header")
        assert here.sink.sent_bytes == 0
