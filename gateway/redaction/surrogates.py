# SPDX-License-Identifier: Apache-2.0
"""Placeholders in the format of what they stand for, from ranges that are nobody's.

    kind          form                        who keeps the range free
    PHONE FAX     NPA-555-0100 to -0199       North American Numbering Plan: fiction
    SSN           000-GG-SSSS                 Social Security Administration: never issued
    EMAIL         mail1.kxqtjw@example.org    RFC 2606
    IP            192.0.2.100 and two more    RFC 5737: documentation

Drawn at random, never from the value (45 CFR 164.514(c)). None can begin inside another or be the
beginning of one, so a stream can be restored in one pass. Names, dates, places, addresses of pages
and record numbers have no range that is nobody's: for them there is none (ADR 57).
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.signals.privacy import Kind

Below = Callable[[int], int]
SHAPE = (
    r"[2-9][0-9]{2}-555-01[0-9]{2}|000-[0-9]{2}-[0-9]{4}|mail[0-9]{1,6}\.[a-z]{6}@example\.org"
    r"|(?:192\.0\.2|198\.51\.100|203\.0\.113)\.[12][0-9]{2}"
)
"""A pattern of every surrogate, in small letters; what has the shape need not be one."""
_NETS = ("192.0.2", "198.51.100", "203.0.113")


def draw_surrogate(kind: Kind, number: int, nonce: str, below: Below) -> str | None:
    """One for a value of this kind, the `number`th; None where there is no safe form.

    `below(n)` draws from 0 to n - 1.
    """
    if kind in (Kind.PHONE, Kind.FAX):
        return f"{_area(below)}-555-01{below(100):02}"
    if kind is Kind.SSN:
        return f"000-{below(100):02}-{below(10_000):04}"
    if kind is Kind.EMAIL:
        return f"mail{number}.{nonce.lower()}@example.org"
    if kind is Kind.IP:
        return f"{_NETS[below(len(_NETS))]}.{100 + below(155)}"
    return None


def _area(below: Below) -> str:
    """Of three digits as area codes have them, the service codes (211, 911) left out."""
    last = below(99)
    return f"{2 + below(8)}{last + (last >= 11):02}"
