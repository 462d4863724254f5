# SPDX-License-Identifier: Apache-2.0
"""A chat request's life (design.md section 2). Steps 1 to 5 are judgement.py, 7 execution.py.

Nothing here opens a connection, knows a destination by name or decides anything by itself.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time

from gateway.break_glass import refusal
from gateway.delivery import CUT_SHORT, deliver
from gateway.errors import AuditUnavailable, GatewayError
from gateway.exchange import Exchange
from gateway.execution import Executor
from gateway.explanation import explained, explanation
from gateway.judgement import Judge, Judged, Parse
from gateway.planning import planned
from gateway.records.journal import (
    Journal,
    answer_headers,
    approval_headers,
    refusal_headers,
)
from gateway.routing.plan import Plan
from gateway.wire_embeddings import parse_embeddings
from policies import Tier

_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})")


class Pipeline:
    """Answers requests for chat completions and embeddings."""

    def __init__(self, judge: Judge, executor: Executor, journal: Journal) -> None:
        self._judge = judge
        self._executor = executor
        self._journal = journal

    async def embeddings(self, exchange: Exchange) -> None:
        """POST /v1/embeddings, by the same steps."""
        await self.chat(exchange, parse_embeddings)

    async def chat(self, exchange: Exchange, parse: Parse | None = None) -> None:
        """POST /v1/chat/completions; raises GatewayError before the answer has begun."""
        judged = await self._judge.judge(exchange, parse)
        try:
            self._refuse_glass(judged)
            if judged.wishes.is_dry_run:
                await exchange.answer(200, explanation(judged, planned(judged)))
                return
            judged = await self._judge.ask_approval(judged)
            exchange.trace += approval_headers(judged)
            plan = await self._planned(judged)
            overhead_s = time.perf_counter() - exchange.began
            trace = _next_span(exchange.headers.get(b"traceparent", b""))
            answer = await self._executor.execute(judged, plan, overhead_s, trace)
        except GatewayError as error:
            exchange.trace += refusal_headers(judged, error)
            self._journal.refused(judged, error.code, error.status, error.tried)
            raise
        except asyncio.CancelledError:
            self._journal.refused(judged, "client_gone", 499)
            raise
        exchange.trace += answer_headers(judged, answer)
        delivery = CUT_SHORT
        try:
            delivery = await deliver(answer, exchange)
        finally:  # also when the gateway is stopping: what left must not lack its outcome
            answer.end(delivery.verdict)
            self._journal.outcome(judged, answer, delivery, exchange.began)

    async def explain(self, exchange: Exchange) -> None:
        """POST /v1/route/explain: the decision and the plan, with nothing sent anywhere."""
        judged = await self._judge.judge(exchange)
        self._refuse_glass(judged)
        await exchange.answer(200, explained(judged))

    async def _planned(self, judged: Judged) -> Plan:
        """The plan, after a use of break-glass is on record; without a record, the device only."""
        self._journal.redaction(judged)
        unrecorded: AuditUnavailable | None = None
        if judged.glass:
            try:
                await self._journal.broke_glass(judged, judged.glass)
            except AuditUnavailable as error:
                unrecorded = error
        plan = planned(judged)
        if unrecorded is None:
            return plan
        near = tuple(attempt for attempt in plan.attempts if attempt.tier is Tier.DEVICE)
        if not near:
            raise unrecorded
        return Plan(near, plan.why)

    def _refuse_glass(self, judged: Judged) -> None:
        if judged.glass and not judged.glass.is_broken:
            self._journal.kept_glass(judged, judged.glass)
            raise refusal(judged.glass)


def _next_span(traceparent: bytes) -> bytes:
    """Our own span in the caller's trace (W3C Trace Context); b"" when they sent none."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match is None:
        return b""
    return b"00-%s-%s-%s" % (match[1], secrets.token_hex(8).encode(), match[2])
