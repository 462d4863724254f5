# SPDX-License-Identifier: Apache-2.0
"""What cannot be together: true of every request and destination, and left out of spaces."""

import pytest
from hypothesis import given, settings

from policies import Facts, Findings
from policies.coherence import IMPOSSIBLE, coherent
from policies.meaning import values_of
from policies.model import Destination
from policies.rules import FIELDS, All, Condition, In, Not, holds
from policies.space import TooManyPointsError
from tests.policies.strategies import DESTINATIONS, FACTS, FINDINGS

NOTHING_KEPT = In("zero_data", frozenset({True}))
TENANTS = In("tenant", frozenset({"a"}))


@settings(max_examples=400, deadline=None)
@given(FACTS, FINDINGS, DESTINATIONS)
def test_nothing_is_impossible_that_is(
    facts: Facts, findings: Findings, places: list[Destination]
) -> None:
    """No request and destination meet any of the conditions."""
    for there in places:
        values = values_of(facts, findings, there)
        assert [condition for condition in IMPOSSIBLE if holds(condition, values)] == []


@pytest.mark.parametrize(
    ("conditions", "never", "expected"),
    [
        ([NOTHING_KEPT], [], 2),
        ([NOTHING_KEPT, In("retention", frozenset({"zero"}))], [], 2),  # of four
        ([NOTHING_KEPT, TENANTS], [], 4),
        ([NOTHING_KEPT, TENANTS], [TENANTS], 2),
    ],
)
def test_points_that_cannot_be_are_left_out(
    conditions: list[Condition], never: list[Condition], expected: int
) -> None:
    """What no condition reads is no reason to leave a point out."""
    _, points = coherent(conditions, never)

    assert points.bit_count() == expected


def test_too_much_to_take_apart_leaves_all_points() -> None:
    """As long as the conditions alone are not too much."""
    classes = [In(name, frozenset({"phi"})) for name in ("data_class", "known_class")]
    flags = [
        In(name, frozenset({True}))
        for name, field in FIELDS.items()
        if field.domain == (False, True)
    ]
    space, points = coherent([*classes, *flags])

    assert points == space.every
    with pytest.raises(TooManyPointsError):
        coherent([*classes, *flags, *(Not(All((flag,))) for flag in flags * 30)])
