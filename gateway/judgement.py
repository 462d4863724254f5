# SPDX-License-Identifier: Apache-2.0
"""Everything that is decided about a request before anyone is asked: facts, signals, decision.

Shared by chat, embeddings, explain and dry run, so that an explanation cannot differ from what
would happen.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gateway.break_glass import BreakGlass, Glass
from gateway.exchange import Exchange
from gateway.facts import Wishes, make_facts, read_wishes
from gateway.identity import Identity, Principal
from gateway.limits import Json
from gateway.rules import Rules
from gateway.signals.reading import SignalReader, Signals
from gateway.state.sessions import Sessions
from gateway.wire import ChatRequest, parse_chat
from policies import DataClass, Decision, Facts, decide

Parse = Callable[[Json, int], ChatRequest]


class Judged(NamedTuple):
    """A request and what was decided about it, under which rules. `id` is the decision id."""

    id: str
    principal: Principal
    request: ChatRequest
    wishes: Wishes
    facts: Facts
    signals: Signals
    decision: Decision
    rules: Rules
    glass: Glass | None = None


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
            os.urandom(16).hex(),
            principal,
            request,
            wishes,
            floor=self.default_class,
            today=self.today(),
            break_glass=glass is not None and glass.is_broken,
        )
        rules = self.rules()
        decision = _decision(facts, signals, rules)
        if wishes.session:
            own = decision.data_class
            carried = await self._carried(principal.tenant, wishes.session, own)
            if carried.rank > own.rank or own is DataClass.UNKNOWN:
                floor = DataClass.join(facts.default_class, carried)
                facts = dataclasses.replace(facts, default_class=floor)
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
        )

    async def _carried(self, tenant: str, session: str, own: DataClass) -> DataClass:
        """The highest class of the session; a request of unknown class leaves out its own.

        Its own would hide what the session did carry, and rules look at that apart: emergency
        access may free what a failed detector holds, and never a secret of the turn before.
        """
        if own is not DataClass.UNKNOWN:
            return await self.sessions.raise_to(tenant, session, own)
        carried = await self.sessions.raise_to(tenant, session, DataClass.PUBLIC)
        await self.sessions.raise_to(tenant, session, own)
        return carried


def _decision(facts: Facts, signals: Signals, rules: Rules) -> Decision:
    return decide(facts, signals.findings, rules.policy)
