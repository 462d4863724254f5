# SPDX-License-Identifier: Apache-2.0
"""What was found once is found everywhere, and no more than that."""

from __future__ import annotations

import pytest

from gateway.redaction.occurrences import Occurrences
from gateway.signals.privacy import Kind

COMMON = {"will", "may", "the", "rose"}


def found(values: list[tuple[Kind, str]], text: str) -> list[str]:
    everywhere = Occurrences(values, COMMON.__contains__)
    return [text[span.start : span.end] for span in everywhere.find(text)]


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ((Kind.NAME, "Jane Roe"), "jane  ROE, Roe; Jane\nRoe", ["jane  ROE", "Roe", "Jane\nRoe"]),
        ((Kind.NAME, "Jane Roe"), "Roentgen and Janet", []),
        ((Kind.NAME, "Will"), "Will will", ["Will"]),
        ((Kind.NAME, "Will May"), "will may, May will", ["will may"]),
        ((Kind.NAME, "Al Wu-Roe"), "Wu Al roe", ["roe"]),
        ((Kind.MRN, "ab-12"), "AB-12 ab-123 xab-12", ["AB-12"]),
        ((Kind.PHONE, "(415) 555-2671"), "call (415)  555-2671.", ["(415)  555-2671"]),
        ((Kind.GEO, "Rose Street"), "Street rose street", ["rose street"]),
    ],
)
def test_values_are_found_word_by_word(
    value: tuple[Kind, str], text: str, expected: list[str]
) -> None:
    """Whatever white space and case; parts of names too; ordinary words in their own case only."""
    assert found([value], text) == expected


def test_the_longest_value_wins() -> None:
    """And finds do not overlap."""
    values = [(Kind.NAME, "Jane"), (Kind.NAME, "Jane Roe"), (Kind.NAME, "Roe Jane")]
    assert found(values, "Jane Roe Jane") == ["Jane Roe", "Jane"]


@pytest.mark.parametrize(
    ("value", "text", "stands"),
    [
        ("Hollander", "xhollanderx", True),
        ("Roe", "Roentgen", False),  # too short to say
        ("Hollander", "Holland", False),
    ],
)
def test_long_values_may_not_stand_inside_words(value: str, text: str, stands: bool) -> None:
    """What could not be cut out is noticed."""
    assert Occurrences([(Kind.NAME, value)], COMMON.__contains__).stand_in(text) is stands


def test_an_ordinary_word_may_stand_in_small_letters() -> None:
    """A surname that is a word keeps nobody at home by its small spelling."""
    everywhere = Occurrences([(Kind.NAME, "Summers")], {"summers"}.__contains__)
    assert not everywhere.stand_in("two summers ago")
    assert everywhere.stand_in("two Summers ago")
