# SPDX-License-Identifier: Apache-2.0
"""The packs that come along: examples, theorems, and what each of their rules is good for."""

from dataclasses import replace

import pytest

from policies import Policy, builtin_pack, decide, load_policy, run_cases
from policies.domain import DEVICE
from policies.pack import Pack
from policies.prove import prove
from policies.rules import Effect, Not, Rule

NAMES = ("finance", "gdpr", "hipaa", "hipaa-strict", "open", "part2", "redact")
PACKS = {name: load_policy([builtin_pack(name)], []).packs[0] for name in NAMES}
RULES = [(name, rule.id) for name in NAMES for rule in PACKS[name].rules]
FLIPPED = {Effect.PERMIT: Effect.FORBID, Effect.FORBID: Effect.PERMIT}

# What goes wrong when a rule is taken away. Rules that permit, and most that oblige, are not here:
# without them less leaves, or with less care, which the examples show.
RESTS_ON = {
    ("hipaa", "secrets-stay"): {"secrets-never-leave", "stricter-law-never-leaves", "monotone"},
    ("hipaa", "stricter-law-stays"): {"stricter-law-never-leaves"},
    ("hipaa", "no-training"): {"nothing-confidential-is-trained-on"},
    ("hipaa-strict", "agreement-only"): {"only-under-an-agreement"},
    ("hipaa-strict", "zero-retention-only"): {"only-to-zero-retention"},
    ("hipaa-strict", "encrypted-only"): {"only-encrypted"},
    ("hipaa-strict", "no-training"): {"never-trained-on"},
    ("part2", "not-in-proceedings"): {"not-in-proceedings"},
    ("part2", "no-training"): {"never-trained-on"},
    ("gdpr", "people-in-the-united-kingdom"): {"british-subjects"},
    ("gdpr", "people-in-switzerland"): {"swiss-subjects"},
    ("gdpr", "no-training"): {"never-trained-on"},
    ("gdpr", "encrypted"): {"encrypted-to-clouds"},
    ("finance", "cards-and-credentials-stay"): {"cards-and-credentials-never-leave"},
    ("finance", "encrypted"): {"only-encrypted"},
    ("finance", "no-training"): {"never-trained-on"},
    ("finance", "no-account-numbers-for-marketing"): {"no-account-numbers-for-marketing"},
    ("open", "secrets-stay"): {"secrets-and-cards-stay"},
    ("redact", "identifiers-removed"): {"only-redacted-without-baa"},
    ("redact", "media-stay"): {"media-never-leave-without-baa"},
    ("redact", "secrets-stay"): {"secrets-never-leave", "stricter-law-never-leaves"},
    ("redact", "stricter-law-stays"): {"stricter-law-never-leaves"},
    ("redact", "no-training"): {"nothing-confidential-is-trained-on"},
}


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


@pytest.mark.parametrize(("name", "rule_id"), RESTS_ON)
def test_without_a_rule_its_theorem_has_a_counterexample(name: str, rule_id: str) -> None:
    """Both ways refute exactly the theorems that rest on the rule, and the case is a real one."""
    pack = changed(name, rule_id)
    report = prove(pack)

    assert {p.theorem for p in report.proofs if p.by_trying is False} == RESTS_ON[name, rule_id]
    assert {p.theorem for p in report.proofs if p.by_logic is False} == RESTS_ON[name, rule_id]
    for proof in (p for p in report.proofs if not p.holds):
        found = proof.counterexample
        assert found is not None
        policy = Policy.of([pack], [DEVICE, found.destination])
        assert (
            found.destination.name
            in decide(found.request.facts, found.request.findings, policy).cleared
        )


@pytest.mark.parametrize(("name", "rule_id"), RULES)
def test_every_rule_carries_weight(name: str, rule_id: str) -> None:
    """A rule removed, turned round or negated breaks an example."""
    rule = next(rule for rule in PACKS[name].rules if rule.id == rule_id)
    other = replace(rule, effect=FLIPPED.get(rule.effect, Effect.FORBID))

    assert not passes(changed(name, rule_id))
    assert not passes(changed(name, rule_id, other))
    assert not passes(changed(name, rule_id, replace(rule, when=Not(rule.when))))


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
