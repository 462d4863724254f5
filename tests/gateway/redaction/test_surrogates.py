# SPDX-License-Identifier: Apache-2.0
"""Surrogates keep a format, are nobody's, say nothing of the value, and come back."""

from __future__ import annotations

import ipaddress
import re
import secrets

import pytest

from gateway.redaction.copy import Redacted
from gateway.redaction.placeholders import Vault
from gateway.redaction.redactor import Redactor
from gateway.redaction.surrogates import SHAPE, draw_surrogate
from gateway.signals.privacy import Detector, Kind
from gateway.streaming.restoration import Restoration
from policies.model import IDENTIFIERS
from tests.gateway.fakes import chat_request

NONCE = "KXQTJW"
FORMS = {
    Kind.PHONE: r"[2-9](?!11)\d\d-555-01\d\d",
    Kind.FAX: r"[2-9](?!11)\d\d-555-01\d\d",
    Kind.SSN: r"000-\d\d-\d{4}",
    Kind.EMAIL: r"mail7\.kxqtjw@example\.org",
    Kind.IP: r"[0-9.]+\.[12]\d\d",
}
TEXT = (
    "The patient Jane Hollander has diabetes. Call (415) 723-8800 or 415-723-8801, write to"
    " jane.h@mercy-west.com, SSN 521-44-9023, host 10.4.4.19; fax 415-723-8899."
)


@pytest.mark.parametrize("kind", Kind)
def test_each_is_from_a_range_that_is_nobodys(kind: Kind) -> None:
    """And kinds without such a range have none."""
    for _ in range(300):
        drawn = draw_surrogate(kind, 7, NONCE, secrets.randbelow)
        if kind not in FORMS:
            assert drawn is None
            continue
        assert drawn and re.fullmatch(FORMS[kind], drawn), drawn
        assert re.fullmatch(SHAPE, drawn)
        if kind is Kind.IP:
            assert not ipaddress.ip_address(drawn).is_global


def vault(text: str = "") -> Vault:
    return Vault(NONCE, text, keeps_format=True)


def test_the_same_value_gets_the_same_surrogate() -> None:
    """Also a turn later; another value another one."""
    first = vault()
    phone = first.written(Kind.PHONE, "415 723 8800")
    assert first.written(Kind.PHONE, "415  723 8800") == phone
    assert first.written(Kind.PHONE, "415 723 8801") != phone
    assert first.written(Kind.NAME, "Jane Roe") == f"[NAME_1_{NONCE}]"
    assert first.core(Kind.PHONE, "415 723 8800") == f"PHONE_3_{NONCE}"  # for names of functions
    assert first.counts == {"PHONE": 4, "NAME": 1}
    again = Vault.opened(first.closed(), keeps_format=True)
    assert again is not None
    assert again.written(Kind.PHONE, "415 723 8800") == phone
    assert again.originals == {phone: "415 723 8800"}
    assert (Kind.PHONE, "415 723 8801") in again.values(frozenset({"PHONE"}))


def test_what_stands_in_the_request_is_never_drawn() -> None:
    """So nothing that the caller wrote is taken for one. Where all are taken it is typed."""
    taken = " ".join(f"{net}.{last}" for net in ("192.0.2", "198.51.100") for last in range(256))
    drawn = {vault(taken).written(Kind.IP, "10.4.4.19") for _ in range(200)}
    assert not any(each in taken for each in drawn)
    full = vault(f"{taken} " + " ".join(f"203.0.113.{last}" for last in range(256)))
    assert full.written(Kind.IP, "10.4.4.19") == f"[IP_1_{NONCE}]"


async def redacted(text: str, **body: object) -> Redacted:
    made = Redactor(Detector(), lambda _: False, keeps_format=True)
    done = await made.redact(chat_request(text, **body), IDENTIFIERS)
    assert isinstance(done, Redacted), done
    return done


async def test_a_copy_keeps_formats_and_comes_back() -> None:
    """It passes the second look, though a detector sees a telephone number in it."""
    done = await redacted(TEXT)
    sent = done.body["messages"][-1]["content"]
    for value in ("Hollander", "723", "mercy", "521-44", "10.4.4.19"):
        assert value not in str(done.body)
    assert re.search(
        rf"Call {FORMS[Kind.PHONE]} or {FORMS[Kind.PHONE]}, write to mail\d\.\w+@example\.org, ",
        sent,
    )
    assert re.search(r"The patient \[NAME_1_[A-Z]{6}\] has", sent)
    assert Restoration(done.originals).whole(sent) == TEXT


async def test_other_values_give_copies_of_the_same_shape() -> None:
    """Nothing in a surrogate is made of the value (45 CFR 164.514(c))."""
    other = TEXT.replace("723", "246").replace("521-44-9023", "428-61-1177")
    shapes = {
        re.sub(r"\d", "0", re.sub("[A-Z]{6}|[a-z]{6}@", "", str((await redacted(each)).body)))
        for each in (TEXT, other)
    }
    # Of the networks one has more digits than another.
    assert len({re.sub(r"0+\.0+\.0+\.000", "ip", shape) for shape in shapes}) == 1


async def test_a_number_of_the_caller_beside_a_surrogate_is_still_found() -> None:
    """The second look counts for everything that is not ours."""
    done = await redacted(TEXT, metadata={"callback": "ask 201-555-0143 or 415-723-8802"})
    assert "415-723-8802" not in str(done.body)
    assert "201-555-0143" not in str(done.body["metadata"]) or "201-555-0143" in done.originals
