# SPDX-License-Identifier: Apache-2.0
"""Conditions: truth, English, canonical data."""

from dataclasses import replace

import pytest

from policies.rules import (
    FIELDS,
    All,
    Any_,
    Condition,
    Effect,
    In,
    Not,
    Value,
    as_data,
    atoms,
    attribute,
    describe,
    holds,
)
from tests.policies.samples import CLOUD
from tests.policies.strategies import rule

PHI = In("data_class", frozenset({"phi", "pii"}))
KIND = In("kinds", frozenset({"SSN", "MRN"}))
COVERED = In("baa", frozenset({True}))
UNCOVERED = In("baa", frozenset({False}))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (PHI, True),
        (KIND, True),
        (In("kinds", frozenset({"MRN"})), False),
        (COVERED, False),
        (Not(COVERED), True),
        (All(()), True),
        (Any_(()), False),
        (All((PHI, COVERED)), False),
        (Any_((PHI, COVERED)), True),
    ],
)
def test_holds(condition: Condition, expected: bool) -> None:
    """Each kind of condition means what its name says; for kinds one in common is enough."""
    values: dict[str, Value | frozenset[str]] = {
        "data_class": "phi",
        "kinds": frozenset({"SSN", "NAME"}),
        "baa": False,
    }

    assert holds(condition, values) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (PHI, "the data class is pii or phi"),
        (In("region", frozenset({"b", "a"})), "the destination's region is a or b"),
        (In("region", frozenset()), "the destination's region is nothing"),
        (COVERED, "a BAA in force covers the endpoint"),
        (UNCOVERED, "it is not so that a BAA in force covers the endpoint"),
        (Not(KIND), "not (a finding is MRN or SSN)"),
        (All(()), "always"),
        (Any_(()), "never"),
        (All((KIND,)), "a finding is MRN or SSN"),
        (
            All((COVERED, Any_((PHI, KIND)))),
            "a BAA in force covers the endpoint and "
            "(the data class is pii or phi or a finding is MRN or SSN)",
        ),
    ],
)
def test_describe(condition: Condition, expected: str) -> None:
    """A condition reads as English."""
    assert expected == describe(condition)


def test_atoms_come_left_to_right() -> None:
    """Every In of a tree is found."""
    assert list(atoms(All((PHI, Not(Any_((KIND, COVERED))))))) == [PHI, KIND, COVERED]


def test_as_data_is_the_same_for_equal_sets() -> None:
    """Order of writing does not enter the canonical form, structure does."""
    condition = All((Not(PHI), Any_((KIND, COVERED))))

    assert as_data(condition) == {
        "all": [
            {"not": ["data_class", ["phi", "pii"]]},
            {"any": [["kinds", ["MRN", "SSN"]], ["baa", [True]]]},
        ]
    }


def test_attributes_cover_the_fields_of_destinations() -> None:
    """Every field of a destination but the BAA, which depends on the request, has a value."""
    for name in (n for n, spec in FIELDS.items() if spec.is_of_destination and n != "baa"):
        assert isinstance(attribute(CLOUD, name), frozenset) is FIELDS[name].is_set, name
    with pytest.raises(KeyError):
        attribute(CLOUD, "baa")


def test_where_a_rule_stands_is_no_part_of_it() -> None:
    """The same rule on another line is the same rule."""
    made = rule(Effect.PERMIT, PHI)

    assert replace(made, line=made.line + 1) == made
    assert replace(made, id="other") != made
