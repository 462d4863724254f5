# SPDX-License-Identifier: Apache-2.0
"""The nouns: order of classes, agreements."""

import datetime

import pytest

from policies import Baa, DataClass, Findings

DAY = datetime.date(2026, 7, 1)


def test_classes_form_a_chain() -> None:
    """Ranks count up in the order that the design states, UNKNOWN is the top."""
    names = "public internal confidential pii phi part2 psychotherapy genetic pci secret unknown"

    assert names.split() == list(DataClass)
    assert list(range(11)) == [c.rank for c in DataClass]


def test_join_is_the_highest() -> None:
    """Joining gives the most sensitive class, of nothing the least."""
    assert DataClass.join(DataClass.PII, DataClass.PHI, DataClass.PUBLIC) is DataClass.PHI
    assert DataClass.join() is DataClass.PUBLIC


@pytest.mark.parametrize(
    ("scope", "days_left", "covers"),
    [
        ({"chat"}, 0, True),
        ({"*"}, 1, True),
        ({"embeddings"}, 1, False),
        (set(), 1, False),
        ({"chat"}, -1, False),
        ({"*"}, -1, False),
    ],
)
def test_agreement_covers_its_scope_until_it_expires(
    scope: set[str], days_left: int, covers: bool
) -> None:
    """An agreement counts for its endpoints, up to and on the day on which it expires."""
    expires = DAY + datetime.timedelta(days=days_left)

    assert Baa(id="b", expires=expires, scope=frozenset(scope)).covers("chat", DAY) is covers


def test_unknown_findings_carry_the_error() -> None:
    """A failed detector is the class UNKNOWN and its reason."""
    assert Findings.unknown("timeout") == Findings(DataClass.UNKNOWN, frozenset(), ("timeout",))
