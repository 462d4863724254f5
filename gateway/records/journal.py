# SPDX-License-Identifier: Apache-2.0
"""What is written down about a request, in every book at once: audit, metrics, answer headers.

Only ids, classes, counts, codes and names from config go in. Nothing a caller typed does; the
session, which a caller names, and the key id, which may name a person, go in as HMACs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, PolicyBlocked, Queued
from gateway.records.audit import AuditLog
from gateway.records.metrics import Metrics
from gateway.redaction.copy import Unredactable
from policies import DataClass, Decision, Tier
from policies.features import recorded_facts

if TYPE_CHECKING:  # the pipeline's values; importing them would close a circle
    from gateway.break_glass import Glass
    from gateway.delivery import Delivery
    from gateway.execution import Answer
    from gateway.judgement import Judged
    from gateway.routing.plan import Attempt
    from gateway.state.approvals import Asked

HeaderList = list[tuple[bytes, bytes]]
ROUTES: dict[Tier | None, str] = {Tier.DEVICE: "local", Tier.ONPREM: "onprem", Tier.CLOUD: "cloud"}

_HEADERS = {
    "route": b"x-nearward-route",
    "model": b"x-nearward-model",
    "region": b"x-nearward-region",
    "reason": b"x-nearward-reason",
}


class Journal:
    """Writes intents before attempts and outcomes after them."""

    def __init__(
        self,
        audit: AuditLog,
        metrics: Metrics,
        *,
        clock: Callable[[], float],
        syncs_every_class: bool = False,
    ) -> None:
        self.audit = audit
        self.metrics = metrics
        self._clock = clock
        self._syncs_every_class = syncs_every_class

    async def intent(self, judged: Judged, attempt: Attempt, number: int) -> None:
        """Put the intent on record; raises AuditUnavailable when it cannot be."""
        decision = judged.decision
        leaves = attempt.tier is not Tier.DEVICE
        is_above_internal = decision.data_class.rank > DataClass.INTERNAL.rank
        await self.audit.intent(
            {
                "t": round(self._clock(), 3),
                "event": "intent",
                "id": judged.id,
                "attempt": number,
                **self._caller(judged),
                **_classes(judged),
                "facts": recorded_facts(judged.facts, judged.rules.named),
                "to": attempt.destination,
                "tier": attempt.tier,
                "region": attempt.region,
                "model": attempt.model,
                "rules": _rules(decision, attempt.destination),
                "owed": sorted(decision.obligations),
                "policy": decision.policy_hash,
                "bytes": judged.request.body_bytes,
                **self._redactions(judged, attempt.tier),
            },
            sync=leaves and (is_above_internal or self._syncs_every_class),
        )

    async def broke_glass(self, judged: Judged, glass: Glass) -> None:
        """Put a use of break-glass on record, on the disk; AuditUnavailable when it cannot be."""
        self.metrics.break_glass.add((glass.outcome,))
        await self.audit.intent(self._glass(judged, glass), sync=True)

    def kept_glass(self, judged: Judged, glass: Glass) -> None:
        """Record that break-glass was asked for and refused."""
        self.metrics.break_glass.add((glass.outcome,))
        self.audit.outcome(self._glass(judged, glass))

    def _glass(self, judged: Judged, glass: Glass) -> dict[str, object]:
        return {
            "t": round(self._clock(), 3),
            "event": "break_glass",
            "id": judged.id,
            **self._caller(judged),
            "role": judged.principal.role,
            **_classes(judged),
            "outcome": glass.outcome,
            "reason_hmac": glass.reason_code,
            "reason_chars": glass.reason_chars,
            "until": glass.until.isoformat(timespec="seconds"),
            "allowed": list(judged.decision.allowed),
            "policy": judged.decision.policy_hash,
        }

    def redaction(self, judged: Judged) -> None:
        """Count a request that could not be redacted where that was owed, by why."""
        if isinstance(judged.redaction, Unredactable):
            self.metrics.unredactable.add((judged.redaction.code,))

    async def approval(self, asked: Asked, by: tuple[str, str], verdict: str) -> None:
        """Put on record, on the disk, who lets a request through or not; AuditUnavailable else.

        `by` is the kind and the name of whoever says so.
        """
        await self.audit.note(
            {
                "t": round(self._clock(), 3),
                "event": "approval",
                "approval": asked.id,
                "tenant": asked.tenant,
                "key": self.audit.pseudonym(*by),
                "class": asked.data_class,
                "kinds": asked.kinds,
                "outcome": verdict,
                "policy": asked.policy,
            }
        )

    async def doubt_lifted(self, tenant: str, session: str, by: str, outcome: str) -> None:
        """Put on record, on the disk, that the key `by` vouches for what a session holds.

        `outcome` is "lifted", or "void" for what came to nothing. Raises AuditUnavailable.
        """
        await self.audit.note(
            {
                "t": round(self._clock(), 3),
                "event": "doubt_lifted",
                "tenant": tenant,
                "session": self.audit.pseudonym("session", session),
                "key": self.audit.pseudonym("key", by),
                "outcome": outcome,
            }
        )

    def attempt(self, attempt: Attempt, outcome: str) -> None:
        """Count one attempt; `outcome` is "answered" or an error code."""
        self.metrics.attempt.add((attempt.destination, outcome))

    def outcome(self, judged: Judged, answer: Answer, delivery: Delivery, began: float) -> None:
        """Record how a request ended. `began` is its start on the perf_counter clock."""
        seconds = time.perf_counter() - began
        route = ROUTES[answer.attempt.tier]
        metrics = self.metrics
        data_class = judged.decision.data_class
        metrics.request.add((route, data_class, answer.why, str(answer.status)))
        metrics.seconds(route).observe(seconds)
        metrics.overhead.observe(answer.overhead_s)
        metrics.tokens.add((route, "in"), delivery.usage.prompt_tokens)
        metrics.tokens.add((route, "out"), delivery.usage.completion_tokens)
        self.audit.outcome(
            {
                "t": round(self._clock(), 3),
                "event": "outcome",
                "id": judged.id,
                "to": answer.attempt.destination,
                "attempts": answer.attempts,
                "status": answer.status,
                "result": delivery.result,
                "error": delivery.error,
                "tokens_in": delivery.usage.prompt_tokens,
                "tokens_out": delivery.usage.completion_tokens,
                "ms": round(seconds * 1000, 1),
            }
        )

    def refused(self, judged: Judged, code: str, status: int, tried: Tier | None = None) -> None:
        """Record that a judged request got no answer; `tried` is where it was sent, if anywhere."""
        route = _route(tried, code)
        self.metrics.request.add((route, judged.decision.data_class, code, str(status)))
        self.audit.outcome(
            {
                "t": round(self._clock(), 3),
                "event": "refused",
                "id": judged.id,
                **self._caller(judged),
                **_classes(judged),
                "facts": recorded_facts(judged.facts, judged.rules.named),
                "status": status,
                "error": code,
                "policy": judged.decision.policy_hash,
                **self._redactions(judged, Tier.DEVICE),
            }
        )

    def _redactions(self, judged: Judged, tier: Tier) -> dict[str, object]:
        """How many of which kind are removed from what leaves, counted here as well; or why not."""
        if isinstance(judged.redaction, Unredactable):
            return {"not_redactable": judged.redaction.code}
        redacted = judged.redacted_for(tier)
        if redacted is None:
            return {}
        for kind, count in redacted.counts.items():
            self.metrics.redactions.add((kind,), count)
        return {"redactions": dict(redacted.counts)}

    def _caller(self, judged: Judged) -> dict[str, object]:
        """Who asked: the tenant by name, key and session so that only the log's owner can tell."""
        caller: dict[str, object] = {
            "tenant": judged.principal.tenant,
            "key": self.audit.pseudonym("key", judged.principal.id),
        }
        session = judged.wishes.session
        if session:
            caller["session"] = self.audit.pseudonym("session", session)
        return caller


def _route(tried: Tier | None, code: str) -> str:
    return ROUTES.get(tried, "queued" if code == Queued.code else "blocked")


def approval_headers(judged: Judged) -> HeaderList:
    """The id under which a request waits for approval, if it does."""
    approval = judged.approval
    if approval is None or approval.state == "not_asked":
        return []
    return [(b"x-nearward-approval", approval.id.encode())]


def _classes(judged: Judged) -> dict[str, object]:
    findings = judged.signals.findings
    approval = {"approval": judged.approval.id} if judged.approval else {}
    return {
        **approval,
        "class": judged.decision.data_class,
        "detected": findings.data_class,
        "kinds": sorted(findings.kinds),
        "errors": list(findings.errors),
    }


def _rules(decision: Decision, destination: str) -> list[str]:
    return [r.rule_id for r in decision.reasons if r.destination in (destination, "")]


def decision_headers(judged: Judged) -> HeaderList:
    """The headers that every judged request gets, whatever came of it."""
    decision = judged.decision
    return [
        (b"x-nearward-decision-id", judged.id.encode()),
        (b"x-nearward-data-class", decision.data_class.encode()),
        (b"x-nearward-policy", decision.policy_hash.encode()),
    ]


def place_of(attempt: Attempt, why: str) -> dict[str, str]:
    """Where an answer comes from and why, by the names of its headers."""
    return {
        "route": ROUTES[attempt.tier],
        "model": attempt.model,
        "region": attempt.region or attempt.tier,
        "reason": why,
    }


def refusal_place(judged: Judged, error: GatewayError) -> dict[str, str]:
    """The same for a request without an answer. What policy blocked has policy's own reason."""
    blocked = error.code == PolicyBlocked.code
    return {
        "route": _route(error.tried, error.code),
        "reason": judged.decision.primary_reason if blocked else error.code,
    }


def _named(place: dict[str, str]) -> HeaderList:
    return [(_HEADERS[name], text.encode()) for name, text in place.items()]


def answer_headers(judged: Judged, answer: Answer) -> HeaderList:
    """The headers that say where the answer came from and why."""
    attempt = answer.attempt
    redacted = judged.redacted_for(attempt.tier)
    return [
        *decision_headers(judged),
        *_named(place_of(attempt, answer.why)),
        (b"x-nearward-redactions", b"%d" % (redacted.total if redacted else 0)),
        (b"x-nearward-attempts", b"%d" % answer.attempts),
        (b"x-nearward-overhead-us", b"%d" % (answer.overhead_s * 1e6)),
    ]


def refusal_headers(judged: Judged, error: GatewayError) -> HeaderList:
    """The headers of a judged request that got no answer, tried at a destination or blocked."""
    return [
        *decision_headers(judged),
        *_named(refusal_place(judged, error)),
        (b"x-nearward-redactions", b"0"),
        (b"x-nearward-attempts", b"%d" % error.attempts),
    ]
