# SPDX-License-Identifier: Apache-2.0
"""A second, naive `decide`: the oracle of invariant I7. Only rules may fail in it.

It says what each rule means in plain words, one destination at a time, and shares no code with
the engine but the vocabulary.
"""

from __future__ import annotations

from policies.axioms import AXIOMS
from policies.meaning import values_of
from policies.model import Facts, Findings, Obligation, Tier
from policies.policy import Policy
from policies.rules import Effect, Rule, Values, holds

_TIERS = list(Tier)


def decide_naively(
    facts: Facts, findings: Findings, policy: Policy
) -> tuple[frozenset[str], frozenset[Obligation], str]:
    """The names of the allowed destinations, the obligations, and the verdict."""
    open_to, duties, halts = set[str](), dict[str, set[Obligation]](), set[str]()
    for there in policy.destinations:
        values = values_of(facts, findings, there)
        far = facts.max_tier is not None and _TIERS.index(there.tier) > _TIERS.index(facts.max_tier)
        may_leave = bool(policy.packs) and not far and there.origin != ""
        duties[there.name] = set()
        for pack in (AXIOMS, *policy.packs):
            said = [(rule, _holds(rule, values)) for rule in pack.rules]
            permits = [true for rule, true in said if rule.effect is Effect.PERMIT]
            may_leave &= any(permits) or pack is AXIOMS
            for rule, true in said:
                may_leave &= not true if rule.effect is Effect.FORBID else True
                may_leave &= true is not None or rule.effect is Effect.PERMIT
                duties[there.name] |= rule.obligations if true is not False else set()
                halts |= {rule.effect.value} if true and rule.effect.is_of_request else set()
        open_to |= {there.name} if may_leave and there.tier is not Tier.DEVICE else set()
    device = {there.name for there in policy.destinations if there.tier is Tier.DEVICE}
    verdict = "block" if "block" in halts else "allow" if open_to else "local_only"
    if verdict == "allow" and halts:
        verdict = "approve" if "approve" in halts else "queue"
    allowed = (device if verdict != "block" else set()) | (open_to if verdict == "allow" else set())
    owed = frozenset(duty for name in allowed for duty in duties[name])
    return frozenset(allowed), owed, verdict


def _holds(rule: Rule, values: dict[str, Values]) -> bool | None:
    """Whether the rule matches; None when it cannot be evaluated."""
    try:
        return holds(rule.when, values)
    except TypeError:
        return None
