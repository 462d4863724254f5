# SPDX-License-Identifier: Apache-2.0
"""Turns prompts into examples for the word classifier: the signs of a word, and its label."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.signals.evaluation.labelled import Row, trained_on
from gateway.signals.privacy import Kind
from gateway.signals.privacy.features import Signs, Vocabulary
from gateway.signals.privacy.found import narrow
from gateway.signals.privacy.lexicon import Flag, Lexicon, folded, key_of
from gateway.signals.privacy.normalise import normalise
from gateway.signals.privacy.run import NAME, NEITHER, PLACE
from gateway.signals.privacy.tokens import Tokens, candidates, rare_words
from tests.training.privacy.articles import article, joined
from tests.training.privacy.carriers import carried, reworded
from tests.training.privacy.generate import (
    Generator,
    Labelled,
    Prompt,
    known_people,
    known_towns,
    recased,
)
from tests.training.privacy.odd_words import soup, spoiled
from tests.training.privacy.styles_abroad import NAMELESS_ABROAD
from tests.training.privacy.styles_english import WITH_PEOPLE, WITHOUT_PEOPLE
from tests.training.privacy.styles_negative import MORE_PEOPLE, NAMELESS
from tests.training.privacy.styles_other import OTHER_LANGUAGES
from tests.training.privacy.words import listed_people, prompts_of

# Prompts in which real or invented people occur without a label.
_UNLABELLED_PEOPLE = ("gsm8k", "mtbench", "seedtasks", "userinstr", "vicuna")
_ARTICLES = "neg_dev/medquad"
_NAME_FLAGS = Flag.GIVEN | Flag.SURNAME | Flag.FREQUENT_NAME | Flag.TOWN
_FORGETFUL = 0.5  # share of prompts whose names the lexicon is made to forget
_TAKEN_FOR_WORDS = 0.1  # and of those whose names are in a dictionary, and nothing else
_ENGLISH_ROUNDS, _CLEAN_ROUNDS, _OTHER_ROUNDS = 60, 25, 40
_NAMELESS_ROUNDS, _ABROAD_ROUNDS = 40, 12
_SPOILED_ROUNDS, _SOUPS, _ARTICLES_WRITTEN = 2, 400, 3_000
_LINES_IN_ARTICLES = 20  # of each style with people
# Names in small letters that mean nothing in a text without sentences.
_RARE = "marise quill orson tilda bram cosmo marlow vesper".split()
_UNLABELLED_PROMPTS = 6_000


@dataclass(frozen=True, slots=True)
class Example:
    """One word; `signs` are positions of weights."""

    signs: tuple[int, ...]
    label: int


@dataclass(frozen=True, slots=True)
class Text:
    """A prompt to learn from; where `is_partial`, words that could be names teach nothing."""

    prompt: Prompt
    is_partial: bool = False
    is_open: bool = False  # as is_partial, and any capitalised word may be somebody's name


def templates(listed: str) -> list[str]:
    """The lines of a list of styles."""
    return [line.replace("\\n", "\n") for line in listed.strip().splitlines() if line.strip()]


def generated(draw: random.Random, generator: Generator) -> Iterator[Text]:
    """Everything that the styles give."""
    for listed, rounds in (
        (WITH_PEOPLE, _ENGLISH_ROUNDS),
        (MORE_PEOPLE, _ENGLISH_ROUNDS),
        (WITHOUT_PEOPLE, _CLEAN_ROUNDS),
        (NAMELESS, _NAMELESS_ROUNDS),
    ):
        for template in templates(listed):
            for _ in range(rounds):
                for prompt in recased(generator.fill(template), draw):
                    yield Text(prompt)
    for language, listed in OTHER_LANGUAGES.items():
        for template in templates(listed):
            for _ in range(_OTHER_ROUNDS):
                prompt = generator.fill(template.removeprefix("-"), language)
                yield from (Text(each) for each in recased(prompt, draw))


def nameless(draw: random.Random, generator: Generator) -> Iterator[Text]:
    """What names nobody beyond the styles for English: other languages, articles, jumbled words."""
    for language, listed in NAMELESS_ABROAD.items():
        for template in templates(listed):
            for _ in range(_ABROAD_ROUNDS):
                yield from map(Text, recased(generator.fill(template, language), draw))
    for _ in range(_ARTICLES_WRITTEN):
        yield Text(article(draw, generator))
    for _ in range(_SOUPS):
        yield Text(Prompt(soup(draw, _RARE), ()))


def texts(data: Path, seed: int) -> Iterator[Text]:
    """All training texts, in an order that the seed alone decides."""
    draw = random.Random(seed)
    people = known_people() | {"listed": listed_people(data / "privacy/lexicons", draw)}
    generator = Generator(draw, people, known_towns())
    yield from generated(draw, generator)
    for carrier in (*carried(data, draw, generator), *carried(data, draw, generator)):
        for prompt in recased(carrier.prompt, draw):
            yield Text(prompt, is_partial=True, is_open=not carrier.is_clinical)
    rows = list(trained_on(data / "privacy/dev"))
    for row in rows:
        yield from _texts_of(row, draw, generator)
    articles = [row.text for row in rows if row.is_positive is False and _is_article(row)]
    for listed in (WITH_PEOPLE, MORE_PEOPLE):
        for template in templates(listed) * (_LINES_IN_ARTICLES if articles else 0):
            whole = article(draw, generator).text if draw.random() < 0.3 else draw.choice(articles)
            yield Text(joined(whole, generator.fill(template), draw))
    yield from nameless(draw, generator)
    unlabelled = list(prompts_of(data))
    draw.shuffle(unlabelled)
    for text in unlabelled[:_UNLABELLED_PROMPTS]:
        yield Text(Prompt(text[:1_500], ()), is_partial=True)


def _texts_of(row: Row, draw: random.Random, generator: Generator) -> Iterator[Text]:
    is_partial = row.source.startswith("neg_dev") and row.source.endswith(_UNLABELLED_PEOPLE)
    for prompt in recased(_prompt(row), draw):
        yield Text(prompt, is_partial)
    if row.is_positive is False and not is_partial:
        for _ in range(_SPOILED_ROUNDS):
            yield Text(Prompt(spoiled(row.text, draw), ()))
            if _is_article(row):
                yield Text(Prompt(reworded(row.text, draw, generator), ()))


def _is_article(row: Row) -> bool:
    return row.source.startswith(_ARTICLES)


def _prompt(row: Row) -> Prompt:
    spans: list[Labelled] = []
    for gold in row.spans:
        if gold.kind is Kind.NAME:
            spans.append((gold.start, gold.end, "NAME"))
        elif gold.kind is Kind.GEO or gold.may_be_place:
            spans.append((gold.start, gold.end, "GEO"))
    return Prompt(row.text, tuple(spans))


def examples(source: Iterable[Text], lexicon: Lexicon, draw: random.Random) -> Iterator[Example]:
    """The candidates of every text, as the tagger will see them."""
    vocabulary = Vocabulary(lexicon)
    for text in source:
        plain = normalise(text.prompt.text)
        rare = rare_words(narrow(plain.text), lexicon)
        if rare is None:
            continue
        tokens = Tokens(plain.text)
        labels = {
            at: _label(
                *plain.original(tokens.start_of(at), tokens.start_of(at) + 1), text.prompt.spans
            )
            for at in candidates(tokens.words, rare, len(tokens.words)) or ()
        }
        named = frozenset(at for at, label in labels.items() if label != NEITHER)
        chance = draw.random()
        kept = 0 if chance < _FORGETFUL / 2 else int(~Flag.FREQUENT_NAME & 0xFF)
        added = int(Flag.WORD) if chance < _TAKEN_FOR_WORDS else 0
        signs = Signs(
            tokens.words, vocabulary, named if chance < _FORGETFUL else frozenset(), kept, added
        )
        for at, label in labels.items():
            if signs.is_plain(at):
                continue
            if label == NEITHER and text.is_partial:
                flags = lexicon.flags_of(key_of(folded(tokens.words[at])))
                is_unknown = not flags & (Flag.WORD | Flag.LOWER) and not tokens.words[at].islower()
                if flags & _NAME_FLAGS or (text.is_open and is_unknown):
                    continue
            before = labels.get(at - 1, NEITHER) if draw.random() < 0.9 else NEITHER
            yield Example(signs.of(at, before), label)


def _label(start: int, end: int, spans: Iterable[Labelled]) -> int:
    for first, last, label in spans:
        if start < last and first < end:
            return NAME if label == "NAME" else PLACE
    return NEITHER
