# SPDX-License-Identifier: Apache-2.0
"""Session taint: never down, per tenant, bounded, and closed when something was forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.sessions import Sessions
from policies import DataClass
from tests.gateway.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0.0)


@given(st.lists(st.sampled_from(DataClass), max_size=10))
def test_the_highest_class_stays(classes: list[DataClass]) -> None:
    """A session's floor is the highest class it has carried, in any order."""
    sessions = Sessions(clock=FakeClock(0.0))
    for data_class in classes:
        sessions.raise_to("t", "s", data_class)

    assert sessions.floor("t", "s") is DataClass.join(*classes)


def test_sessions_and_tenants_are_apart(clock: FakeClock) -> None:
    """Another session, another tenant, and another split of the same letters are not tainted."""
    sessions = Sessions(clock=clock)
    sessions.raise_to("ab", "c", DataClass.PHI)

    assert sessions.floor("ab", "d") is DataClass.PUBLIC
    assert sessions.floor("a", "bc") is DataClass.PUBLIC
    assert sessions.floor("", "abc") is DataClass.PUBLIC


def test_taint_lasts_from_the_last_request(clock: FakeClock) -> None:
    """The time to live counts from the last request, and then the taint ends."""
    sessions = Sessions(clock=clock, ttl_s=10)
    sessions.raise_to("t", "s", DataClass.PHI)
    clock.now = 9
    sessions.raise_to("t", "s", DataClass.PUBLIC)
    clock.now = 19
    assert sessions.floor("t", "s") is DataClass.PHI

    clock.now = 19.1
    assert sessions.floor("t", "s") is DataClass.PUBLIC


def test_bounded_and_closed_when_full(clock: FakeClock) -> None:
    """At capacity the oldest goes; from then on an unseen session counts as unknown."""
    sessions = Sessions(clock=clock, capacity=3)
    for number in range(3):
        sessions.raise_to("t", str(number), DataClass.PHI)
    assert sessions.floor("t", "new") is DataClass.PUBLIC

    sessions.raise_to("t", "3", DataClass.PHI)

    assert len(sessions._seen) == 3
    assert sessions.floor("t", "0") is DataClass.UNKNOWN
    assert sessions.floor("t", "never seen") is DataClass.UNKNOWN
    assert sessions.floor("t", "3") is DataClass.PHI


def test_recently_used_is_kept(clock: FakeClock) -> None:
    """The one that goes is the one that was used longest ago."""
    sessions = Sessions(clock=clock, capacity=2)
    sessions.raise_to("t", "a", DataClass.PHI)
    sessions.raise_to("t", "b", DataClass.PII)
    sessions.raise_to("t", "a", DataClass.PUBLIC)
    sessions.raise_to("t", "c", DataClass.PII)

    assert sessions.floor("t", "a") is DataClass.PHI
    assert sessions.floor("t", "b") is DataClass.UNKNOWN


def test_what_had_ended_anyway_is_not_forgotten(clock: FakeClock) -> None:
    """An entry past its time may go without closing the table."""
    sessions = Sessions(clock=clock, capacity=1, ttl_s=10)
    sessions.raise_to("t", "a", DataClass.PHI)
    clock.now = 11
    sessions.raise_to("t", "b", DataClass.PHI)

    assert sessions.floor("t", "never seen") is DataClass.PUBLIC


def test_what_was_forgotten_counts_until_it_would_have_ended(clock: FakeClock) -> None:
    """Unseen sessions are unknown for as long as the forgotten one would have lived, not longer."""
    sessions = Sessions(clock=clock, capacity=1, ttl_s=10)
    sessions.raise_to("t", "a", DataClass.PHI)
    sessions.raise_to("t", "b", DataClass.PHI)
    clock.now = 9.9
    assert sessions.floor("t", "never seen") is DataClass.UNKNOWN
    clock.now = 10.1
    assert sessions.floor("t", "never seen") is DataClass.PUBLIC


def test_what_has_no_taint_takes_no_room(clock: FakeClock) -> None:
    """Sessions at or below the untainted class cannot fill the table."""
    sessions = Sessions(clock=clock, capacity=1, untainted=DataClass.INTERNAL)
    sessions.raise_to("t", "a", DataClass.PHI)
    for number in range(10):
        sessions.raise_to("t", str(number), DataClass.INTERNAL)
    assert sessions.floor("t", "a") is DataClass.PHI
    assert sessions.floor("t", "never seen") is DataClass.PUBLIC


def test_names_are_not_held(clock: FakeClock) -> None:
    """A session's name may be a patient's number: it is not in the table, nor is its plain hash."""
    sessions = Sessions(clock=clock)
    other = Sessions(clock=clock)
    for table in (sessions, other):
        table.raise_to("t", "MRN-12345678", DataClass.PHI)

    assert b"MRN" not in repr(sessions._seen).encode()
    assert sessions._seen.keys() != other._seen.keys()
