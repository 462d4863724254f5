# SPDX-License-Identifier: Apache-2.0
"""Runs cases against a whole gateway with two recorded clouds, and says what went wrong.

One cloud has a business associate agreement, the other has none. Everything that leaves passes a
sink. Afterwards each request in the recordings must belong to a case that allows the place, as
planted or through any encoding that the canaries' search undoes; an intent must have been on file
for it when its first byte came; and no mark or reason may be in a file, a metric or a log.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import bootstrap
from gateway.errors import AuditUnavailable
from gateway.routing.breaker import Breaker, BreakerRules
from gateway.settings import Settings
from gateway.signals.privacy import Detector
from tests.doubles.asgi import call
from tests.doubles.canary import Canary, readings
from tests.doubles.cloud import Cloud
from tests.doubles.house import House, house
from tests.doubles.sink import Sink
from tests.security.cases import ACTS, BAA, US, Case, Level, draw

_REQUEST = re.compile(rb"(?=POST /v1/)")
_PATHS = {
    "explain": "/v1/route/explain",
    "classify": "/v1/classify",
    "embeddings": "/v1/embeddings",
    "tokens": "/v1/embeddings",
}
_MARK = re.compile(rb"Reference word: (\w+)")
_SOME_TIME_S = 0.3  # a cloud's silence
_AGREEMENT = {"id": "B-1", "expires": "2099-01-01", "scope": ["chat"]}
_KEYS = {"right": "key-of-the-ward-0123", "": "key-of-the-desk-4567"}
_REASON = "emergency of "
_real_detector = cache(Detector)


class Switch:
    """The real detector, until it is told to fail."""

    version = "switch"

    def __init__(self) -> None:
        self.fails_by: str | None = None

    def scan(self, text: str, mode: Any = "auto") -> Any:
        if self.fails_by == "raising":
            raise RuntimeError(text)
        if self.fails_by == "time-out":
            raise TimeoutError(text)
        if self.fails_by == "memory":
            raise MemoryError
        return None if self.fails_by == "nonsense" else _real_detector().scan(text, mode)


@dataclass(slots=True)
class Ran:
    """A case that was run, and what may have been in force for it."""

    case: Case
    mark: str
    reason: str
    allowed: frozenset[str]


@dataclass
class Scene:
    """The gateway, its clouds, and what was observed."""

    here: House
    clouds: dict[str, Cloud]
    sinks: dict[str, Sink]
    detector: Switch
    versions: list[Settings]  # with the agreement, and without it
    ran: list[Ran] = field(default_factory=list)
    without_intent: list[str] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    _floors: dict[str, Level] = field(default_factory=dict)
    _doubts: set[str] = field(default_factory=set)
    _hashes: dict[str, bool] = field(default_factory=dict)
    _read: int = 0
    _intents: Counter[str] = field(default_factory=Counter)
    _intents_before: dict[str, Counter[str]] = field(default_factory=dict)
    _audit_fails: bool = False

    async def run(self, cases: int, rng: random.Random, *, together: int = 1, **fixed: Any) -> None:
        """Draw and run so many cases, so many at a time; for what went wrong see `violations`."""
        with capture_logs() as logs:
            for _ in range(0, cases, together):
                first = draw(rng, **fixed)
                others = [draw(rng, **fixed).beside(first) for _ in range(together - 1)]
                await self._run([first, *others], rng)
        self.logs += logs

    async def _run(self, cases: list[Case], rng: random.Random) -> None:
        first = cases[0]
        self.clouds[US].otherwise = ACTS[first.us_act]
        self.clouds[BAA].otherwise = ACTS[first.baa_act]
        failures = ["raising", "time-out", "memory", "nonsense"]
        self.detector.fails_by = rng.choice(failures) if first.protected_by == "detector" else None
        self._audit_fails = first.audit_fails
        words = [(Canary.new().token, _REASON + Canary.new().token) for _ in cases]
        self._intents_before |= {mark: self._count_intents().copy() for mark, _ in words}
        before, floors = self._has_agreement(), self._floors.copy()
        doubts = self._doubts.copy()
        asked = [self._ask(case, *w) for case, w in zip(cases, words, strict=True)]
        if first.reloads:
            self.here.settings = self.versions[1 if before else 0]
            reload = self.here.application.reload.reload()
            answers, _ = await asyncio.gather(asyncio.gather(*asked), reload)
        else:
            answers = await asyncio.gather(*asked)
        for case, (mark, reason), headers in zip(cases, words, answers, strict=True):
            floor = floors.get(case.session, Level.CLEAN)
            in_force = {before, self._has_agreement()}
            if "x-nearward-policy" in headers:
                in_force = {self._hashes[headers["x-nearward-policy"]]}
            is_doubted = case.session in doubts
            places = (case.allows(floor, has_agreement=a, is_doubted=is_doubted) for a in in_force)
            self.ran.append(Ran(case, mark, reason, frozenset[str]().union(*places)))
            if case.session and "x-nearward-decision-id" in headers:
                known = self._floors.get(case.session, Level.CLEAN)
                self._floors[case.session] = max(known, case.level)
                self._doubts |= {case.session} if case.is_doubtful else set()

    def _has_agreement(self) -> bool:
        policy = self.here.application.reload.rules().policy
        has = next(d.baa is not None for d in policy.destinations if d.name == BAA)
        self._hashes[policy.hash] = has
        return has

    async def _ask(self, case: Case, mark: str, reason: str) -> dict[str, str]:
        path = _PATHS.get(case.endpoint, "/v1/chat/completions")
        body: dict[str, Any] = case.body(mark)
        if case.endpoint == "classify":
            body = {"id": "1", "messages": body["messages"]}
        key = _KEYS["right" if case.glass == "right" else ""]
        headers = {"authorization": f"Bearer {key}", **case.headers(reason)}
        return await _post(self.here, path, json.dumps(body).encode(), headers, case.leaves_after)

    def refuse_audit(self) -> None:
        """Stand between the journal and its log, to fail when a case says so."""
        audit = self.here.application.audit
        write = audit.intent

        async def intent(entry: Any, *, sync: bool) -> None:
            if self._audit_fails:
                raise AuditUnavailable("the audit log cannot be written")
            await write(entry, sync=sync)

        audit.intent = intent  # type: ignore[method-assign]

    def note_arrival(self, name: str, data: bytes) -> None:
        """I5: when a request arrives, an intent of its case for this cloud is on file."""
        intents = self._count_intents()[name]
        for mark in _MARK.findall(data):
            if intents <= self._intents_before[mark.decode()][name]:
                self.without_intent.append(name)

    def _count_intents(self) -> Counter[str]:
        paths = sorted((self.here.state_dir / "audit").glob("*.jsonl"))
        text = b"".join(path.read_bytes() for path in paths)
        whole = text.rfind(b"\n") + 1
        for line in text[self._read : whole].splitlines():
            entry = json.loads(line)
            self._intents[entry["to"] if entry["event"] == "intent" else ""] += 1
        self._read = whole
        return self._intents

    async def violations(self) -> list[str]:
        """Everything that left, or was kept, and may not have been."""
        owners = {ran.mark.lower().encode(): ran for ran in self.ran}
        found = [f"{name}: no intent on file when it came" for name in self.without_intent]
        for name, sink in self.sinks.items():
            for flow in sink.flows:
                for part in filter(None, _REQUEST.split(bytes(flow.sent))):
                    found += _faults_of(name, readings(part), owners)
        kept = await self._kept()
        for ran in self.ran:
            for word in (ran.mark, ran.reason.removeprefix(_REASON)):
                if word.encode() in kept:
                    found.append(f"a word of the caller is kept: {ran.case}")
        return found

    def seen_by(self, name: str) -> int:
        """How many cases this cloud saw: a sink that sees nothing proves nothing."""
        sent = b"".join(bytes(flow.sent) for flow in self.sinks[name].flows)
        return sum(ran.mark.encode() in sent for ran in self.ran)

    async def _kept(self) -> bytes:
        files = [p for p in self.here.state_dir.rglob("*") if p.is_file()]
        metrics = await call(self.here.app, "/metrics", method="GET")
        assert b"nearward_requests_total" in metrics.body
        return b"".join(p.read_bytes() for p in files) + metrics.body + str(self.logs).encode()


def _faults_of(name: str, part: bytes, owners: dict[bytes, Ran]) -> list[str]:
    seen = [ran for mark, ran in owners.items() if mark in part]
    if not seen:
        return [f"{name}: bytes of no case"]
    return [f"{name} saw: {ran.case}" for ran in seen if name not in ran.allowed]


async def _post(
    here: House, path: str, body: bytes, headers: dict[str, str], leaves_after: int | None
) -> dict[str, str]:
    """The answer's headers; none when the caller left before it began."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        if waiting:
            return waiting.pop()
        if leaves_after is None:
            await asyncio.Event().wait()
        for _ in range(leaves_after or 0):
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(k.encode(), v.encode()) for k, v in headers.items()]
    scope = {"type": "http", "method": "POST", "path": path, "headers": raw}
    await here.app(scope, receive, send)
    return {k.decode(): v.decode() for k, v in sent[0]["headers"]} if sent else {}


@asynccontextmanager
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A gateway in front of both clouds, with everything that a case can let go wrong."""
    detector = Switch()
    monkeypatch.setattr(bootstrap, "Detector", lambda **_: detector)
    monkeypatch.setattr("gateway.channel._WATCH_AFTER_S", 0)
    soon = partial(Breaker, rules=BreakerRules(open_s=0.001, longest_open_s=0.001))
    monkeypatch.setattr(bootstrap, "Breaker", soon)  # else a cloud may see too few of the cases
    timeouts = {"connect_s": 2, "first_byte_s": _SOME_TIME_S, "idle_s": _SOME_TIME_S}
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(Cloud())
        sink = await stack.enter_async_context(Sink(forward=("127.0.0.1", cloud.port)))
        with_agreement = {"base_url": f"{sink.origin}/v1", "baa": _AGREEMENT, "timeouts": timeouts}
        here = await stack.enter_async_context(
            house(
                {US: {"timeouts": timeouts}, BAA: with_agreement},
                aliases={"alias": "auto"},
                routing={"strong_fraction": 1.0},
                keys=[_key("ward", "right"), _key("desk", "")],
            )
        )
        place = Scene(
            here,
            {US: here.cloud, BAA: cloud},
            {US: here.sink, BAA: sink},
            detector,
            [here.settings, _without_agreement(here.settings)],
        )
        place.refuse_audit()
        for name, s in place.sinks.items():
            s.on_data = partial(place.note_arrival, name)
        yield place


def _key(name: str, glass: str) -> dict[str, Any]:
    digest = hashlib.sha256(_KEYS[glass].encode()).hexdigest()
    return {"id": name, "hash": f"sha256:{digest}", "may_break_glass": glass == "right"}


def _without_agreement(settings: Settings) -> Settings:
    """The agreement is gone, and the other cloud is now the dearer one."""
    changed = [
        d.model_copy(update={"baa": None})
        if d.name == BAA
        else d.model_copy(update={"cost": d.cost.model_copy(update={"output_per_mtok": 1.0})})
        for d in settings.destinations
    ]
    return settings.model_copy(update={"destinations": changed})
