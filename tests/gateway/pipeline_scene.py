# SPDX-License-Identifier: Apache-2.0
"""The pipeline over fakes: one cloud, one device, a real audit log."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import orjson

from gateway.app import Gateway
from gateway.break_glass import BreakGlass
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
from gateway.wrong_keys import WrongKeys
from policies import DataClass
from tests.gateway.fakes import (
    BEARER,
    KEY,
    TODAY,
    Caller,
    FakeBackend,
    FakeClock,
    FakeReply,
    chat_body,
    open_policy,
    parsed,
    scope,
)
from tests.gateway.judging import READY, WHO, rules_of
from tests.gateway.test_signal_reading import FakeScanner

NOW = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.UTC)
DONE = b'data: {"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\ndata: [DONE]\n\n'


class Scene:
    """The eight steps, to be posted to, and what they leave on record."""

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
        self.gateway = Gateway(handlers, self.gateway_web, Limits(), self.metrics, WrongKeys())

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


def good() -> FakeReply:
    return FakeReply(200, [b'{"usage":{"prompt_tokens":1,"completion_tokens":2}}'])
