# SPDX-License-Identifier: Apache-2.0
"""The packs that come along: examples, theorems, and what each of their rules is good for."""

from dataclasses import replace

import pytest

from policies import Policy, builtin_pack, decide, exhaustive, load_policy, run_cases
from policies.domain import DEVICE
from policies.pack import Claim, Pack, Theorem
from policies.prove import Proof, prove
from policies.rules import All, Effect, Not, Rule
from policies.symbolic import Formulas
from policies.theorems import conditions_of
from tests.policies.loosened import loosened

NAMES = ("finance", "gdpr", "hipaa", "hipaa-strict", "open", "part2", "redact")
PACKS = {name: load_policy([builtin_pack(name)], []).packs[0] for name in NAMES}
RULES = [(name, rule.id) for name in NAMES for rule in PACKS[name].rules]
FLIPPED = {Effect.PERMIT: Effect.FORBID, Effect.FORBID: Effect.PERMIT}

# The theorems that fail when a rule is taken away. Every rule of every pack is here.
RESTS_ON: dict[str, dict[str, set[str]]] = {
    "finance": {
        "not-about-customers": {"not-about-customers-may-leave"},
        "service-provider": {"service-providers-may-have-it"},
        "cards-and-credentials-stay": {"cards-and-credentials-never-leave"},
        "encrypted": {"only-encrypted"},
        "no-training": {"never-trained-on"},
        "no-account-numbers-for-marketing": {"no-account-numbers-for-marketing"},
        "leave-no-copy": {"no-copy-is-left"},
    },
    "gdpr": {
        "not-personal": {"what-is-not-personal-goes-anywhere"},
        "within-the-area": {"open-within-the-area-and-adequate-countries"},
        "adequate-country": {"open-within-the-area-and-adequate-countries"},
        "data-privacy-framework": {"certification-opens"},
        "safeguards": {"clauses-open"},
        "people-in-the-united-kingdom": {"british-subjects"},
        "people-in-switzerland": {"swiss-subjects"},
        "no-training": {"never-trained-on"},
        "encrypted": {"encrypted-to-clouds"},
        "leave-no-copy": {"no-copy-is-left"},
    },
    "hipaa": {
        "clean-may-leave": {"clean-may-leave"},
        "baa-covers": {"an-agreement-opens"},
        "secrets-stay": {"secrets-never-leave", "stricter-law-never-leaves", "monotone"},
        "stricter-law-stays": {"stricter-law-never-leaves"},
        "no-training": {"nothing-confidential-is-trained-on"},
        "encrypted": {"nothing-confidential-in-clear"},
        "leave-no-copy": {"no-copy-is-left"},
        "emergency-on-record": {"emergencies-are-on-record"},
    },
    "hipaa-strict": {
        "public-and-clean": {"declared-public-and-clean-may-leave"},
        "agreement-only": {"only-under-an-agreement"},
        "zero-retention-only": {"only-to-zero-retention"},
        "encrypted-only": {"only-encrypted"},
        "more-than-one-factor": {"only-after-more-than-one-factor"},
        "no-training": {"never-trained-on"},
        "leave-no-copy": {"nothing-is-kept"},
    },
    "open": {
        "any-destination": {"the-rest-may-go"},
        "unknown-stays": {"unknown-stays-in-an-emergency", "secrets-and-cards-stay", "monotone"},
        "secrets-stay": {"secrets-and-cards-stay"},
    },
    "part2": {
        "other-records": {"other-records-are-not-its-matter"},
        "qualified-service": {"qualified-services-may-have-it"},
        "not-in-proceedings": {"not-in-proceedings"},
        "no-training": {"never-trained-on"},
        "leave-no-copy": {"no-copy-is-left"},
    },
    "redact": {
        "up-to-phi-may-leave": {"text-up-to-phi-may-leave"},
        "identifiers-removed": {"only-redacted-without-baa", "personal-only-redacted-without-baa"},
        "media-stay": {"media-never-leave-without-baa"},
        "secrets-stay": {"secrets-never-leave"},
        "stricter-law-stays": set(),
        "no-training": {"nothing-confidential-is-trained-on"},
        "leave-no-copy": {"no-copy-is-left"},
    },
}
SAYS_WHY = {("redact", "stricter-law-stays")}
"""The exception. Such records stay without it as well, for the permit ends at health information.

It gives the reason that the caller is told, and an example of the pack fails without it.
"""
SLOW_TO_TRY = ("finance", "gdpr")
"""Their cases take seconds to try: without one of their rules they are left to z3."""


def changed(name: str, rule_id: str, *instead: Rule) -> Pack:
    """The pack with other rules in the place of one."""
    pack = PACKS[name]
    rules = ((rule,) if rule.id != rule_id else instead for rule in pack.rules)
    return replace(pack, rules=tuple(rule for some in rules for rule in some))


def passes(pack: Pack) -> bool:
    """Whether all of its examples hold."""
    return all(result.passed for result in run_cases(Policy.of([pack], [])))


@pytest.mark.parametrize("name", NAMES)
def test_examples_hold(name: str) -> None:
    """Each pack does what its examples say."""
    results = run_cases(Policy.of([PACKS[name]], []))

    assert [(result.name, result.difference) for result in results if not result.passed] == []


@pytest.mark.parametrize("name", NAMES)
def test_theorems_are_proved_in_two_ways(name: str) -> None:
    """By trying every case and by z3; only what is about the device is not for z3."""
    report = prove(PACKS[name])

    assert report.holds, "\n".join(report.in_words())
    assert {proof.by_trying for proof in report.proofs} == {True}
    assert {proof.theorem for proof in report.proofs if not proof.by_logic} == {"device-answers"}


@pytest.mark.parametrize(("name", "rule_id"), RULES)
def test_without_a_rule_its_theorem_has_a_counterexample(
    name: str, rule_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways refute exactly the theorems that rest on the rule, and the case is a real one."""
    if name in SLOW_TO_TRY:
        monkeypatch.setattr(exhaustive, "MOST_REQUESTS", 0)
    pack, expected = changed(name, rule_id), RESTS_ON[name][rule_id]
    report = prove(pack)

    assert report.holds is ((name, rule_id) in SAYS_WHY)
    by_trying = {p.theorem for p in report.proofs if p.by_trying is False}
    assert by_trying == (expected if report.points else set())
    assert {p.theorem for p in report.proofs if p.by_logic is False} == expected
    for proof in (p for p in report.proofs if p.theorem in expected):
        assert is_so(pack, proof)
        assert f"  FAILED  {proof.theorem}: {proof.says}" in "\n".join(report.in_words())


def is_so(pack: Pack, proof: Proof) -> bool:
    """Whether the engine does with the counterexample what the theorem says it does not."""
    found = proof.counterexample
    assert found is not None
    there = found.destination
    policy = Policy.of([pack], [DEVICE, *([] if there == DEVICE else [there])])
    decision = decide(found.request.facts, found.request.findings, policy)
    theorem = next((t for t in pack.theorems if t.id == proof.theorem), None)
    match theorem and theorem.claim:
        case Claim.OPENS:
            return there.name not in decision.allowed
        case Claim.OWES:
            assert theorem is not None
            return there.name in decision.allowed and not theorem.owed <= decision.obligations
        case Claim.BLOCKS:
            return there.name in decision.allowed
    return there.name in decision.cleared


@pytest.mark.parametrize(("name", "rule_id"), RULES)
def test_every_rule_carries_weight(name: str, rule_id: str) -> None:
    """A rule removed, turned round or negated breaks an example; the last two a theorem, too."""
    rule = next(rule for rule in PACKS[name].rules if rule.id == rule_id)
    turned = changed(name, rule_id, replace(rule, effect=FLIPPED.get(rule.effect, Effect.FORBID)))
    negated = changed(name, rule_id, replace(rule, when=Not(rule.when)))

    assert not any(passes(pack) for pack in (changed(name, rule_id), turned, negated))
    for pack in (turned, negated):
        formulas = Formulas(pack, conditions_of(pack))
        assert any(formulas.refute(theorem) for theorem in pack.theorems)


@pytest.mark.parametrize(("name", "rule_id"), RULES)
def test_every_part_of_a_rule_carries_weight(name: str, rule_id: str) -> None:
    """Whatever a rule asks less for by one step breaks a theorem, or lets nothing more happen.

    That it lets nothing more happen is proved: what is left out, other rules of the pack see to.
    """
    rule = next(rule for rule in PACKS[name].rules if rule.id == rule_id)
    unnoticed = []
    for words, other in loosened(rule):
        pack, nothing_more = changed(name, rule_id, other), gives_nothing_more(name, rule, other)
        formulas = Formulas(pack, conditions_of(replace(pack, theorems=(nothing_more,))))
        if formulas.refute(nothing_more):
            formulas = Formulas(pack, conditions_of(pack))
            if not any(formulas.refute(theorem) for theorem in pack.theorems):
                unnoticed.append(words)

    assert unnoticed == []


def gives_nothing_more(name: str, rule: Rule, other: Rule) -> Theorem:
    """That the pack with `other` in the place of `rule` gives no more than it does."""
    said = Theorem(id="more", says="", when=All((rule.when, Not(other.when))))
    match rule.effect:
        case Effect.PERMIT:
            permits = [r.when for r in PACKS[name].rules if r.effect is Effect.PERMIT]
            return replace(said, when=All((other.when, *map(Not, permits))))
        case Effect.OBLIGE:
            owed = replace(said, when=rule.when, claim=Claim.OWES)
            return replace(owed, owed=rule.obligations, terms=rule.terms)
        case Effect.BLOCK:
            return replace(said, claim=Claim.BLOCKS)
    return said


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_cites_its_law(name: str) -> None:
    """And says in a sentence what it does."""
    assert all(rule.citation and rule.description.endswith(".") for rule in PACKS[name].rules)


def test_two_packs_allow_what_both_allow() -> None:
    """Clean text goes to an adequate country under both; health data only where both let it."""
    hipaa_and_gdpr = load_policy([builtin_pack("hipaa"), builtin_pack("gdpr")], [])
    case = next(
        c for c in PACKS["gdpr"].cases if c.name == "personal data may move within the area"
    )
    both = Policy.of(hipaa_and_gdpr.packs, [DEVICE, case.destination])

    assert case.destination.name not in decide(case.facts, case.findings, both).allowed
