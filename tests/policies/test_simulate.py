# SPDX-License-Identifier: Apache-2.0
"""The same requests under two policies."""

from dataclasses import replace
from typing import Any

import pytest

from policies import DataClass, Findings, Obligation, Policy
from policies.features import Recorded
from policies.rules import All, Effect, In, Rule
from policies.simulate import Change, compare
from policies.terms import Terms
from tests.policies.samples import CLEAN, PHI, facts, policy
from tests.policies.strategies import rule

PERMIT = rule(Effect.PERMIT, All(()), "let")
LOW = rule(Effect.PERMIT, In("data_class", frozenset({"public", "internal"})), "let")
OWE = rule(Effect.OBLIGE, All(()), "owe")
ASK = rule(Effect.APPROVE, All(()), "ask")
BOTH = [CLEAN, PHI, PHI]


def changes(before: Policy, after: Policy, findings: list[Findings] = BOTH) -> dict[Change, int]:
    """The changes over some findings."""
    requests = [Recorded(facts(), found, frozenset()) for found in findings]
    return dict(compare(before, after, requests).changes)


def test_nothing_changes_under_the_same_policy() -> None:
    """Requests are counted, changes are not."""
    difference = compare(policy(LOW), policy(LOW), [Recorded(facts(), PHI, frozenset({"role"}))])

    assert (difference.requests, difference.changes.total(), difference.opened) == (1, 0, 0)
    assert difference.missing == {"role": 1}


def test_what_opens_and_closes_is_named() -> None:
    """Alike changes are counted together; opening is counted apart."""
    opened = compare(
        policy(LOW), policy(PERMIT), [Recorded(facts(), found, frozenset()) for found in BOTH]
    )
    ((change, count),) = opened.changes.items()

    assert (change.opened, change.closed, count, opened.opened) == (("cloud",), (), 2, 2)
    assert (change.data_class, change.verdicts) == (DataClass.PHI, ("local_only", "allow"))
    assert change.reasons == ("no_permit", "permitted")
    ((change, count),) = changes(policy(PERMIT), policy(LOW)).items()
    assert (change.opened, change.closed, count) == ((), ("cloud",), 2)


@pytest.mark.parametrize(
    ("added", "given"),
    [
        (OWE, {"added": (Obligation.NO_STORE,)}),
        (replace(OWE, obligations=frozenset(), terms=Terms(keep_turns=1)), {"added": ()}),
        (ASK, {"closed": ("cloud",), "verdicts": ("allow", "approve")}),
    ],
)
def test_obligations_terms_and_verdicts_count_as_changes(
    added: Rule, given: dict[str, Any]
) -> None:
    """Also where the same destinations stay open."""
    ((change, count),) = changes(policy(PERMIT), policy(PERMIT, added), [CLEAN]).items()

    assert count == 1
    assert {name: getattr(change, name) for name in given} == given


def test_a_verdict_alone_is_a_change() -> None:
    """Waiting for approval instead of staying for good changes no destination."""
    stop = rule(Effect.FORBID, All(()), "stop")
    ((change, _),) = changes(policy(PERMIT, stop), policy(PERMIT, ASK), [CLEAN]).items()

    assert (change.opened, change.closed) == ((), ())
    assert change.verdicts == ("local_only", "approve")


def test_dropped_obligations_are_named() -> None:
    """Care that is no longer owed."""
    ((change, _),) = changes(policy(PERMIT, OWE), policy(PERMIT), [CLEAN]).items()

    assert (change.added, change.dropped) == ((), (Obligation.NO_STORE,))


def test_a_tenant_is_compared_under_its_own_policies() -> None:
    """Before and after are those of the tenant, where it has any; else those of everybody."""
    requests = [Recorded(facts(tenant=name), PHI, frozenset()) for name in ("acme", "other")]
    strict = {"acme": (policy(LOW), policy(LOW))}
    found = compare(policy(LOW), policy(PERMIT), requests, strict)

    assert (found.requests, found.opened) == (2, 1)
