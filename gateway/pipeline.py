# SPDX-License-Identifier: Apache-2.0
"""A chat request's life (design.md section 2). Steps 1 to 5 are judgement.py, 7 execution.py.

Nothing here opens a connection, knows a destination by name or decides anything by itself.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time

import orjson

from gateway.break_glass import refusal
from gateway.delivery import CUT_SHORT, deliver
from gateway.errors import (
    ApprovalRequired,
    AuditUnavailable,
    GatewayError,
    LocalUnavailable,
    PolicyBlocked,
    Queued,
)
from gateway.exchange import Exchange
from gateway.execution import Executor
from gateway.judgement import Judge, Judged, Parse
from gateway.records.journal import (
    Journal,
    answer_headers,
    approval_headers,
    refusal_headers,
)
from gateway.redaction.copy import Redaction, Unredactable
from gateway.routing.plan import Plan
from gateway.wire_embeddings import parse_embeddings
from policies import Tier, Verdict

_LATER_S = 60
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
                await exchange.answer(200, explanation(judged, _plan(judged), ""))
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
        plan, refused = Plan((), ""), ""
        try:
            plan = _plan(judged)
        except GatewayError as error:
            refused = error.code
        await exchange.answer(200, explanation(judged, plan, refused))

    async def _planned(self, judged: Judged) -> Plan:
        """The plan, after a use of break-glass is on record; without a record, the device only."""
        self._journal.redaction(judged)
        unrecorded: AuditUnavailable | None = None
        if judged.glass:
            try:
                await self._journal.broke_glass(judged, judged.glass)
            except AuditUnavailable as error:
                unrecorded = error
        plan = _plan(judged)
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


def _plan(judged: Judged) -> Plan:
    planner, request = judged.rules.planner, judged.request
    is_chat = request.endpoint == "chat"
    try:
        if not is_chat:
            return planner.plan_embeddings(request.model, judged.decision, judged.signals)
        return planner.plan(request.model, judged.decision, judged.signals, judged.met)
    except (PolicyBlocked, LocalUnavailable) as error:
        intent = planner.read_model(request.model)[0]
        stays = intent == "local" or (intent == "auto" and not is_chat)
        held = None if stays else _held(judged)
        raise held or error from None


def _held(judged: Judged) -> GatewayError | None:
    """Why a request that may leave, but not yet, is not answered; None for any other."""
    verdict, approval = judged.decision.verdict, judged.approval
    if verdict is Verdict.QUEUE:
        return Queued(
            "policy lets this request leave at another time; nearward keeps no queue: "
            "send it again later",
            retry_after_s=_LATER_S,
        )
    if verdict is not Verdict.APPROVE:
        return None
    if approval is not None and approval.state == "refused":
        return ApprovalRequired("approval of this request was refused", code="approval_refused")
    where = ""
    if approval is not None and approval.state == "pending":
        where = f"; its id is {approval.id}"
    return ApprovalRequired(
        f"a person has to approve this request before it may leave{where}; send it again then"
    )


def explanation(judged: Judged, plan: Plan, refusal: str) -> bytes:
    """The decision as JSON (design.md section 4, `nearward explain`)."""
    decision, signals = judged.decision, judged.signals
    device = signals.device
    document = {
        "decision_id": judged.id,
        "data_class": decision.data_class,
        "verdict": decision.verdict,
        "allowed": list(decision.allowed),
        "plan": [
            {"destination": a.destination, "model": a.model, "tier": a.tier, "region": a.region}
            for a in plan.attempts
        ],
        "plan_reason": plan.why,
        "refusal": refusal or None,
        "obligations": sorted(decision.obligations),
        "redaction": _redaction(judged.redaction),
        "break_glass": judged.facts.break_glass,
        "approval": judged.approval and {"id": judged.approval.id, "state": judged.approval.state},
        "reason": decision.primary_reason,
        "reasons": [
            {"code": r.code, "rule": r.rule_id, "destination": r.destination}
            for r in decision.reasons
        ],
        "policy_hash": decision.policy_hash,
        "signals": {
            "privacy": {
                "data_class": signals.findings.data_class,
                "kinds": sorted(signals.findings.kinds),
                "spans": signals.span_count,
                "errors": list(signals.findings.errors),
            },
            "complexity": round(signals.complexity(), 4),
            "prompt_tokens_estimate": signals.prompt_tokens,
            "device": {
                "is_ready": device.is_ready,
                "model": device.model,
                "context_tokens": device.context_tokens,
                "busy": device.busy,
                "queued": device.queued,
                "decode_tps": device.decode_tps,
            },
        },
    }
    return orjson.dumps(document)


def _redaction(redaction: Redaction | None) -> dict[str, object] | None:
    if redaction is None:
        return None
    if isinstance(redaction, Unredactable):
        return {"kinds": {}, "refusal": redaction.code}
    return {"kinds": dict(redaction.counts), "refusal": None}


def _next_span(traceparent: bytes) -> bytes:
    """Our own span in the caller's trace (W3C Trace Context); b"" when they sent none."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match is None:
        return b""
    return b"00-%s-%s-%s" % (match[1], secrets.token_hex(8).encode(), match[2])
