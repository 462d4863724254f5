# SPDX-License-Identifier: Apache-2.0
"""The examples of packs."""

from dataclasses import replace

from policies import Obligation, Policy, ReasonCode, builtin_pack, load_policy, run_cases
from policies.decision import Verdict

POLICY = load_policy([builtin_pack("hipaa"), builtin_pack("open")], [])


def test_every_example_of_the_built_in_packs_holds() -> None:
    """The packs do what they say, each on its own."""
    results = run_cases(POLICY)

    assert {"hipaa", "open"} == {result.pack for result in results}
    assert [result for result in results if not result.passed] == []


def test_a_result_says_what_was_expected_and_what_came() -> None:
    """A wrong example fails, by outcome or by reason, and names its line."""
    pack = POLICY.packs[1]
    case = pack.cases[0]
    wrong = replace(case, is_allowed=False), replace(case, reason=POLICY.packs[0].otherwise)
    results = run_cases(Policy.of([replace(pack, cases=wrong)], []))

    assert [result.passed for result in results] == [False, False]
    assert (case.line, case.name, True) == (results[0].line, results[0].name, results[0].is_allowed)
    assert (results[1].expected_reason, results[1].reason) == ("phi_stays_on_device", "permitted")


def test_a_result_names_the_difference() -> None:
    """What was expected and what came, for whatever the example asks of."""
    pack = POLICY.packs[0]
    case = replace(
        next(case for case in pack.cases if case.obligations),
        is_allowed=False,
        reason=ReasonCode.BLOCKED,
        verdict=Verdict.BLOCK,
        obligations=frozenset({Obligation.NO_CACHE, Obligation.NO_TOOLS}),
    )
    (result,) = run_cases(Policy.of([replace(pack, cases=(case,))], []))

    assert result.difference == (
        "expected allowed false, got true; expected reason blocked, got baa_covers; "
        "expected verdict block, got allow; "
        "expected obligations no_cache no_tools, got no_store"
    )
    assert not result.passed


def test_nothing_owed_is_an_expectation_too() -> None:
    """An empty list of obligations is not the same as none given."""
    pack = POLICY.packs[0]
    case = replace(next(case for case in pack.cases if case.obligations), obligations=frozenset())
    (result,) = run_cases(Policy.of([replace(pack, cases=(case,))], []))

    assert result.difference == "expected obligations none, got no_store"
