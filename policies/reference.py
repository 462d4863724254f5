# SPDX-License-Identifier: Apache-2.0
"""A second, naive `decide`: the oracle of invariant I7. Only rules may fail in it."""

from __future__ import annotations

from policies.model import DataClass, Destination, Facts, Findings, Obligation, Tier
from policies.policy import Policy
from policies.rules import FIELDS, NOT_DECLARED, Effect, Rule, Value, attribute, holds

_TIERS = list(Tier)


def decide_naively(
    facts: Facts, findings: Findings, policy: Policy
) -> tuple[frozenset[str], frozenset[Obligation]]:
    """The names of the allowed destinations and the obligations."""
    allowed, owed = set[str](), set[Obligation]()
    for there in policy.destinations:
        far = facts.max_tier is not None and _TIERS.index(there.tier) > _TIERS.index(facts.max_tier)
        may_leave = bool(policy.packs) and not far and there.origin != ""
        duties = set[Obligation]()
        for pack in policy.packs:
            said = [(rule, _holds(rule, facts, findings, there)) for rule in pack.rules]
            may_leave &= any(rule.effect is Effect.PERMIT and true for rule, true in said)
            for rule, true in said:
                may_leave &= not true if rule.effect is Effect.FORBID else True
                may_leave &= true is not None or rule.effect is Effect.PERMIT
            duties.update(*(rule.obligations for rule, true in said if true is not False))
        if may_leave or there.tier is Tier.DEVICE:
            allowed.add(there.name)
            owed |= duties
    return frozenset(allowed), frozenset(owed)


def _class_of(facts: Facts, findings: Findings) -> DataClass:
    media = [DataClass.PHI] if facts.has_media else []
    floor = DataClass.join(facts.default_class, findings.data_class, *media)
    declared = facts.declared_class or floor
    may_declare = declared.rank >= floor.rank or floor in facts.may_relax
    return DataClass.UNKNOWN if findings.errors else (declared if may_declare else floor)


def _holds(rule: Rule, facts: Facts, findings: Findings, there: Destination) -> bool | None:
    """Whether the rule matches; None when it cannot be evaluated."""
    values: dict[str, Value | frozenset[str]] = {
        "data_class": _class_of(facts, findings),
        "declared_class": facts.declared_class or NOT_DECLARED,
        "kinds": findings.kinds,
        "errors": bool(findings.errors),
        "baa": there.baa is not None and there.baa.covers(facts.endpoint, facts.today),
    }
    for name in FIELDS.keys() - values.keys():
        is_there = FIELDS[name].is_of_destination
        values[name] = attribute(there, name) if is_there else getattr(facts, name)
    try:
        return holds(rule.when, values)
    except TypeError:
        return None
