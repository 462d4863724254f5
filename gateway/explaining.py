# SPDX-License-Identifier: Apache-2.0
"""The offline explanation: the gateway's own judgement and plan, with no gateway running."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import MutableMapping
from typing import Any

from gateway.bootstrap import make_break_glass, make_redactor
from gateway.channel import AsgiChannel
from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.identity import Identity, Key, Principal
from gateway.judgement import Judge
from gateway.limits import Limits
from gateway.pipeline import explanation
from gateway.routing.plan import Plan
from gateway.rules import make_rules
from gateway.settings import Settings
from gateway.signals.capability import Capability, Snapshot
from gateway.signals.complexity import score
from gateway.signals.configured import make_detector
from gateway.signals.reading import SignalReader
from gateway.state.keys import digest_of
from gateway.state.secret import Secret
from gateway.state.sessions import MemorySessions

_KEY = "explain"


async def explain_offline(
    settings: Settings, body: bytes, headers: list[tuple[bytes, bytes]]
) -> bytes:
    """The explanation as JSON; raises GatewayError for a request the gateway would refuse.

    The device is taken to be ready with the configured context.
    """
    capability = Capability(clock=time.monotonic)
    device = settings.device
    capability.update(Snapshot(device.enabled, device.model, "", device.context_tokens))
    # An operator asks: also what an emergency would open, or a second factor.
    who = Principal("explain", "default", "user", may_break_glass=True, mfa="header")
    secret = Secret(b"offline")
    rules = make_rules(settings)
    detector = make_detector(settings)
    judge = Judge(
        identity=Identity([Key(digest_of(_KEY), who)]),
        signals=SignalReader(scanner=detector, score=score, capability=capability),
        sessions=MemorySessions(secret=secret, clock=time.monotonic),
        rules=lambda: rules,
        default_class=settings.policy.default_class,
        today=lambda: datetime.datetime.now(datetime.UTC).date(),
        break_glass=make_break_glass(settings, secret),
        redactor=make_redactor(settings, detector),
    )
    exchange = _exchange(settings, body, headers)
    try:
        judged = await judge.judge(exchange)
    finally:
        exchange.close()
    try:
        plan = rules.planner.plan(judged.request.model, judged.decision, judged.signals, judged.met)
    except GatewayError as error:
        return explanation(judged, Plan((), ""), error.code)
    return explanation(judged, plan, "")


def _exchange(settings: Settings, body: bytes, headers: list[tuple[bytes, bytes]]) -> Exchange:
    pending = [{"type": "http.request", "body": body}]

    async def receive() -> MutableMapping[str, Any]:
        if not pending:
            await asyncio.Event().wait()  # the person at the terminal does not leave
        return pending.pop()

    async def send(_: dict[str, Any]) -> None:
        raise AssertionError("an explanation answers nobody")

    own = [h for h in headers if h[0] not in (b"authorization", b"x-api-key")]
    channel = AsgiChannel([*own, (b"x-api-key", _KEY.encode())], receive, send)
    exchange = Exchange(channel, Limits(body_bytes=settings.server.max_body_bytes))
    exchange.open()
    return exchange
