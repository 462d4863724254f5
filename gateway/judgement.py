# SPDX-License-Identifier: Apache-2.0
"""Everything that is decided about a request before anyone is asked: facts, signals, decision.

Shared by chat, embeddings, explain and dry run, so that an explanation cannot differ from what
would happen.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import NamedTuple

import orjson

from gateway.break_glass import BreakGlass, Glass
from gateway.exchange import Exchange
from gateway.facts import Wishes, make_facts, read_wishes
from gateway.identity import Identity, Principal
from gateway.limits import Json
from gateway.minimum import least
from gateway.redaction.copy import Redacted, Redaction
from gateway.redaction.redactor import Redactor
from gateway.rules import Rules
from gateway.signals.reading import SignalReader, Signals
from gateway.state.approvals import Approval, Approvals
from gateway.state.sessions import Sessions
from gateway.taint import in_session
from gateway.wire import ChatRequest, parse_chat
from policies import DataClass, Decision, Facts, Obligation, Tier, Verdict, decide
from policies.features import recorded_facts

_REDACTED = frozenset({Obligation.REDACT})
_NONE = frozenset[Obligation]()
_UNKNOWN = DataClass.UNKNOWN

Parse = Callable[[Json, int], ChatRequest]


def _drawn(count: int) -> list[str]:
    """So many ids of 128 random bits, by one system call."""
    drawn = os.urandom(16 * count).hex()
    return [drawn[at : at + 32] for at in range(0, len(drawn), 32)]


_IDS = chain.from_iterable(map(_drawn, repeat(256)))


class Judged(NamedTuple):
    """A request and what was decided about it, under which rules. `id` is the decision id.

    `redaction` is what came of redacting it, None where nobody asked for that or nobody could.
    """

    id: str
    principal: Principal
    request: ChatRequest
    wishes: Wishes
    facts: Facts
    signals: Signals
    decision: Decision
    rules: Rules
    glass: Glass | None = None
    redaction: Redaction | None = None
    approval: Approval | None = None

    @property
    def met(self) -> frozenset[Obligation]:
        """The obligations that are met already, whoever answers."""
        return _REDACTED if isinstance(self.redaction, Redacted) else _NONE

    def must_redact_for(self, tier: Tier) -> bool:
        """Whether only a redacted copy may go to this tier; on the device nothing leaves."""
        return tier is not Tier.DEVICE and Obligation.REDACT in self.decision.obligations

    def redacted_for(self, tier: Tier) -> Redacted | None:
        """The copy that goes to this tier in the place of the request, where one is owed."""
        redaction = self.redaction
        if not isinstance(redaction, Redacted):
            return None
        return redaction if self.must_redact_for(tier) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Steps 1 to 5 of a request's life."""

    identity: Identity
    signals: SignalReader
    sessions: Sessions
    rules: Callable[[], Rules]
    default_class: DataClass
    today: Callable[[], datetime.date]
    break_glass: BreakGlass
    redactor: Redactor | None = None
    approvals: Approvals | None = None

    async def judge(self, exchange: Exchange, parse: Parse | None = None) -> Judged:
        """Raises a GatewayError (4xx) for whatever is wrong with the request.

        `parse` is for other bodies than a chat request's.
        """
        principal = self.identity.authenticate(exchange.headers)
        request = (parse or parse_chat)(await exchange.json(), exchange.body_bytes)
        wishes = read_wishes(exchange.headers, request.metadata)
        signals = await self.signals.read(request)
        claim = wishes.break_glass
        glass = self.break_glass.weigh(principal, claim) if claim else None
        facts = make_facts(
            next(_IDS),
            principal,
            request,
            wishes,
            floor=self.default_class,
            today=self.today(),
            break_glass=glass is not None and glass.is_broken,
        )
        rules = self.rules().of(principal.tenant)
        decision = _decision(facts, signals, rules)
        if wishes.session:
            before = facts, signals
            own = decision.data_class
            named = wishes.session, principal.id
            facts, signals = await in_session(self.sessions, *named, facts, signals, own)
            if (facts, signals) != before:
                decision = _decision(facts, signals, rules)
        approval: Approval | None = None
        if decision.verdict is Verdict.APPROVE and self.approvals is not None:
            approval = await asyncio.to_thread(
                _look, self.approvals, request, facts, decision, principal.id
            )
            if approval.is_granted:
                facts = dataclasses.replace(facts, approved=True)
                decision = _decision(facts, signals, rules)
        return Judged(
            id=facts.request_id,
            principal=principal,
            request=request,
            wishes=wishes,
            facts=facts,
            signals=signals,
            decision=decision,
            rules=rules,
            glass=glass,
            redaction=await self._redaction(request, facts, decision, wishes.session),
            approval=approval,
        )

    async def _redaction(
        self, request: ChatRequest, facts: Facts, decision: Decision, session: str
    ) -> Redaction | None:
        """A redacted copy, where something may leave and only so."""
        is_owed = Obligation.REDACT in decision.obligations and bool(decision.cleared)
        if self.redactor is None or not is_owed or request.endpoint != "chat":
            return None
        # What the session carried before is in the default class by now.
        claimed = DataClass.join(facts.default_class, facts.declared_class or DataClass.PUBLIC)
        if Obligation.MINIMUM_NECESSARY in decision.obligations:
            request = request._replace(body=least(request.body, decision.terms))
        return await self.redactor.redact(
            request,
            decision.terms.redact,
            # To find nothing says little about what could not be judged.
            must_find=claimed.rank >= DataClass.PII.rank or decision.data_class is _UNKNOWN,
            session=(facts.tenant, session) if session else None,
        )

    async def ask_approval(self, judged: Judged) -> Judged:
        """Put a request that has to be approved before whoever may; the same with what came of it.

        It stays as it was when it needs no approval.
        """
        approvals, approval = self.approvals, judged.approval
        if judged.decision.verdict is not Verdict.APPROVE or approvals is None or approval is None:
            return judged
        shown = _shown(judged, approvals)
        return judged._replace(approval=await asyncio.to_thread(approvals.ask, approval.id, shown))

    async def close(self) -> None:
        """Release what the judge's own parts hold; the stores that it is given are not."""
        if self.redactor is not None:
            await self.redactor.close()


def _look(
    approvals: Approvals, request: ChatRequest, facts: Facts, decision: Decision, key: str
) -> Approval:
    """Where this request stands; all that decides about it is a part of its id."""
    body = orjson.dumps(request.body, option=orjson.OPT_SORT_KEYS)
    said = (decision.data_class, facts.declared_class, facts.max_tier, facts.break_glass)
    return approvals.look(
        approvals.id_of(
            *(facts.tenant, key, facts.endpoint, decision.policy_hash),
            *(facts.purpose, facts.subject_region),
            *map(str, said),
            hashlib.sha256(body).hexdigest(),
        )
    )


def _shown(judged: Judged, approvals: Approvals) -> dict[str, object]:
    """What whoever approves may know: classes, counts and names from rules, no word of a prompt."""
    decision, who = judged.decision, judged.principal
    written = recorded_facts(judged.facts, judged.rules.named)
    return {
        "tenant": who.tenant,
        "asker": approvals.asker_of(who.tenant, who.id),
        "data_class": decision.data_class,
        "kinds": sorted(judged.signals.findings.kinds),
        "purpose": written.get("purpose", ""),
        "rules": sorted({reason.rule_id for reason in decision.reasons}),
        "body_bytes": judged.request.body_bytes,
        "policy": decision.policy_hash,
    }


def _decision(facts: Facts, signals: Signals, rules: Rules) -> Decision:
    return decide(facts, signals.findings, rules.policy)
