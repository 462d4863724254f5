# SPDX-License-Identifier: Apache-2.0
"""`decide`: forbid over permit, nothing but the device by default, an error is a forbid.

1. The class: the highest of the default, what was detected, and PHI when there is media. A
   caller may declare a higher one; a lower one counts only when the principal may relax the
   class that was found, which nobody may above PII. A failed detector makes it UNKNOWN, whatever
   anyone declares; what is known besides stays visible to rules as the known class.
2. The rules: which match which destination (plan.py), and what follows from that (settle.py).
3. Any exception: the device only.
"""

from __future__ import annotations

from policies.decision import _SEAL, Decision, Outcome, Reason, ReasonCode
from policies.model import RELAXABLE, DataClass, Facts, Findings, Obligation, Tier
from policies.plan import Given, Plan
from policies.policy import Policy
from policies.settle import Masks

_LEAVE_NO_TRACE = frozenset({Obligation.NO_STORE, Obligation.NO_CACHE})
_NO_RULE_FAILED: frozenset[int] = frozenset()
_USES = {
    (False, False): frozenset[str](),
    (False, True): frozenset({"media"}),
    (True, False): frozenset({"tools"}),
    (True, True): frozenset({"media", "tools"}),
}
"""(has_tools, has_media) to the features that an agreement must then cover."""


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


def known_class(facts: Facts, findings: Findings) -> DataClass:
    """The highest class that was stated or found, which nobody relaxes.

    The UNKNOWN of a detector that failed says nothing: rules learn from it what is known besides.
    """
    highest, found, declared = facts.default_class, findings.data_class, facts.declared_class
    if findings.errors and found is DataClass.UNKNOWN:
        found = DataClass.PUBLIC
    if found.rank > highest.rank:
        highest = found
    if declared is not None and declared.rank > highest.rank:
        highest = declared
    if facts.has_media is not False and highest.rank < DataClass.PHI.rank:
        return DataClass.PHI
    return highest


def _may_relax(facts: Facts, floor: DataClass) -> bool:
    given = facts.may_relax
    return type(given) is frozenset and floor in given and floor in RELAXABLE


def _decide(facts: Facts, findings: Findings, policy: Policy) -> Decision:
    request_id, kinds, errors = facts.request_id, findings.kinds, findings.errors
    if type(request_id) is not str or type(kinds) is not frozenset or type(errors) is not tuple:
        raise TypeError("not the facts and findings of a request")
    data_class, known = effective_class(facts, findings), known_class(facts, findings)
    plan = policy.plan
    uses = _USES[facts.has_tools, facts.has_media]
    baa = plan.covered(facts.endpoint, facts.today, uses | facts.uses if facts.uses else uses)
    within = plan.within[facts.max_tier]
    given = data_class, known, kinds, bool(errors), baa, facts
    settle = plan.settle_unread if findings.errors else plan.settle
    try:
        masks = plan.weigh(*given)
    except Exception:  # at least one rule failed: find out which
        masks, failed = _weigh_apart(plan, given)
        outcome = settle(masks, within, frozenset(failed))
        errors = (*errors, *(f"{plan.rule_ids[i]}: {name}" for i, name in failed.items()))
    else:
        outcome = settle(masks, within, _NO_RULE_FAILED)
    return Decision(
        _SEAL,
        request_id=request_id,
        data_class=data_class,
        outcome=outcome,
        policy_hash=policy.hash,
        errors=errors,
    )


def _weigh_apart(plan: Plan, given: Given) -> tuple[Masks, dict[int, str]]:
    """The masks rule by rule, 0 for one that fails; and the failed rules with their error."""
    masks: list[int] = []
    failed: dict[int, str] = {}
    for index, weigh in enumerate(plan.weigh_one):
        try:
            masks += weigh(*given)
        except Exception as fault:  # `settle` turns it into a forbid
            masks.append(0)
            failed[index] = type(fault).__name__
    return tuple(masks), failed


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
