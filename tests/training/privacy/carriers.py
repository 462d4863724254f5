# SPDX-License-Identifier: Apache-2.0
"""Real sentences with people put in: "She denies pain" becomes "Nkechi Eze denies pain".

Pronouns and "the patient" stand where names stand, in far more surroundings than styles can think
of; countries and large towns stand where any town stands. What was in the text before stays
unlabelled, so words of it that could be names teach nothing. Articles about diseases get full names
only: the towns and lone names that they hold themselves are nobody's.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.signals.evaluation.labelled import trained_on
from tests.training.privacy.generate import Generator, Labelled, Prompt
from tests.training.privacy.odd_words import term
from tests.training.privacy.words import notes_of, prompts_of

# What a person's name can take the place of.
_PERSON = re.compile(
    r"\b(?:(?:[Tt]he|[Tt]his|[Aa]) (?:patient|man|woman|boy|girl|gentleman|lady|child|infant)"
    r"|[Hh]e|[Ss]he|him|her(?=[.,]| (?:to|that|about|with|and|if|in|on|for|at)\b)|someone"
    r"|[Mm]y (?:mother|father|wife|husband|son|daughter|friend|boss|doctor|sister|brother)"
    r"|(?:your|the|his|her) (?:doctor|physician|nurse|mother|wife|husband|son|daughter|sister))"
    r"(?='s\b|\b)"
)
_OWNER = re.compile(r"\b(?:[Hh]is|[Hh]er)(?= [a-z]{3,})")
# Behind these a name may stand, between commas, or where somebody is from.
_DESCRIBED = re.compile(
    r"(?<=[a-z])(?= who\b| with\b|[.,])(?<=year-old male)|(?<=year-old female)|(?<=year-old man)"
    r"|(?<=year-old woman)|(?<= patient)(?= )|(?<=a \d\d-year-old)(?= [mfwp])"
)
_PLACE = re.compile(
    r"(?<=\b[Ii]n )(?:the (?:city|area|hospital|clinic|office|community|country)|[A-Z][a-z]{4,})"
    r"(?=[ ,.])|(?<= from )(?:home|abroad|[A-Z][a-z]{4,})(?=[ ,.])"
    r"|(?<= at )(?:home|work|school)(?=[ ,.])|(?<= (?:to|of) )(?:the (?:city|area|hospital|town))"
)
_WINDOW_CHARS = 400
_SHARE = 0.35  # of the possible places are filled


@dataclass(frozen=True, slots=True)
class Carrier:
    """A prompt. `is_clinical`: what it held before names few people, all of them common names."""

    prompt: Prompt
    is_clinical: bool


def carried(data: Path, draw: random.Random, generator: Generator) -> Iterator[Carrier]:
    """One prompt for each stretch of text that something was put into."""
    for text, is_clinical, is_article in _texts(data):
        for first in range(0, min(len(text), 4_000), _WINDOW_CHARS):
            window = text[first : first + _WINDOW_CHARS]
            prompt = _filled(window, draw, generator, is_article=is_article)
            if prompt.spans:
                yield Carrier(prompt, is_clinical)


# In an article about a disease these words may be any others of the kind: the subject of a
# sentence, and what has a capital inside it.
_SUBJECT = re.compile(
    r"(?:(?<=[.?:] )|^)(?:The )?[A-Z][a-z]{3,}"
    r"(?= (?:is|are|was|has|can|may|also|cause|affect|occur|does))"
    r"|(?<=[a-z,] )[A-Z][a-z]{3,}(?:-[A-Z][a-z]+)?(?=[ ,.)]|'s)"
)


def reworded(text: str, draw: random.Random, generator: Generator) -> str:
    """A medical article about something else that nobody has heard of."""

    def other(match: re.Match[str]) -> str:
        if draw.random() < 0.4:
            return match.group()
        kinds = (generator.named_thing, generator.finder, generator.gene, lambda: term(draw))
        return draw.choice(kinds)()

    return _SUBJECT.sub(other, text)


def _texts(data: Path) -> Iterator[tuple[str, bool, bool]]:
    """Texts, and whether they are clinical, and articles."""
    for text in notes_of(data):
        yield re.sub(r" ([,.?])", r"\1", text), True, False
    for labelled in trained_on(data / "privacy/dev"):
        if labelled.is_positive is False:
            is_article = labelled.source.startswith("neg_dev/medquad")
            yield labelled.text, is_article or labelled.source.startswith("scq"), is_article
    for prompt in prompts_of(data):
        yield prompt, False, False
    prose = (data / "text/calibration.txt").read_text(encoding="utf-8")
    for paragraph in prose.splitlines():
        yield re.sub(r" ([,.;])", r"\1", paragraph.replace("@-@", "-").strip()), False, False


def _filled(text: str, draw: random.Random, generator: Generator, *, is_article: bool) -> Prompt:
    patterns = _OF_ARTICLES if is_article else _PATTERNS
    slots = [
        (m.start(), m.end(), kind) for kind, m in _slots(text, patterns) if draw.random() < _SHARE
    ]
    parts: list[str] = []
    spans: list[Labelled] = []
    at = done = 0
    for start, end, kind in sorted(slots):
        if start < done:
            continue
        if is_article:
            whole = generator.full_name(generator.culture())
            before, value, after, label = "", whole, "'s" * (kind == "owner"), "NAME"
        else:
            before, value, after, label = _value(kind, draw, generator)
        parts += [text[done:start], before, value, after]
        at += start - done + len(before)
        spans.append((at, at + len(value), label))
        at += len(value) + len(after)
        done = end
    return Prompt("".join([*parts, text[done:]]), tuple(spans))


_PATTERNS = (
    ("person", _PERSON),
    ("owner", _OWNER),
    ("place", _PLACE),
    ("described", _DESCRIBED),
)
_OF_ARTICLES = _PATTERNS[:2]


def _slots(
    text: str, patterns: tuple[tuple[str, re.Pattern[str]], ...]
) -> Iterator[tuple[str, re.Match[str]]]:
    for kind, pattern in patterns:
        for match in pattern.finditer(text):
            yield kind, match


def _value(kind: str, draw: random.Random, generator: Generator) -> tuple[str, str, str, str]:
    """What stands before the name, the name, what stands behind, and its label."""
    place = generator.town() if draw.random() < 0.7 else generator.facility()
    if kind == "place":
        return "", place, "", "GEO"
    if kind == "described" and draw.random() < 0.5:
        before = draw.choice((" from ", " from ", " living in ", " in ", ", ", " seen at ", " ("))
        return before, place, ")" if before == " (" else "", "GEO"
    name = _name(draw, generator)
    if kind == "described":
        before = draw.choice((", ", ", ", " ", " named ", " (", ": "))
        return before, name, {", ": ",", " (": ")"}.get(before, ""), "NAME"
    return (
        draw.choice(("", "", "", "", "", "Dr. ", "Mrs. ")),
        name,
        "'s" * (kind == "owner"),
        "NAME",
    )


def _name(draw: random.Random, generator: Generator) -> str:
    culture = generator.culture()
    chance = draw.random()
    if chance < 0.5:
        return generator.full_name(culture)
    return generator.given(culture) if chance < 0.8 else generator.surname(culture)
