# SPDX-License-Identifier: Apache-2.0
"""The goals, on prompts of people, places, sentences and disguises that training did not see.

Seeds are fixed, so a run says the same each time. Each prompt holds one identifier alone.
"""

from __future__ import annotations

import random

import pytest

from gateway.signals.privacy import Detector, Mode
from policies import DataClass
from tests.gateway.signals.privacy.unseen import (
    DISGUISES,
    ENGLISH,
    HARD_NEGATIVES,
    LANGUAGES,
    NUMBER_DISGUISES,
    SPEAKERS,
    fill,
    number,
)
from tests.gateway.signals.privacy.unseen_negatives import ABROAD, CLINICAL, EVERYDAY, PUBLISHED

DETECTOR = Detector()
ROUNDS = 20


def is_flagged(text: str, mode: Mode) -> bool:
    return DETECTOR.scan(text, mode).data_class.rank >= DataClass.PII.rank


def test_one_name_or_town_alone() -> None:
    """English clinical prompts with one name or town."""
    draw = random.Random(1)
    prompts = [fill(template, draw)[0] for template in ENGLISH for _ in range(ROUNDS)]

    assert sum(is_flagged(text, "auto") for text in prompts) >= 0.94 * len(prompts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_in_other_languages(language: str) -> None:
    """Without a health gate, as that knows English only."""
    draw = random.Random(2)
    templates = LANGUAGES[language] * ROUNDS
    prompts = [fill(template, draw, SPEAKERS[language])[0] for template in templates]
    for mode in ("auto", "ident"):
        assert sum(is_flagged(text, mode) for text in prompts) >= 0.98 * len(prompts)


def test_disguised_names() -> None:
    """Every disguise of a full name, over all prompts; the weakest are small letters."""
    draw = random.Random(3)
    caught = dict.fromkeys(DISGUISES, 0)
    templates = [template for template in ENGLISH if "{N}" in template] * (ROUNDS // 4)
    for name, disguise in DISGUISES.items():
        for template in templates:
            text, value = fill(template, draw)
            caught[name] += is_flagged(text.replace(value, disguise(value)), "ident")

    assert sum(caught.values()) >= 0.97 * len(templates) * len(caught)
    assert min(caught.values()) >= 0.9 * len(templates), caught


@pytest.mark.parametrize("name", NUMBER_DISGUISES)
def test_disguised_numbers(name: str) -> None:
    """A social security number without the words for it."""
    draw = random.Random(4)
    for _ in range(ROUNDS):
        spelling = NUMBER_DISGUISES[name](number(draw))

        assert is_flagged(f"for the claim use {spelling} as we said", "ident")


def test_prompts_that_name_nobody() -> None:
    """Clinical and everyday prompts full of what looks like names: 3 in 100 of each."""
    clinical = [text for text in CLINICAL if is_flagged(text, "auto")]
    everyday = [text for text in EVERYDAY if is_flagged(text, "auto")]

    assert len(clinical) <= 0.03 * len(CLINICAL), clinical
    assert len(everyday) <= 0.03 * len(EVERYDAY), everyday


def test_hard_negatives() -> None:
    """Eponyms, famous people, drugs, organisations and headings beside a health context."""
    flagged = [text for text in HARD_NEGATIVES if is_flagged(text, "auto")]

    assert len(flagged) <= 1, flagged


def test_what_is_published_and_what_is_asked_abroad() -> None:
    """Harder than the above: full of names, and in languages that have no dictionary here."""
    published = [text for text in PUBLISHED if is_flagged(text, "auto")]
    abroad = [text for text in ABROAD if is_flagged(text, "auto")]

    assert len(published) <= 0.1 * len(PUBLISHED), published
    assert len(abroad) <= 0.1 * len(ABROAD), abroad
