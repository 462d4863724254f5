# SPDX-License-Identifier: Apache-2.0
"""Check digits: published examples pass, one changed character fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.signals.privacy import checksums

EXAMPLES = [
    (checksums.luhn, "4111111111111111", "4111111111111112"),
    (checksums.vin, "1M8GDM9AXKP042788", "1M8GDM9A1KP042788"),
    (checksums.vin, "11111111111111111", "1111111111111111"),
    (checksums.dea, "AB1234563", "AB1234564"),
    (checksums.dea, "AB1234563", "AB12345"),
    (checksums.npi, "1234567893", "1234567894"),
    (checksums.npi, "1234567893", "123456789"),
    (checksums.iban_chars, "GB82WEST12345698765432", "GB82WEST12345698765433"),
    (checksums.iban_chars, "GB82WEST12345698765432", "GB82"),
    (checksums.nhs, "9434765919", "9434765918"),
    (checksums.nhs, "9434765919", "943476591"),
    (checksums.dni, "12345678Z", "12345678A"),
    (checksums.ppsn, "1234567FA", "1234567GA"),
    (checksums.ppsn, "1234567T", "1234567S"),
    (checksums.nir, "255081416802538", "255081416802539"),
]


@pytest.mark.parametrize(("check", "good", "bad"), EXAMPLES)
def test_accepts_the_right_digit_only(check: Callable[[str], bool], good: str, bad: str) -> None:
    """A valid number passes and its corrupted twin does not."""
    assert check(good)
    assert not check(bad)


def test_an_iban_ends_where_its_number_adds_up() -> None:
    """Behind it may stand words that look like further groups."""
    iban = "GB82 WEST 1234 5698 7654 32"
    for behind in ("", " PAID", " INTO ACCT"):
        assert checksums.iban_chars(iban + behind) == len(iban)
