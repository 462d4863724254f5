# SPDX-License-Identifier: Apache-2.0
"""Disguised spellings are undone, and every span leads back to the original characters."""

from __future__ import annotations

import base64
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.signals.privacy import Detector
from gateway.signals.privacy.detector import TRIGGERS
from gateway.signals.privacy.digits import TooDisguised
from gateway.signals.privacy.normalise import normalise
from gateway.signals.privacy.prefilter import build_prefilter
from gateway.signals.privacy.recognisers import RECOGNISERS
from policies import DataClass

DETECTOR = Detector()
IDENTIFIER = "219-09-9999"
SPELLINGS = [
    "２１９-０９-９９９９",
    "219&#45;09&#x2d;9999",
    "219%2D09%2D9999",
    "219\\u002d09\\u002d9999",
    "219\\x2d09\\x2d9999",
    "219\u201309\u20139999",
    "٢١٩-٠٩-٩٩٩٩",
    "219%252D09%252D9999",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_finds_disguised_identifiers_where_they_stand(spelling: str) -> None:
    """The span covers the disguised spelling exactly."""
    text = f"it is {spelling} ok"
    span = DETECTOR.scan(text).spans[0]

    assert text[span.start : span.end] == spelling


@given(
    st.lists(st.integers(0, len(IDENTIFIER)), max_size=12), st.sampled_from("\u200b\u00ad\ufeff")
)
def test_offsets_survive_invisible_characters(places: list[int], invisible: str) -> None:
    """Wherever invisible characters are put, the span covers the identifier in the original."""
    spelled = IDENTIFIER
    for place in sorted(places, reverse=True):
        spelled = spelled[:place] + invisible + spelled[place:]
    text = f"some words {spelled} more"
    span = DETECTOR.scan(text).spans[0]
    first, last = text.index(IDENTIFIER[0]), text.rindex(IDENTIFIER[-1])

    assert (span.start, span.end) == (first, last + 1)


@given(st.text())
def test_the_map_stays_inside_the_original(text: str) -> None:
    """Every character of the result points to a range of the original."""
    normal = normalise(text)
    for at in range(len(normal.text)):
        start, end = normal.original(at, at + 1)

        assert 0 <= start < end <= len(text)


def test_look_alikes_are_folded_in_mixed_words_only() -> None:
    """A Cyrillic letter in a Latin word becomes Latin; a Cyrillic word stays."""
    assert normalise("p\u0430ssw\u043erd").text == "password"
    assert normalise("\u0441\u043e\u0440\u043e\u043a").text == "\u0441\u043e\u0440\u043e\u043a"


def test_combining_marks_are_composed() -> None:
    """A letter with its mark apart counts as the one letter."""
    assert normalise("Jose\u0301").text == "Jos\u00e9"


def test_base64_is_read_and_the_whole_run_is_the_span() -> None:
    """An identifier inside base64, even twice encoded, marks the encoded run."""
    once = base64.b64encode(b"the social security number is 219-09-9999, keep it").decode()
    for run in (once, base64.b64encode(once.encode()).decode()):
        text = f"decode {run} please"
        span = DETECTOR.scan(text).spans[0]

        assert text[span.start : span.end] == run


@pytest.mark.parametrize(
    "run",
    [
        base64.b64encode(bytes(range(256)) * 2).decode(),
        base64.b64encode(gzip.compress(b"219-09-9999 is what it says", mtime=0)).decode(),
    ],
)
def test_what_cannot_be_decoded_is_unknown(run: str) -> None:
    """Long or compressed encoded runs could hold anything."""
    verdict = DETECTOR.scan(f"see {run}")

    assert verdict.data_class is DataClass.UNKNOWN
    assert "opaque_run" in verdict.reasons


def test_growth_is_bounded() -> None:
    """Runs that would swell the text beyond its bound are not read, and said to be unread."""
    run = base64.b64encode(b"abc def ghi " * 40).decode()
    normal = normalise("".join(run[:-4] + f"{i:04d} " for i in range(200)))

    assert len(normal.text) <= 2 * 200 * len(run) + 4_096


def test_too_many_edits_are_refused() -> None:
    """A text disguised all over is not worked on for ever."""
    with pytest.raises(TooDisguised):
        normalise("a\u200b" * 30_000)

    assert DETECTOR.scan("a\u200b" * 30_000).reasons[0] == "too_disguised"


@pytest.mark.parametrize("text", ["100%zz", "50%ff%fe", "&nosuch;", "&#99999999;", "\\u12"])
def test_broken_escapes_stay(text: str) -> None:
    """What does not decode is left as it is."""
    assert normalise(text).text == text


@pytest.mark.parametrize("columns", [16, 40, 63, 64, 76, 77])
def test_an_encoded_text_over_lines_is_read_as_one(columns: int) -> None:
    """Lines cut it where no character ends; what follows in the next line is no part of it."""
    plain = "The patient Jane Roe has the record number 48213377 and was born in March. " * 3
    run = base64.b64encode(plain.encode()).decode().rstrip("=")
    lines = "\n".join(run[at : at + columns] for at in range(0, len(run), columns))

    assert plain in normalise(f"see:\n{lines}\nThanks").text
    assert "opaque_run" not in Detector().scan(f"see:\n{lines}\nThanks").reasons
    assert Detector().scan(f"see:\n{lines}\nThanks").data_class is DataClass.PHI


def test_hexadecimal_letters_without_a_digit_are_read() -> None:
    """Some letters of Greek have none in their encoding."""
    assert Detector().scan("Μαρία Μαρία " + "λμνξλμνξ".encode().hex()) == Detector(
        prefilter=build_prefilter(TRIGGERS, len(RECOGNISERS))
    ).scan("Μαρία Μαρία " + "λμνξλμνξ".encode().hex())
