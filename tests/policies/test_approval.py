# SPDX-License-Identifier: Apache-2.0
"""What a person approved: a fact that only rules with the effect `approve` wait for."""

from dataclasses import replace

import pytest

from policies import DataClass, Findings, PackSource, Verdict, decide, load_policy
from policies.cases import run_cases
from policies.pack import Pack
from policies.prove import prove
from policies.theorems import in_words
from tests.policies.samples import CLOUD, DEVICE, facts

PACK = """\
pack: asking
version: "1"
description: what is confidential needs somebody's leave
rules:
  - {id: all, effect: allow, when: {data_class: {at_most: pii}}, reason: permitted,
     description: d, citation: c}
  - {id: ask, effect: approve, when: {data_class: {at_least: confidential}},
     description: d, citation: c}
  - {id: never, effect: local_only, when: {data_class: {at_least: pii}}, reason: forbidden,
     description: d, citation: c}
theorems:
  - {id: only-approved, says: Nothing confidential leaves that nobody approved.,
     never: {data_class: {at_least: confidential}, approved: false}}
  - {id: approval-opens-no-more, says: Approval opens nothing that another rule stops.,
     never: {data_class: {at_least: pii}, approved: true}}
tests:
  - name: it waits
    findings: {data_class: confidential}
    allow: false
    verdict: approve
    reason: needs_approval
  - name: it goes when it was approved
    facts: {approved: true}
    findings: {data_class: confidential}
    allow: true
    verdict: allow
  - name: what another rule stops is not approved away
    facts: {approved: true}
    findings: {data_class: pii}
    allow: false
    verdict: local_only
"""
POLICY = load_policy([PackSource("asking.yaml", PACK.encode())], [DEVICE, CLOUD])
(ASKING,) = POLICY.packs


def without(rule_id: str) -> Pack:
    return replace(ASKING, rules=tuple(rule for rule in ASKING.rules if rule.id != rule_id))


def test_its_examples_and_theorems_hold() -> None:
    """In both ways of proving."""
    assert [case.difference for case in run_cases(POLICY) if not case.passed] == []
    report = prove(ASKING)
    assert report.holds
    assert all(proof.by_logic for proof in report.proofs if proof.theorem != "device-answers")


@pytest.mark.parametrize(
    ("rule_id", "theorem"), [("ask", "only-approved"), ("never", "approval-opens-no-more")]
)
def test_without_the_rule_there_is_a_counterexample(rule_id: str, theorem: str) -> None:
    """By trying and by z3; the words say whether it was approved."""
    found = next(p for p in prove(without(rule_id)).proofs if p.theorem == theorem)

    assert (found.by_trying, found.by_logic) == (False, False)
    assert found.counterexample is not None
    is_approved = found.counterexample.request.facts.approved
    assert is_approved is (rule_id == "never")
    words = " ".join(in_words(found.counterexample, ASKING))
    assert ("approved by a person" in words) is is_approved


def test_approval_of_what_needs_none_changes_nothing() -> None:
    """It is no permit."""
    for data_class in DataClass:
        before = decide(facts(), Findings(data_class), POLICY)
        after = decide(facts(approved=True), Findings(data_class), POLICY)
        if before.verdict is not Verdict.APPROVE:
            assert before == after
