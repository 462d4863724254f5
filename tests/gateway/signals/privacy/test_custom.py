# SPDX-License-Identifier: Apache-2.0
"""What an operator adds is found, and cannot hurt."""

from __future__ import annotations

import pytest

from gateway.signals.privacy import Detector, Kind, RememberingDetector, Span
from gateway.signals.privacy.custom import Allowed, BadPattern, CustomPattern, CustomStage
from policies import DataClass

BADGE = CustomPattern("badge", r"\bXQ-[0-9]{3}\b", Kind.LICENSE)
DETECTOR = Detector(
    custom=CustomStage([BADGE], deny=["Project Heron", "c++", "straße"]),
    allowed=Allowed(["Ngozi", "St. Elsewhere Hospital"]),
)
PLAIN = Detector()


def kinds(detector: Detector, text: str) -> list[str]:
    return [span.kind for span in detector.scan(text).spans]


def test_a_pattern_is_found_in_the_plainest_text() -> None:
    """Nothing else is there that would make the detector look closer."""
    text = "the ticket is XQ-123 or so"

    assert PLAIN.scan(text).spans == ()
    assert DETECTOR.scan(text).spans == (Span(14, 20, Kind.LICENSE),)
    assert DETECTOR.scan(text).data_class is DataClass.PII


def test_denied_words_are_found_without_regard_to_case() -> None:
    """As whole words, with signs and letters beyond ASCII too."""
    assert kinds(DETECTOR, "about project heron") == [Kind.OTHER_ID]
    assert kinds(DETECTOR, "about project herons") == []
    assert kinds(DETECTOR, "i like C++ best") == [Kind.OTHER_ID]
    assert kinds(DETECTOR, "\u00fcber die Stra\u00dfe") == [Kind.OTHER_ID]


def test_a_weak_pattern_needs_a_health_context() -> None:
    """As a date does."""
    weak = Detector(custom=CustomStage([CustomPattern("w", "heron", Kind.NAME, is_strong=False)]))

    assert weak.scan("the heron is what we like").data_class is DataClass.PUBLIC
    assert weak.scan("the heron is sick with asthma").data_class is DataClass.PHI


def test_allowed_words_are_no_findings() -> None:
    """Only as a whole finding: beside another word they are part of a name."""
    assert kinds(PLAIN, "Ngozi wants to stop her insulin") == [Kind.NAME]
    assert kinds(DETECTOR, "Ngozi wants to stop her insulin") == []
    assert kinds(DETECTOR, "Ngozi Zorvanek wants to stop her insulin") == [Kind.NAME]


def test_no_word_makes_a_secret_harmless() -> None:
    """Cards, social security numbers and secrets stay what they are."""
    allowed = Allowed(["536-22-8145", "4111 1111 1111 1111"])
    detector = Detector(allowed=allowed)

    assert kinds(detector, "ssn 536-22-8145, card 4111 1111 1111 1111") == [Kind.SSN, Kind.CARD]


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"(?=a)b", "RE2"),
        (r"(a)\1", "RE2"),
        ("[", "RE2"),
        ("x*", "empty text"),
        ("", "1 to 512"),
        ("a" * 513, "1 to 512"),
        ("(?:(?:(?:a{1,100}){1,100}){1,100}){1,9}", "RE2"),
    ],
)
def test_patterns_that_cannot_be_used(pattern: str, problem: str) -> None:
    """What could cost too much, or would match everywhere, is refused by name."""
    with pytest.raises(BadPattern, match=problem):
        CustomStage([CustomPattern("mine", pattern)])


@pytest.mark.parametrize("words", [["x"], [" "], ["a" * 513], [f"word{n}" for n in range(2_001)]])
def test_words_that_cannot_be_used(words: list[str]) -> None:
    """Too short, too long, too many."""
    with pytest.raises(BadPattern):
        CustomStage(deny=words)
    with pytest.raises(BadPattern):
        Allowed(words)


def test_too_many_patterns() -> None:
    """Each reads the whole text."""
    with pytest.raises(BadPattern, match="64"):
        CustomStage([BADGE] * 65)


def test_a_pattern_that_would_explode_elsewhere_does_not_here() -> None:
    """Python's `re` would need longer than the universe has."""
    detector = Detector(custom=CustomStage([CustomPattern("evil", "(a+)+$")]))

    assert detector.scan("a" * 50_000 + "b").reasons == ()


def test_the_version_tells_whose_words_they_are() -> None:
    """It stands in audit records; and what is remembered stays apart by object."""
    assert len({PLAIN.version, DETECTOR.version}) == 2
    assert Detector(custom=CustomStage(), allowed=Allowed()).version == PLAIN.version
    assert RememberingDetector(DETECTOR).version == DETECTOR.version
