# SPDX-License-Identifier: Apache-2.0
"""Claims of an emergency: their form, whose count, for how long, and what is kept of the reason."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.break_glass import BreakGlass, Claim, Outcome, read_claim, refusal
from gateway.errors import BadRequest
from gateway.facts import read_wishes
from gateway.identity import Principal
from gateway.state.secret import Secret

REASON = "cardiac arrest in room 4"
NOW = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
DOCTOR = Principal("ward", "st-mary", "user", may_break_glass=True)
CLERK = Principal("desk", "st-mary", "admin")
RULE = BreakGlass(secret=Secret(b"key"), longest_s=3600, now=lambda: NOW)


def minutes(number: int) -> datetime.datetime:
    return NOW + datetime.timedelta(minutes=number)


@pytest.mark.parametrize(
    ("value", "reason", "until"),
    [
        (REASON, REASON, None),
        (f"  {REASON} ", REASON, None),
        (f"{REASON}; until=2026-11-24T12:30:00Z", REASON, minutes(30)),
        (f"{REASON};until = 2026-11-24T13:30:00+01:00", REASON, minutes(30)),
        (f"{REASON}; bed 2; UNTIL=2026-11-24T12:30:00Z", f"{REASON}; bed 2", minutes(30)),
        ("x" * 8, "x" * 8, None),
        ("x" * 200, "x" * 200, None),
    ],
)
def test_claims_are_read(value: str, reason: str, until: datetime.datetime | None) -> None:
    """A reason, and an end where one is given, however the spaces stand."""
    assert read_claim(value) == Claim(reason, until)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "true",
        "x" * 7,
        "x" * 201,
        "        ",
        "arrest\x07 in room 4",
        "arrest in\nroom 4",
        "; until=2026-11-24T12:30:00Z",
        f"{REASON}; until=",
        f"{REASON}; until=tomorrow",
        f"{REASON}; until=2026-11-24",
        f"{REASON}; until=2026-11-24T12:30:00",
    ],
)
def test_malformed_claims_are_refused(value: str) -> None:
    """No reason, a short, long or unprintable one, or an end without a zone: 400, not quoted."""
    with pytest.raises(BadRequest) as caught:
        read_claim(value)
    assert caught.value.param == "x-nearward-break-glass"
    assert REASON not in str(caught.value)


@pytest.mark.parametrize(
    ("who", "until", "outcome"),
    [
        (DOCTOR, None, "used"),
        (DOCTOR, minutes(1), "used"),
        (DOCTOR, minutes(60), "used"),
        (DOCTOR, minutes(61), "too_long"),
        (DOCTOR, minutes(0), "expired"),
        (DOCTOR, datetime.datetime.min.replace(tzinfo=datetime.UTC), "expired"),
        (CLERK, None, "no_right"),
        (CLERK, minutes(0), "no_right"),
    ],
)
def test_whose_claims_count_and_how_long(
    who: Principal, until: datetime.datetime | None, outcome: Outcome
) -> None:
    """A key with the right, for a time that is not over and not beyond the bound."""
    glass = RULE.weigh(who, Claim(REASON, until))

    assert (glass.outcome, glass.is_broken) == (outcome, outcome == "used")
    assert glass.until == (until or minutes(60))
    if outcome != "used":
        error = refusal(glass)
        assert (error.status, error.code) == (403, "break_glass_refused")
        assert REASON not in error.message


@given(st.text(min_size=8, max_size=200).filter(str.isprintable))
def test_of_a_reason_a_code_and_its_length_are_kept(reason: str) -> None:
    """The words are in no repr; the code is the same for the same words of one tenant only."""
    claim = Claim(reason)
    glass = RULE.weigh(DOCTOR, claim)

    assert repr(claim) == "Claim(until=None)"
    assert glass.reason_chars == len(reason)
    assert glass.reason_code == RULE.weigh(CLERK, claim).reason_code
    elsewhere = Principal("ward", "other", "user", may_break_glass=True)
    assert glass.reason_code != RULE.weigh(elsewhere, claim).reason_code


def test_header_and_metadata_are_twins() -> None:
    """Either says it; when both do they must agree; who says nothing claims nothing."""
    header, twin = {b"x-nearward-break-glass": REASON.encode()}, {"nearward_break_glass": REASON}
    assert read_wishes(header, {}).break_glass == Claim(REASON)
    assert read_wishes({}, twin).break_glass == Claim(REASON)
    assert read_wishes(header, twin).break_glass == Claim(REASON)
    assert read_wishes({}, {"nearward_purpose": "x"}).break_glass is None
    with pytest.raises(BadRequest):
        read_wishes(header, {"nearward_break_glass": "another emergency"})
