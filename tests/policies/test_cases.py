# SPDX-License-Identifier: Apache-2.0
"""The examples of packs."""

from dataclasses import replace

import pytest

from policies import Policy, builtin_pack, load_policy, run_cases

POLICY = load_policy([builtin_pack("hipaa"), builtin_pack("open")], [])


def test_every_example_of_the_built_in_packs_holds() -> None:
    """The packs do what they say, each on its own."""
    results = run_cases(POLICY)

    assert {"hipaa", "open"} == {result.pack for result in results}
    assert [result for result in results if not result.passed] == []


@pytest.mark.parametrize("pack", POLICY.packs, ids=lambda pack: pack.name)
def test_every_rule_of_the_built_in_packs_matters(pack: object) -> None:
    """Taking any one rule that permits or forbids away breaks at least one example."""
    whole = next(p for p in POLICY.packs if p is pack)
    for rule in (r for r in whole.rules if r.effect != "oblige"):
        rest = replace(whole, rules=tuple(r for r in whole.rules if r is not rule))

        assert not all(result.passed for result in run_cases(Policy.of([rest], []))), rule.id


def test_a_result_says_what_was_expected_and_what_came() -> None:
    """A wrong example fails, by outcome or by reason, and names its line."""
    pack = POLICY.packs[1]
    case = pack.cases[0]
    wrong = replace(case, is_allowed=False), replace(case, reason=POLICY.packs[0].otherwise)
    results = run_cases(Policy.of([replace(pack, cases=wrong)], []))

    assert [result.passed for result in results] == [False, False]
    assert (case.line, case.name, True) == (results[0].line, results[0].name, results[0].is_allowed)
    assert (results[1].expected_reason, results[1].reason) == ("phi_stays_on_device", "permitted")
