# SPDX-License-Identifier: Apache-2.0
"""How long a scan takes. Times are of the processor, not the clock."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

from gateway.signals.privacy import Detector

SIZES_CHARS = (200, 1_024, 8_192, 32_768)
_TEXTS, _MOST_CHARS, _REPEATS = 200, 2_000_000, 3
_ADVERSARIAL_CHARS = 1_000_000
# Where nothing is given: prompts with and without identifiers, all of them invented.
_PROMPTS = (
    "Summarise the visit for Jane Roe, MRN 48213377: blood pressure 150/90, start amlodipine.",
    "What is the best way to cook rice for two people on a small stove without burning it?",
    "Which antibiotic is safe in pregnancy for a urinary infection, and for how many days?",
    "Please rewrite this letter so that it sounds friendly: the order is late by one week again.",
    "Patient John Public, DOB 03/14/1961, lives at 12 Elm Street, Springfield; call 415-555-0100.",
    "Explain how a hash table deals with two keys that fall into the same bucket, with an example.",
    "My mother takes lisinopril and has had a dry cough since March 3; should she stop it?",
    "A farmer has 12 rows of 9 cabbages and loses a sixth of them to frost. How many remain?",
)
_ADVERSARIAL = ("1 ", "a@", "Aa B. ", "patient ", "MRN: 1", "1 Aa Aa Aa ", "January 1 ", "\\u0041")
_PLAIN = "what is the best way to cook rice and beans for two people on a small stove. " * 14


def times_us(detector: Detector, texts: Sequence[str]) -> list[float]:
    """Sorted; each text's best of a few, after one round that is not counted."""
    for text in texts:
        detector.scan(text)
    return sorted(min(_once_us(detector, text) for _ in range(_REPEATS)) for text in texts)


def _once_us(detector: Detector, text: str) -> float:
    began = time.process_time_ns()
    detector.scan(text)
    return (time.process_time_ns() - began) / 1_000


def measure_speed(detector: Detector, prompts: Sequence[str] = ()) -> dict[str, float]:
    """Microseconds by size, for texts made of whole prompts one after the other."""
    figures: dict[str, float] = {}
    for size_chars in SIZES_CHARS:
        taken = times_us(detector, list(_glued(prompts or _PROMPTS, size_chars)))
        name = f"{size_chars / 1024:.1f}kb"
        figures[f"p50_us_{name}"] = round(taken[len(taken) // 2], 1)
        figures[f"p99_us_{name}"] = round(taken[len(taken) * 99 // 100], 1)
    plain = times_us(detector, [_PLAIN[:1_024]] * 50)
    figures["no_candidate_us_1.0kb"] = round(plain[len(plain) // 2], 1)
    detector.scan("1" * 10_000)  # what is made ready when it is first needed
    worst_us = max(
        _once_us(detector, unit * (_ADVERSARIAL_CHARS // len(unit))) for unit in _ADVERSARIAL
    )
    figures["adversarial_ms_per_mb"] = round(worst_us / 1_000 / _ADVERSARIAL_CHARS * 1_000_000, 1)
    return figures


def _glued(prompts: Iterable[str], size_chars: int) -> Iterator[str]:
    """Texts of just this size, as many as a bounded run allows."""
    most = max(5, min(_TEXTS, _MOST_CHARS // size_chars // 10))
    source = cycle(prompts)
    for _ in range(most):
        text = next(source)
        while len(text) < size_chars:
            text += "\n" + next(source)
        yield text[:size_chars]
