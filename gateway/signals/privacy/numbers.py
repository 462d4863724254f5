# SPDX-License-Identifier: Apache-2.0
"""Identifiers with a shape of their own: addresses of the network, phones, cards, vehicles."""

from __future__ import annotations

import ipaddress
import re

from gateway.signals.privacy import checksums
from gateway.signals.privacy.found import (
    Exact,
    Found,
    Recogniser,
    always,
    digits_of,
    first_unless,
    when,
)
from gateway.signals.privacy.verdict import Kind

# First digits and lengths of ISO/IEC 7812 issuers: Visa, Mastercard, American Express, Discover,
# JCB, Diners Club, UnionPay, Maestro.
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35\d{14}"
    r"|(?:1800|2131)\d{11}|3(?:0[0-5]|[68]\d)\d{11}|62\d{14,17}|(?:50|5[6-9]|6[0-9])\d{10,17}"
)
_LETTER = r"A-Za-z0-9\u00c0-\u024f"


def _is_card(text: str) -> bool:
    digits = text.replace(" ", "").replace("-", "")
    return _ISSUER.fullmatch(digits) is not None and checksums.luhn(digits)


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not address.is_unspecified and not address.is_loopback


def _iban(match: re.Match[str]) -> Found | None:
    chars = checksums.iban_chars(match.group())
    return Found(match.start(), match.start() + chars, Kind.ACCOUNT) if chars else None


def _phone(match: re.Match[str]) -> Found | None:
    count = len(digits_of(match.group().partition("x")[0]))
    return Found(match.start(), match.end(), Kind.PHONE) if 9 <= count <= 15 else None


def _told_phone(match: re.Match[str]) -> Found | None:
    """A number with its kind behind it; "(69) 948-538 office"."""
    kind = Kind.FAX if match.group(2) == "fax" else Kind.PHONE
    count = len(digits_of(match.group(1).partition("x")[0]))
    return Found(match.start(1), match.end(1), kind) if 6 <= count <= 15 else None


def _cued_phone(match: re.Match[str]) -> Found | None:
    kind = Kind.FAX if "fax" in match.group(1).lower() else Kind.PHONE
    count = len(digits_of(match.group(2)))
    return Found(match.start(2), match.end(2), kind) if 7 <= count <= 15 else None


def _is_vin(text: str) -> bool:
    return not text.isdecimal() and not text.isalpha() and checksums.vin(text)


_PHONE_CUE = (
    r"phone|telephone|tel|cell|mobile|fax|facsimile|pager|call|contact|whatsapp|text|reach\w{0,2}"
    r"|answering|messages?|dial|ring|desk|t[ée]l[ée]phone|t[ée]l[ée]fono|telefono"
    r"|telefone|telefon|handy|móvil|celular|điện thoại|dien thoai|dianhua"
)

_OF_ADDRESS, _OF_SSN = first_unless(r"\w.-", "0-9"), first_unless(r"\d-", "0-8")
_TRIGGER_CUE = re.sub(r"\[[eé]{2}\]|[^\x00-\x7f]", ".", _PHONE_CUE)

# Hosts without a scheme, where a path or a query behind them tells whose page it is.
_TOP_LEVEL = (
    r"com|org|net|edu|gov|io|me|co|info|health|care|clinic|app|example|test|uk|ie|de|fr|es|it|pt|nl|be|at|ch"
    r"|br|mx|ar|ca|au|nz|in|vn|ph|za|ng|ke|us|eu"
)
_PLATE_CUE = (
    r"plates?|registration|reg(?:istration)? (?:no|number|plate)|kennzeichen|immatriculation"
    r"|matr.cula|targa|placa|kenteken"
)


def _has_both(match: re.Match[str]) -> Found | None:
    """Letters and digits: "KX19 ZTD"."""
    text = match.group(1)
    if text.isalpha() or not any(map(str.isalpha, text)):
        return None
    return Found(match.start(1), match.end(1), Kind.VEHICLE, is_strong=False)


RECOGNISERS = (
    Recogniser(
        "plate",
        rf"(?i:{_PLATE_CUE})(?i:[ :#\"']|is|no\.?|was|number|reads){{1,12}}[ \"'#]?[A-Z0-9]",
        Exact(
            rf"\b(?i:{_PLATE_CUE})"
            r"(?:(?i: is| no\.?| was| number|:| #| reads)){0,3}[ \"'#]{1,3}"
            r"([A-Z]{1,3}[ -]?[A-Z]{0,2}[ -]?\d{1,4}[ -]?[A-Z]{0,3}"
            r"|\d{1,4}[ -]?[A-Z]{1,3}[ -]?\d{0,4})"
            r"(?![\w-])"
        ),
        _has_both,
        needs_digit=True,
    ),
    Recogniser(
        "url_bare",
        rf"(?i)[a-z0-9-]\.(?:{_TOP_LEVEL})/[^\x00-\x20]",
        Exact(
            r"(?<![\w@./:-])(?:[a-z0-9](?:[a-z0-9-]{0,62})\.){1,5}"
            rf"(?:{_TOP_LEVEL})/[^\x00-\x20<>\"'`|\\^{{}}\[\]]{{3,300}}(?<![.,;:!?)])"
        ),
        always(Kind.URL, is_strong=False),
        is_lowered=True,
    ),
    Recogniser(
        "email",
        r"[^\x00-\x20\"<>@,;:()]@[a-zA-Z0-9\x80-\xff]",
        Exact(
            rf"(?<![{_LETTER}._%+-])[{_LETTER}][{_LETTER}._%+'-]{{0,63}}@"
            rf"(?:[{_LETTER}][{_LETTER}-]{{0,62}}\.){{1,5}}[A-Za-z\u00c0-\u024f]{{2,24}}"
        ),
        always(Kind.EMAIL),
    ),
    Recogniser(
        "url",
        r"(?i)://[^\x00-\x20]|www\.[^\x00-\x20]",
        Exact(
            r"(?i)(?:\b[a-z][a-z0-9+.-]{1,15}://|\bwww\.)[^\x00-\x20<>\"'`|\\^{}\[\]]{2,900}(?<![.,;:!?)])"
        ),
        when(lambda text: "." in text or "localhost" not in text, Kind.URL),
    ),
    Recogniser(
        "ipv4",
        r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
        Exact(rf"{_OF_ADDRESS}\d{{0,2}}(?:\.\d{{1,3}}){{3}}(?![\w-]|\.\d)"),
        when(_is_address, Kind.IP),
    ),
    Recogniser(
        "ipv6",
        r"(?i)[0-9a-f]:[0-9a-f]{0,4}:",
        Exact(r"(?i)(?<![\w:.])[0-9a-f]{1,4}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{0,4}(?![\w:])"),
        when(lambda text: len(text) > 8 and _is_address(text), Kind.IP),
    ),
    Recogniser(
        "ssn",
        r"[0-9]{3}(?:[-. ]| - )[0-9]{2}(?:[-. ]| - )[0-9]{4}",
        Exact(
            rf"{_OF_SSN}(?!(?<=0)00|(?<=6)66)\d{{2}}([-. ]| - )(?!00)\d{{2}}\1(?!0000)\d{{4}}"
            r"(?![\d-]\d|\d)"
        ),
        always(Kind.SSN),
    ),
    Recogniser(
        "card",
        r"(?:[0-9][ -]?){11}[0-9]",
        Exact(r"(?<![\d.])(?:\d[ -]?){11,18}\d(?!\d)"),
        when(_is_card, Kind.CARD),
    ),
    Recogniser(
        "iban",
        r"[A-Z][A-Z][0-9][0-9]",
        Exact(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
        _iban,
    ),
    Recogniser(
        "vin",
        r"[A-HJ-NPR-Z0-9]{17}",
        Exact(r"\b[A-HJ-NPR-Z0-9]{17}\b"),
        when(_is_vin, Kind.VEHICLE),
    ),
    Recogniser(
        "phone_cued",
        rf"(?i)\b(?:{_TRIGGER_CUE})(?:[^a-z]|n|i?s|was|to|at|me|us|h|the|on|line)",
        Exact(
            rf"\b({_PHONE_CUE})(?:[ \t_-]{{0,2}}(?:number|num|no\.?|nr\.?|#|is|was|to|at|me|us"
            r"|him|her|them|on|today|line)){0,4}[ \t\n\"':=.,(+#]{0,6}"
            r"(\d(?:[ ()./-]{0,3}\d){6,14})(?![\d]|\.\d)"
        ),
        _cued_phone,
        is_lowered=True,
        needs_digit=True,
        leads=True,
    ),
    Recogniser(
        "phone",
        r"[0-9]{3}(?:\)|[-. /])[-. ]?[0-9]{3}[-. ][0-9]{4}",
        Exact(
            r"(?<![\w./-])(?:\+?\d{1,3}[ .-])?"
            r"(?:\(\d{3}\)[ .-]?|\d{3}[-./]|[2-9]\d\d (?=[2-9]\d\d ))"
            r"\d{3}[-. ]\d{4}(?:x\d{1,6})?(?!\w|-\d)"
        ),
        _phone,
    ),
    Recogniser(
        "phone_spaced",
        r"(?:\([0-9]{2,4}\) ?|\b0[0-9]{1,4}[ ./-])[0-9]{2,4}[ ./-]?[0-9]{2,4}",
        Exact(
            r"(?<![\w.+/-])(?:\(\d{2,4}\) ?|0[1-9]\d{0,3}[ ./-])\d{2,4}(?:[ ./-]?\d{2,4}){1,4}"
            r"(?!\w|-\d)"
        ),
        _phone,
    ),
    Recogniser(
        "phone_groups",  # in three groups, as Spanish and Mexican ones; thousands end in zeros
        r"[0-9]{2,3} [0-9]{3,4} [0-9]{3,4}",
        Exact(
            r"(?<![\w.,$/+-])(?<!\d )(?:[6-9]\d\d \d{3} (?!000)\d{3}|[1-9]\d \d{4} \d{4})"
            r"(?![\w/%-]|[ .,]\d)"
        ),
        always(Kind.PHONE, is_strong=False),
        needs_digit=True,
    ),
    Recogniser(
        "email_spelled",
        r"(?i)at[\])]? ?[a-z0-9-]{2,40} ?[\[(]?dot",
        Exact(
            r"(?<![\w@])[a-z0-9_]{1,40}(?:(?: ?[\[(]?dot[\])]? ?|\.)[a-z0-9_]{1,40}){0,3}"
            r"(?: ?[\[(]at[\])] ?| at )[a-z0-9-]{2,40}(?: ?[\[(]dot[\])] ?| dot )"
            r"(?:[a-z]{2,12} dot )?(?:com|org|net|edu|gov|uk|ie|de|fr|es|nl|br|mx|ca|au|nz)\b"
        ),
        always(Kind.EMAIL),
        is_lowered=True,
    ),
    Recogniser(
        "phone_country",
        r"(?:\+|00[1-9])[0-9]{0,3}[ .(-]?[0-9(]",
        Exact(
            r"(?<![\w+.-])(?:\+\d{1,3}|00[1-9]\d{0,2})(?:[ .-]?\(?\d{1,5}\)?){2,6}"
            r"(?:x\d{1,6})?(?!\w)"
        ),
        _phone,
    ),
    Recogniser(
        "phone_told",
        r"(?i)[0-9]\)?[ -]{1,2}(?:office|fax|mobile|cell|home|work)",
        Exact(
            r"(?<![\w+./-])(\(?\d{1,4}\)?(?:[ .-]?\(?\d{2,5}\)?){1,5}(?:x\d{1,6})?)"
            r"[ -]{1,2}(office|fax|mobile|cell|home|work)\b"
        ),
        _told_phone,
        is_lowered=True,
    ),
)
