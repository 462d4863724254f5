# SPDX-License-Identifier: Apache-2.0
"""`decide`: forbid over permit, nothing but the device by default, an error is a forbid.

1. The class: the highest of the default, what was detected, and PHI when there is media. A
   caller may declare a higher one; a lower one counts only when the principal may relax the
   class that was found. A failed detector makes it UNKNOWN, whatever anyone declares.
2. The rules: which match which destination (plan.py), and what follows from that (settle.py).
3. Any exception: the device only.
"""

from __future__ import annotations

from policies.decision import _SEAL, Decision, Outcome, Reason, ReasonCode
from policies.model import DataClass, Facts, Findings, Obligation, Tier
from policies.plan import Plan
from policies.policy import Policy
from policies.settle import Masks

_DETECTOR_FAILED = Reason(ReasonCode.DETECTOR_ERROR, "", "")
_LEAVE_NO_TRACE = frozenset({Obligation.NO_STORE, Obligation.NO_CACHE})
_NO_RULE_FAILED: frozenset[int] = frozenset()


def decide(facts: Facts, findings: Findings, policy: Policy) -> Decision:
    """Where this request may go. Never raises; on any fault of its own, the device only."""
    try:
        return _decide(facts, findings, policy)
    except Exception as fault:  # I3: the fault becomes a decision
        return _device_only(facts, policy, type(fault).__name__)


def effective_class(facts: Facts, findings: Findings) -> DataClass:
    """The class that the rules see; see step 1 above."""
    if findings.errors:
        return DataClass.UNKNOWN
    floor, detected = facts.default_class, findings.data_class
    if detected.rank > floor.rank:
        floor = detected
    if facts.has_media is not False and floor.rank < DataClass.PHI.rank:
        floor = DataClass.PHI
    declared = facts.declared_class
    if declared is None or (declared.rank < floor.rank and not _may_relax(facts, floor)):
        return floor
    return declared


def _may_relax(facts: Facts, floor: DataClass) -> bool:
    return type(facts.may_relax) is frozenset and floor in facts.may_relax


def _decide(facts: Facts, findings: Findings, policy: Policy) -> Decision:
    request_id, kinds, errors = facts.request_id, findings.kinds, findings.errors
    if type(request_id) is not str or type(kinds) is not frozenset or type(errors) is not tuple:
        raise TypeError("not the facts and findings of a request")
    data_class, plan = effective_class(facts, findings), policy.plan
    baa = plan.covered(facts.endpoint, facts.today)
    within = plan.within[facts.max_tier]
    try:
        masks = plan.weigh(data_class, kinds, bool(errors), baa, facts)
    except Exception:  # at least one rule failed: find out which
        masks, failed = _weigh_apart(plan, data_class, findings, baa, facts)
        outcome = plan.settle(masks, within, frozenset(failed))
        errors = (*errors, *(f"{plan.rule_ids[i]}: {name}" for i, name in failed.items()))
    else:
        outcome = plan.settle(masks, within, _NO_RULE_FAILED)
    if findings.errors:
        outcome = _with_detector_error(outcome)
    return Decision(
        _SEAL,
        request_id=request_id,
        data_class=data_class,
        outcome=outcome,
        policy_hash=policy.hash,
        errors=errors,
    )


def _weigh_apart(
    plan: Plan, data_class: DataClass, findings: Findings, baa: int, facts: Facts
) -> tuple[Masks, dict[int, str]]:
    """The masks rule by rule, 0 for one that fails; and the failed rules with their error."""
    masks: list[int] = []
    failed: dict[int, str] = {}
    for index, weigh in enumerate(plan.weigh_one):
        try:
            masks += weigh(data_class, findings.kinds, bool(findings.errors), baa, facts)
        except Exception as fault:  # `settle` turns it into a forbid
            masks.append(0)
            failed[index] = type(fault).__name__
    return tuple(masks), failed


def _with_detector_error(outcome: Outcome) -> Outcome:
    return Outcome(
        allowed=outcome.allowed,
        leaving=outcome.leaving,
        obligations=outcome.obligations,
        reasons=(_DETECTOR_FAILED, *outcome.reasons),
        primary_reason=outcome.primary_reason if outcome.leaving else ReasonCode.DETECTOR_ERROR,
    )


def _device_only(facts: Facts, policy: Policy, fault: str) -> Decision:
    """The answer to a fault; reads as little as it can, since anything may be broken."""
    request_id, policy_hash = "", ""
    devices: tuple[str, ...] = ()
    try:
        if type(facts.request_id) is str:
            request_id = facts.request_id
        policy_hash = policy.hash
        devices = tuple(d.name for d in policy.destinations if d.tier is Tier.DEVICE)
    except Exception:  # garbage where values should be: nothing is allowed
        devices = ()
    outcome = Outcome(
        allowed=devices,
        leaving={},
        obligations=_LEAVE_NO_TRACE,
        reasons=(Reason(ReasonCode.POLICY_ERROR, "", ""),),
        primary_reason=ReasonCode.POLICY_ERROR,
    )
    return Decision(
        _SEAL,
        request_id=request_id,
        data_class=DataClass.UNKNOWN,
        outcome=outcome,
        policy_hash=policy_hash,
        errors=(fault,),
    )
