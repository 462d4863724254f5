# SPDX-License-Identifier: Apache-2.0
"""Spelled and spaced digits, marks inside words and hexadecimal are read like plain text."""

from __future__ import annotations

import base64

import pytest

from gateway.signals.privacy import Detector, Kind
from gateway.signals.privacy.normalise import normalise

DETECTOR = Detector()


@pytest.mark.parametrize(
    ("kind", "marked"),
    [
        (Kind.SSN, "it is [two one nine oh nine nine nine nine nine] ok"),
        (Kind.SSN, "it is [two one nine, zero nine, nine nine nine nine] ok"),
        (Kind.SSN, "it is [Two-One-Nine dash zero nine dash nine nine nine nine] ok"),
        (Kind.SSN, "es [dos uno nueve cero nueve nueve nueve nueve nueve] sí"),
        (Kind.SSN, "es ist [zwei eins neun null neun neun neun neun neun] ja"),
        (Kind.SSN, "it is [2 1 9 0 9 9 9 9 9] ok"),
        (Kind.SSN, "it is [2 1 9 - 0 9 - 9 9 9 9] ok"),
        (Kind.PHONE, "ring [2.1.2.5.5.5.0.1.4.2] now"),
        (Kind.MRN, "MRN: [four eight two one three three]"),
        (Kind.MRN, "MRN: **[4821330]**"),
        (Kind.SSN, "it is [219-**09**-9999] ok"),
        (Kind.SSN, "it is [219-<b>09</b>-9999] ok"),
        (Kind.NAME, "patient is [R o s e   T e m b o], 41"),
        (Kind.NAME, "patient is [R o s e T e m b o], 41"),
        (Kind.NAME, "[M-a-h-m-o-u-d E-l-s-h-a-r-k-a-w-y] has gout"),
        (Kind.NAME, "seen [J.o.h.n S.m.i.t.h] for gout"),
    ],
)
def test_disguised_numbers_are_found_where_they_stand(kind: Kind, marked: str) -> None:
    """The span covers the disguised spelling exactly."""
    start, end = marked.index("["), marked.index("]") - 1
    text = marked.replace("[", "").replace("]", "")

    assert (start, end, kind) in [(s.start, s.end, s.kind) for s in DETECTOR.scan(text).spans]


@pytest.mark.parametrize(
    "text",
    [
        "count one two three four five six seven eight nine ten",
        "nine eight seven six five four three two one",
        "row 1 0 0 1 0 1 1 0 1 of the matrix",
        "null null null null null null null null null",
        "one or two of the three",
        "1 2 3 4 5 6 7 8 9",
        "x = 2**10 and a__b",
        "options a b c d e or bases A C G T A C",
    ],
)
def test_counting_is_no_number(text: str) -> None:
    """Series, bits and ordinary words give nothing."""
    assert DETECTOR.scan(text).spans == ()


def encoded(text: str) -> list[str]:
    data = text.encode()
    return [data.hex(), data.hex(" "), data.hex(":"), "0x" + data.hex().upper()]


@pytest.mark.parametrize("run", encoded("ssn 219-09-9999"))
def test_hexadecimal_is_read_and_the_whole_run_is_the_span(run: str) -> None:
    """Text as hexadecimal digits, together or in pairs."""
    text = f"decode {run} please"
    span = DETECTOR.scan(text).spans[0]

    assert text[span.start : span.end] == run


def test_short_base64_is_read_when_it_is_nothing_else() -> None:
    """An identifier alone is short; words and hashes in the same alphabet are left."""
    run = base64.b64encode(b"SSN 219-09-9999").decode()
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

    assert DETECTOR.scan(f"decode {run}").spans[0].kind is Kind.SSN
    for word in ("internationalization", "getElementsByTagName2", digest):
        assert normalise(word).text == word
