# SPDX-License-Identifier: Apache-2.0
"""Terms join to the strictest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.terms import NO_TERMS, CacheScope, LogLevel, Obligation, Terms

NAMES = st.frozensets(st.sampled_from(["NAME", "SSN", "user"]))
TERMS = st.builds(
    Terms,
    redact=NAMES,
    drop=NAMES,
    keep_turns=st.none() | st.integers(1, 9),
    cache_scope=st.sampled_from(CacheScope),
    log_level=st.sampled_from(LogLevel),
)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Terms(keep_turns=4), Terms(keep_turns=2), Terms(keep_turns=2)),
        (Terms(keep_turns=4), NO_TERMS, Terms(keep_turns=4)),
        (
            Terms(redact=frozenset({"A"})),
            Terms(redact=frozenset({"B"})),
            Terms(redact=frozenset("AB")),
        ),
        (Terms(drop=frozenset({"A"})), Terms(drop=frozenset({"B"})), Terms(drop=frozenset("AB"))),
        (
            Terms(cache_scope=CacheScope.SESSION),
            Terms(cache_scope=CacheScope.KEY),
            Terms(cache_scope=CacheScope.SESSION),
        ),
        (
            Terms(log_level=LogLevel.CODES),
            Terms(log_level=LogLevel.NOTHING),
            Terms(log_level=LogLevel.NOTHING),
        ),
    ],
)
def test_the_stricter_of_two(one: Terms, other: Terms, expected: Terms) -> None:
    """Every part joins by itself."""
    assert one.joined(other) == expected == other.joined(one)


@given(TERMS, TERMS, TERMS)
def test_joining_is_a_lattice(one: Terms, two: Terms, three: Terms) -> None:
    """Order and repetition do not matter, and nothing is the start."""
    assert one.joined(two).joined(three) == one.joined(two.joined(three))
    assert one.joined(one) == one == one.joined(NO_TERMS)


EVERY = Terms(
    redact=frozenset({"SSN"}),
    drop=frozenset({"user"}),
    keep_turns=4,
    cache_scope=CacheScope.KEY,
    log_level=LogLevel.CODES,
)


@pytest.mark.parametrize(
    ("obligation", "expected"),
    [
        (Obligation.REDACT, Terms(redact=frozenset({"SSN"}))),
        (Obligation.MINIMUM_NECESSARY, Terms(drop=frozenset({"user"}), keep_turns=4)),
        (Obligation.CACHE_SCOPE, Terms(cache_scope=CacheScope.KEY)),
        (Obligation.LOG_LEVEL, Terms(log_level=LogLevel.CODES)),
        (Obligation.NO_STORE, NO_TERMS),
    ],
)
def test_each_obligation_has_its_own_measure(obligation: Obligation, expected: Terms) -> None:
    """The measure of the others is none of its matter."""
    assert EVERY.about(obligation) == expected
    assert EVERY.asks_no_less(expected)
    assert expected.asks_no_less(EVERY) is False
