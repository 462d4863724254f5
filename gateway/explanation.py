# SPDX-License-Identifier: Apache-2.0
"""What is decided about a request, as JSON: by the code that decides about it when it is sent.

`expected` is what the answer's `x-nearward-*` headers would say if the first destination that is
asked answers, the audit log can be written, and no breaker is open.
"""

from __future__ import annotations

import orjson

from gateway.break_glass import refusal
from gateway.errors import GatewayError
from gateway.execution import leaves_something, nothing_to_send
from gateway.judgement import Judged
from gateway.planning import planned
from gateway.records.journal import place_of, refusal_place
from gateway.redaction.copy import Redaction, Unredactable
from gateway.routing.plan import Attempt, Plan


def explained(judged: Judged) -> bytes:
    """The explanation of a request that may have no plan; raises BreakGlassRefused."""
    if judged.glass and not judged.glass.is_broken:
        raise refusal(judged.glass)
    try:
        return explanation(judged, planned(judged))
    except GatewayError as error:
        return explanation(judged, Plan((), ""), error)


def explanation(judged: Judged, plan: Plan, refused: GatewayError | None = None) -> bytes:
    """The decision as JSON (design.md section 4, `nearward explain`)."""
    asked = [attempt for attempt in plan.attempts if leaves_something(judged, attempt)]
    if refused is None and not asked:
        refused = nothing_to_send()
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
        "refusal": refused and refused.code,
        "expected": (
            {"status": refused.status, **refusal_place(judged, refused)}
            if refused
            else {"status": 200, **place_of(asked[0], _why(plan, asked[0]))}
        ),
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


def _why(plan: Plan, first: Attempt) -> str:
    """The reason that goes with an answer from this attempt."""
    return plan.why if first == plan.attempts[0] else "fallback"


def _redaction(redaction: Redaction | None) -> dict[str, object] | None:
    if redaction is None:
        return None
    if isinstance(redaction, Unredactable):
        return {"kinds": {}, "refusal": redaction.code}
    return {"kinds": dict(redaction.counts), "refusal": None}
