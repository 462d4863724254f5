# SPDX-License-Identifier: Apache-2.0
"""From a judged request to its plan, or to why there is none: for a request and its explanation."""

from __future__ import annotations

from gateway.errors import ApprovalRequired, GatewayError, LocalUnavailable, PolicyBlocked, Queued
from gateway.judgement import Judged
from gateway.routing.plan import Plan
from policies import Verdict

_LATER_S = 60


def planned(judged: Judged) -> Plan:
    """Whom to ask, in order; raises the GatewayError that the caller gets when that is nobody."""
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
