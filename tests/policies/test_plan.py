# SPDX-License-Identifier: Apache-2.0
"""Compilation to masks."""

from dataclasses import replace

from policies import DataClass, Tier
from policies.pack import Pack
from policies.plan import make_plan
from policies.rules import All, Any_, Condition, Effect, In, Not
from tests.policies.samples import CLOUD, COVERED, DEVICE, ONPREM, TODAY, facts
from tests.policies.strategies import rule

THERE = (DEVICE, ONPREM, CLOUD, COVERED)
CLASS = In("data_class", frozenset({"phi"}))
TIER = In("tier", frozenset({"cloud"}))
NONE: frozenset[str] = frozenset()
BAA = In("baa", frozenset({True}))


def masks(*conditions: Condition) -> tuple[int, ...]:
    """The masks of permits with these conditions for a PHI chat request."""
    rules = tuple(rule(Effect.PERMIT, when, f"r{i}") for i, when in enumerate(conditions))
    plan = make_plan((Pack(name="p", rules=rules),), THERE)
    baa = plan.covered("chat", TODAY, NONE)
    phi, kinds = DataClass.PHI, frozenset({"SSN"})
    return plan.weigh(phi, phi, kinds, False, baa, facts())


def test_request_fields_are_all_or_nothing() -> None:
    """A condition on the request matches every destination or none."""
    ssn, mrn = In("kinds", frozenset({"SSN"})), In("kinds", frozenset({"MRN"}))

    assert masks(CLASS, Not(CLASS), ssn, mrn) == (0b1111, 0, 0b1111, 0)


def test_destination_fields_are_constant_masks() -> None:
    """A condition on destinations has one bit for each that fits."""
    assert masks(TIER, Not(TIER), BAA, In("baa", frozenset({False}))) == (12, 3, 8, 7)


def test_connectives_combine_masks() -> None:
    """Both parts may be mixed at will; the empty ones are always and never."""
    assert masks(All((CLASS, TIER)), Any_((BAA, Not(CLASS))), All(()), Any_(())) == (12, 8, 15, 0)


def test_text_of_packs_never_becomes_code() -> None:
    """A value that looks like Python is a value."""
    hostile = In("name", frozenset({"0)+__import__('os')"}))

    assert masks(hostile, In("tenant", frozenset({"'+1/0+'"}))) == (0, 0)


def test_masks_of_tiers_and_agreements() -> None:
    """Nearer tiers lie within a limit; agreements follow endpoint and day."""
    plan = make_plan((), THERE)
    late = replace(facts(), today=TODAY.replace(year=2027)).today

    assert plan.within == {
        None: 0b1111,
        Tier.DEVICE: 0b0001,
        Tier.ONPREM: 0b0011,
        Tier.CLOUD: 0b1111,
    }
    assert (
        plan.covered("chat", TODAY, NONE),
        plan.covered("embeddings", TODAY, NONE),
        plan.covered("chat", late, NONE),
    ) == (8, 0, 0)
