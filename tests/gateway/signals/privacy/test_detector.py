# SPDX-License-Identifier: Apache-2.0
"""The class of a verdict, by mode; failing closed; bounds on time and size."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.signals.privacy import Detector, Kind, Mode, Span
from gateway.signals.privacy.detector import MAX_CHARS
from gateway.signals.privacy.found import Found
from gateway.signals.privacy.model import Model
from gateway.signals.privacy.prefilter import Places, Prefilter
from gateway.signals.privacy.recognisers import Document
from policies import DataClass

DETECTOR = Detector()
CASES: list[tuple[str, Mode, DataClass]] = [
    ("What is the capital of Peru?", "auto", DataClass.PUBLIC),
    ("Side effects of lisinopril in hypertension?", "phi", DataClass.PUBLIC),
    ("write to jane.roe@example.org", "auto", DataClass.PII),
    ("write to jane.roe@example.org", "phi", DataClass.PII),
    ("write to jane.roe@example.org", "ident", DataClass.PHI),
    ("her diagnosis: write to jane.roe@example.org", "auto", DataClass.PHI),
    ("jane.roe@example.org takes lisinopril", "phi", DataClass.PHI),
    ("we met on 03/04/2022", "auto", DataClass.PUBLIC),
    ("we met on 03/04/2022", "ident", DataClass.PHI),
    ("admitted with pneumonia on 03/04/2022", "auto", DataClass.PHI),
    ("el correo de mi madre es jane.roe@example.org", "auto", DataClass.PHI),
    ("ее почта jane.roe@example.org, напиши ей сегодня", "auto", DataClass.PHI),
    ("\u674e\u4f1f has diabetes, which diet suits him best?", "auto", DataClass.PHI),
    ("Ngozi Zorvanek wants to move to Spain", "auto", DataClass.PII),
    ("Ngozi Zorvanek wants to move to Spain", "phi", DataClass.PII),
    ("Ngozi wants to move to Spain", "auto", DataClass.PUBLIC),
    ("Ngozi wants to stop her insulin", "auto", DataClass.PHI),
    ("Ngozi wants to move to Spain", "ident", DataClass.PHI),
    ("Ngozi quiere volver a su casa con la familia", "auto", DataClass.PHI),
    ("Does Crohn's disease run in families?", "ident", DataClass.PUBLIC),
    ("What did Marie Curie die of? Was it leukemia?", "ident", DataClass.PUBLIC),
    ("Refer Priyanka Chatterjee-Rao for recurrent UTIs", "auto", DataClass.PHI),
    ("Provide exercises for Kasimir, who has panic attacks", "auto", DataClass.PHI),
    ("Write to Ombretta: la paziente lamenta cefalea", "auto", DataClass.PHI),
    ("Can you help Nhung with her b\u1ec7nh, please", "auto", DataClass.PHI),
    ("What do I tell Temperance, who can't sleep since the operation?", "auto", DataClass.PHI),
    ("Is Mateusz all right? He swallowed a button battery", "auto", DataClass.PHI),
    ("Ombretta put a disk of 2 TB into the box", "auto", DataClass.PUBLIC),
    ("Tell Ombretta that the kernel panics at 25 bps", "auto", DataClass.PUBLIC),
    ("card 4111 1111 1111 1111", "auto", DataClass.PCI),
    ("patient jane.roe@example.org password: hunter2", "auto", DataClass.SECRET),
    ("\x00\x01\x02\x03 junk", "auto", DataClass.UNKNOWN),
    ("\ud800\ud801", "auto", DataClass.UNKNOWN),
]


class Broken:
    """A stage that fails."""

    name = "broken"

    def find(self, document: Document) -> Iterable[Found]:
        raise RuntimeError(document.text)


class Everywhere:
    """A stage that finds something at each character."""

    name = "everywhere"

    def find(self, document: Document) -> Iterable[Found]:
        return (Found(i, i + 1, Kind.NAME) for i in range(len(document.text)))


@pytest.mark.parametrize(("text", "mode", "expected"), CASES)
def test_class_of_a_text(text: str, mode: Mode, expected: DataClass) -> None:
    """Identifier, health context, language and mode together give the class."""
    assert DETECTOR.scan(text, mode).data_class is expected


def test_a_failing_stage_is_unknown_and_tells_no_text() -> None:
    """Its findings are missing, so nothing may be assumed; the code names the stage only."""
    verdict = Detector(stages=lambda _: (Broken(),)).scan("Jane")

    assert verdict.data_class is DataClass.UNKNOWN
    assert verdict.reasons == ("stage_error:broken",)


def test_a_model_that_cannot_be_read_is_unknown() -> None:
    """Without the lexicon no text is known to be clean, not even the plainest."""

    def load() -> Model:
        raise OSError

    assert Detector(load=load).scan("hello").reasons == ("stage_error:cascade",)


def test_a_failing_prefilter_is_unknown() -> None:
    """Faults outside the stages are caught too."""

    class Failing:
        def hits(self, data: bytes) -> int:
            raise MemoryError

        def look(self, data: bytes) -> tuple[int, Places | None]:
            raise MemoryError

    prefilter: Prefilter = Failing()

    assert Detector(prefilter=prefilter).scan("x").reasons == ("stage_error:cascade",)


def test_findings_without_end_are_unknown() -> None:
    """More findings than the time bound allows stop the scan."""
    verdict = Detector(stages=lambda _: (Everywhere(), Broken())).scan("x" * 2_000)

    assert verdict.data_class is DataClass.UNKNOWN
    assert verdict.reasons[0] == "too_many"


def test_a_text_beyond_the_bound_is_unknown() -> None:
    """It is not read at all."""
    assert DETECTOR.scan("a" * (MAX_CHARS + 1)).reasons == ("too_long",)


def test_health_words_are_spans_only_when_asked_for() -> None:
    """Clinical words alone are no finding; on demand they are told, and shown as spans."""
    text = "arthritis pain, on lisinopril, diagnosed early"

    assert DETECTOR.scan(text, with_health=True).has_health_context
    assert DETECTOR.scan(text).spans == ()
    assert Span(0, 9, Kind.HEALTH) in DETECTOR.scan(text, with_health=True).spans
    everyday = DETECTOR.scan("a diploma for April from Oklahoma", with_health=True)
    assert not everyday.has_health_context


def test_version_is_a_short_constant_hash() -> None:
    """Two detectors with the same patterns have the same version."""
    assert DETECTOR.version == Detector().version
    assert len(DETECTOR.version) == 12


@given(st.text(alphabet=st.characters(), max_size=200), st.sampled_from(["auto", "phi", "ident"]))
def test_never_raises(text: str, mode: Mode) -> None:
    """Any string, also with lone surrogates and NUL, gets a verdict with spans inside it."""
    verdict = DETECTOR.scan(text, mode, with_health=True)

    assert not any(reason.startswith("stage_error") for reason in verdict.reasons)
    assert all(0 <= span.start < span.end <= len(text) for span in verdict.spans)


ADVERSARIAL = [
    *("1", "1 ", "-1", "1.1.", "1:", "+1 ", "(1", "a@", "a.", "Mr. A", "patient ", "MRN: 1"),
    *("Aa ", "Aa, ", "Aa B. ", "123 Main ", "1 Aa Aa Aa ", "at Aa and ", "NY 12345 ", "%41"),
    *(
        "January 1 ",
        "password: ",
        "eyJaaaaaaaa.",
        "-----BEGIN PRIVATE_KEY-----".replace("_", " "),
        "&#65;",
        "QUJD",
    ),
    *(
        "\\u0041",
        "é",
        "ｅ",
        "a\u0301",
        "\u200b",
        "аa",
        "://a:",
        "bearer ",
        "id # ",
        "call to me ",
    ),
]


@pytest.mark.parametrize("unit", ADVERSARIAL)
def test_adversarial_text_ends_in_a_verdict(unit: str) -> None:
    """Half a megabyte of any repeated unit is judged; a pattern that explodes would never end."""
    verdict = DETECTOR.scan(unit * (500_000 // len(unit.encode())))

    assert not any(reason.startswith("stage_error") for reason in verdict.reasons)


@pytest.mark.bench
@pytest.mark.parametrize("unit", ADVERSARIAL)
def test_time_is_linear_on_adversarial_text(unit: str) -> None:
    """The goal is 200 ms per MB on an idle core; the bound leaves room for a busy one."""
    text = unit * (500_000 // len(unit.encode()))
    began = time.process_time()
    DETECTOR.scan(text)

    assert time.process_time() - began < 0.3
