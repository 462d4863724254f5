# SPDX-License-Identifier: Apache-2.0
"""Spaces: a set of points says the same of a condition as the condition does, point by point."""

import pytest
from hypothesis import assume, given, settings

from policies.model import KINDS as ALL_KINDS
from policies.rules import FIELDS, All, Any_, Condition, In, Not, holds
from policies.space import MOST_ATOMS, OTHER, Space, TooManyPointsError, first, told_apart
from tests.policies.strategies import CONDITIONS

TENANT = In("tenant", frozenset({"a", "b"}))
ROLE = In("role", frozenset({"a"}))
KINDS = In("kinds", frozenset({"SSN", "CARD"}))
NO_SETS = {name: frozenset[str]() for name, field in FIELDS.items() if field.is_set}
CARD = In("kinds", frozenset({"CARD"}))


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, CONDITIONS)
def test_where_agrees_with_holds(one: Condition, other: Condition) -> None:
    """At every point of a space with other conditions in it as well."""
    try:
        space = Space.of([one, other])
    except TooManyPointsError:
        return
    assume(space.size <= 2_000)
    points = space.where(one)

    assert [points >> i & 1 for i in range(space.size)] == [
        holds(one, {**NO_SETS, **space.point(i)}) for i in range(space.size)
    ]


def test_values_that_no_condition_tells_apart_are_one() -> None:
    """Of what is treated alike one value is left; any other text is a value too."""
    assert told_apart("tenant", [TENANT]) == ("a", OTHER)
    assert told_apart("tenant", [TENANT, In("tenant", frozenset({"a"}))]) == ("a", "b", OTHER)
    assert told_apart("kinds", [KINDS]) == ("CARD",)
    assert told_apart("kinds", [KINDS, CARD]) == ("CARD", "SSN")
    assert told_apart("baa", [TENANT]) == (False,)
    assert told_apart("baa", [In("baa", frozenset({True}))]) == (False, True)


def test_the_size_is_the_product() -> None:
    """Two values of each text, four sets of two kinds."""
    space = Space.of([All((TENANT, ROLE)), KINDS, CARD])

    assert (space.size, space.every) == (16, 0xFFFF)
    assert space.point(15) == {"kinds": {"CARD", "SSN"}, "role": OTHER, "tenant": OTHER}
    assert space.point(0) == {"kinds": frozenset(), "role": "a", "tenant": "a"}


def test_whole_fields_keep_every_value() -> None:
    """A chain that is to be walked step by step is not shortened."""
    phi = In("data_class", frozenset({"phi"}))

    assert Space.of([phi]).size == 2
    assert Space.of([phi], whole=frozenset({"data_class"})).size == 11


def test_first_is_the_lowest_point() -> None:
    """Of a set that is not empty."""
    assert first(0b1010000) == 4


@pytest.mark.parametrize(
    "condition",
    [
        Any_(tuple(In("kinds", frozenset({kind})) for kind in sorted(ALL_KINDS))),
        All(tuple(Not(ROLE) for _ in range(MOST_ATOMS + 1))),
    ],
)
def test_too_many(condition: Condition) -> None:
    """What could not be tried in reasonable time is refused."""
    with pytest.raises(TooManyPointsError):
        Space.of([condition])
