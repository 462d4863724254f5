# SPDX-License-Identifier: Apache-2.0
"""Placeholders are random, typed, consistent, and cannot be confused with anything."""

from __future__ import annotations

import re

import pytest

from gateway.redaction.placeholders import LABELS, LETTERS, NoFreeLetters, Vault, draw_nonce
from gateway.signals.privacy import Detector, Kind


def test_letters_are_drawn_for_each_request() -> None:
    """Six of the letters, by chance."""
    drawn = {draw_nonce("") for _ in range(50)}
    assert len(drawn) > 45
    assert all(re.fullmatch(f"[{LETTERS}]{{6}}", nonce) for nonce in drawn)


def test_letters_that_stand_in_the_text_are_drawn_again() -> None:
    """In any case: a caller's own "[NAME_1_jjjjjj]" is no placeholder of ours."""
    letters = iter("JJJJJJKKKKKK")
    assert draw_nonce("a jjjjjj b", lambda _: next(letters)) == "KKKKKK"
    with pytest.raises(NoFreeLetters):
        draw_nonce("JJJJJJ", lambda _: "J")


def test_no_kind_begins_with_a_letter_of_the_random_part() -> None:
    """So no placeholder can begin inside another one."""
    assert {label[0] for label in LABELS.values()}.isdisjoint(LETTERS)
    assert all(label.isalpha() and label.isupper() for label in LABELS.values())
    assert len(set(LABELS.values())) == len(Kind)


def test_the_same_value_gets_the_same_placeholder() -> None:
    """White space aside; and case aside in names and places only."""
    vault = Vault("KXQTJW")
    first = vault.core(Kind.NAME, "Jane Roe")
    assert first == "NAME_1_KXQTJW"
    assert vault.core(Kind.NAME, "JANE \n ROE") == first
    assert vault.core(Kind.NAME, "Jane Doe") == "NAME_2_KXQTJW"
    assert vault.core(Kind.MRN, "ab12") == "MRN_1_KXQTJW"
    assert vault.core(Kind.MRN, "AB12") == "MRN_2_KXQTJW"
    assert vault.core(Kind.HEALTH_PLAN, "X1") == "PLAN_1_KXQTJW"
    assert vault.originals[first] == "Jane Roe"
    assert vault.counts == {"NAME": 3, "MRN": 2, "HEALTH_PLAN": 1}


def test_nothing_in_a_placeholder_comes_from_the_value() -> None:
    """Other values in their place give the same placeholders (45 CFR 164.514(c))."""
    one, other = Vault("KXQTJW"), Vault("KXQTJW")
    assert [one.core(kind, f"a{number}") for number, kind in enumerate(Kind)] == [
        other.core(kind, f"zz{number}") for number, kind in enumerate(Kind)
    ]


def test_a_vault_goes_on_where_it_was_closed() -> None:
    """With the same letters, numbers and spellings; values of this request alone are on show."""
    first = Vault("KXQTJW")
    first.core(Kind.NAME, "Jane Roe")
    first.core(Kind.MRN, "ab12")
    again = Vault.opened(first.closed())
    assert again is not None
    assert (again.originals, again.counts) == ({}, {})
    assert again.core(Kind.NAME, "JANE ROE") == "NAME_1_KXQTJW"
    assert again.core(Kind.NAME, "Ann Lee") == "NAME_2_KXQTJW"
    assert again.originals == {"NAME_1_KXQTJW": "Jane Roe", "NAME_2_KXQTJW": "Ann Lee"}


@pytest.mark.parametrize("data", [b"", b"7", b"[]", b"[1, 2, 3, 4]", b'["a", {}, {}]'])
def test_what_is_no_vault_is_none(data: bytes) -> None:
    """An older or damaged one is as if it had never been."""
    assert Vault.opened(data) is None


def test_a_vault_shows_no_values() -> None:
    """What is printed by accident says nothing."""
    vault = Vault("KXQTJW")
    vault.core(Kind.NAME, "Jane Roe")
    assert "Jane" not in repr(vault)


def test_no_detector_sees_more_than_the_placeholder() -> None:
    """Else nothing could be judged again. What it sees within one counts for nothing."""
    detector = Detector()
    for kind in Kind:
        said = f"[{Vault(draw_nonce('')).core(kind, 'x')}]"
        text = f"Please see {said} about the diabetes."
        start = text.index(said)
        for span in detector.scan(text, "ident").spans:
            assert start <= span.start < span.end <= start + len(said), text
