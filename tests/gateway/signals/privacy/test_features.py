# SPDX-License-Identifier: Apache-2.0
"""What is added up from memory is what training adds up sign by sign."""

from __future__ import annotations

import pytest

from gateway.signals.privacy import features
from gateway.signals.privacy.features import Signs, Vocabulary
from gateway.signals.privacy.lexicon import Flag
from gateway.signals.privacy.model import packaged
from gateway.signals.privacy.tokens import Tokens

MODEL = packaged()
TEXT = "Dr. Zorvanek saw Ngozi in Llandudno;\nshe said: JANE, 42, takes quantized Humira."


def test_the_sum_is_that_of_the_signs() -> None:
    """For every word that is judged, whatever the label before it, the first time and again."""
    vocabulary = Vocabulary(MODEL.lexicon, [weight % 97 - 48 for weight in range(1 << 20)])
    words = Tokens(TEXT).words
    for _ in range(2):
        signs = Signs(words, vocabulary)
        for at in range(len(words)):
            for label in (0, 1, 2):
                total = signs.sum_of(at, label)
                expected = sum(map(vocabulary.weight, signs.of(at, label)))
                assert total == (None if signs.is_plain(at) else expected)


def test_names_are_not_remembered_as_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only common words and signs are; the memory for the others has a bound."""
    monkeypatch.setattr(features, "_MOST_REMEMBERED", 3)
    vocabulary = Vocabulary(MODEL.lexicon)
    for number in range(10):
        facts = vocabulary.facts_of(f"Zorvanek{number}")
        vocabulary.own_sum(f"Zorvanek{number}", facts)
    vocabulary.facts_of("the")

    assert vocabulary.common.keys() == {"the"}
    assert len(vocabulary._others) <= 3
    assert len(vocabulary.sums) <= 3
    assert not any(isinstance(key, str) for key in vocabulary._others)


def test_a_forgotten_word_keeps_what_is_asked_for() -> None:
    """In training a known name is treated as one nobody has heard of."""
    vocabulary = Vocabulary(MODEL.lexicon)
    (none,) = vocabulary.forgotten("Maria", 0)[2:3]
    (kept,) = vocabulary.forgotten("Maria", int(Flag.GIVEN), int(Flag.WORD))[2:3]

    assert vocabulary.flags_of("Maria") & Flag.GIVEN
    assert none >> 3 == 0
    assert kept >> 3 == Flag.GIVEN | Flag.WORD
