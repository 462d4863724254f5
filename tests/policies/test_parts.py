# SPDX-License-Identifier: Apache-2.0
"""Conditions taken apart."""

from itertools import combinations

from hypothesis import assume, given, settings

from policies.coherence import TIES
from policies.overlap import can_hold
from policies.parts import conjuncts, independent
from policies.rules import All, Any_, Condition, In, Not, fields_of
from policies.space import Space, TooManyPointsError
from tests.policies.strategies import CONDITIONS

A, B, C = (In(name, frozenset({"x"})) for name in ("tenant", "role", "purpose"))


def test_conjuncts() -> None:
    """A conjunction is flat; what always holds has none; anything else is one."""
    assert list(conjuncts(All((A, All((B, All(()))))))) == [A, B]
    assert list(conjuncts(Any_((A, B)))) == [Any_((A, B))]


def test_parts_share_no_field() -> None:
    """Fields that a part reads together, or that are tied, are in one part."""
    assert independent(All((A, B, C))) == [All((A,)), All((B,)), All((C,))]
    assert independent(All((A, C, Any_((A, Not(B)))))) == [All((C,)), All((A, Any_((A, Not(B)))))]
    assert independent(All((A, B, C)), [{"tenant", "purpose"}]) == [All((B,)), All((A, C))]
    assert independent(A, [{"tenant", "purpose"}]) == [All((A,))]


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, CONDITIONS)
def test_together_they_are_the_condition(one: Condition, other: Condition) -> None:
    """They hold together where it does, share no field, and can hold exactly when it can."""
    both = All((one, other))
    try:
        space = Space.of([both])
    except TooManyPointsError:
        assume(False)
    parts = independent(both, TIES)

    assert space.where(All(tuple(parts))) == space.where(both)
    fields = [fields_of([part]) for part in parts]
    assert all(some.isdisjoint(others) for some, others in combinations(fields, 2))
    assert can_hold(both) == can_hold(Any_((both,)))  # an alternative is not taken apart
