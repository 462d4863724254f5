# SPDX-License-Identifier: Apache-2.0
"""Fills the styles with people, places and everything else, and says what stands where."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gateway.signals.privacy.lexicon import folded
from gateway.signals.privacy.public_figures import PUBLIC_FIGURES
from gateway.signals.privacy.wide_places import WIDE_PLACES
from tests.training.privacy import fillers, vocabulary
from tests.training.privacy.odd_words import brand, odd_word, term
from tests.training.privacy.people import PEOPLE
from tests.training.privacy.towns import FACILITY_NAMES, TOWNS

NAME, PLACE = "NAME", "GEO"
_SLOT = re.compile(r"\{(N|F|LF|L|I|HL7|T|H|A|D|Z|C|M|O|P|W|Y|E|B|G|J|K|Q|R|S|U|V|X|TM)\}")
_LABELS = {"N": NAME, "F": NAME, "L": NAME, "LF": NAME, "I": NAME, "HL7": NAME} | dict.fromkeys(
    "THA", PLACE
)
_LANGUAGE_CULTURES = {
    "es": ["spanish"],
    "fr": ["french"],
    "de": ["german"],
    "pt": ["portuguese"],
    "it": ["italian"],
    "vi": ["vietnamese"],
    "zh": ["chinese"],
}
_CONSONANTS = "b br c ch cl d dr f g gr h j k kh kr l m n p pr r s sh st t th tr v w y z".split()
_VOWELS = "a a a e e i i o o u ai au ei ia ie oa ou ya".split()
_CODAS = ["", "", "", "n", "r", "l", "s", "m", "k", "nd", "rt", "sk", "tz", "ng", "v", "th", "ck"]

_RECASED = 0.5
_FINDERS_SHARE = 0.06  # of people have a surname that a disease has as well
_INITIALS = "ABCDEFGHJKLMNPRSTW"

Labelled = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text and the places of its names and places."""

    text: str
    spans: tuple[Labelled, ...]


def _pick(choices: str) -> list[str]:
    return choices.split("|")


@dataclass(slots=True)
class Generator:
    """Draws prompts; two generators with the same seed and lists draw the same.

    `cultures` limits the names to some of `people.PEOPLE`; `invented` is the share of names that
    are made of syllables, so that nobody can know them.
    """

    random: random.Random
    people: dict[str, tuple[list[str], list[str]]]
    towns: list[str]
    invented: float = 0.1

    def fill(self, template: str, language: str | None = None) -> Prompt:
        """One prompt from one template; `language` picks names of its speakers."""
        cultures = _LANGUAGE_CULTURES.get(language or "")
        parts, spans, at, done = [], [], 0, 0
        for slot in _SLOT.finditer(template):
            before = template[done : slot.start()]
            value = self._value(slot.group(1), self.culture(cultures))
            at += len(before)
            if slot.group(1) in _LABELS:
                spans.append((at, at + len(value), _LABELS[slot.group(1)]))
            parts += [before, value]
            at += len(value)
            done = slot.end()
        return Prompt("".join([*parts, template[done:]]), tuple(spans))

    def _value(self, slot: str, culture: str) -> str:
        listed = _LISTED.get(slot)
        return _MADE[slot](self, culture) if listed is None else self.random.choice(listed)

    def culture(self, among: Sequence[str] | None = None) -> str:
        """One of the cultures; a third of the time the rare names of the lexicon."""
        if "listed" in self.people and self.random.random() < 0.35:
            return "listed"
        return self.random.choice(among or list(self.people))

    def given(self, culture: str) -> str:
        """A given name, at times two."""
        if self.random.random() < self.invented:
            return self._invented()
        names = self.people[culture][0]
        name = self.random.choice(names)
        draw = self.random.random()
        if culture in ("chinese", "vietnamese", "east_asian") and draw < 0.3:
            return f"{name} {self.random.choice(names)}"
        if draw < 0.06:
            return f"{name}{self.random.choice(['-', ' '])}{self.random.choice(names)}"
        return name

    def surname(self, culture: str) -> str:
        """A surname, at times two or hyphened."""
        if self.random.random() < self.invented:
            return self._invented() + self.random.choice(["", "", "ov", "sen", "ez", "ski", "man"])
        if self.random.random() < _FINDERS_SHARE:
            return self.random.choice(_FINDERS)
        names = self.people[culture][1]
        name = self.random.choice(names)
        draw = self.random.random()
        if (culture in ("spanish", "portuguese") and draw < 0.3) or draw < 0.03:
            joint = self.random.choice([" ", " ", "-", " de ", " y "])
            return f"{name}{joint}{self.random.choice(names)}"
        return name

    def full_name(self, culture: str) -> str:
        """In the order of the culture, at times with a middle name or initial."""
        if self.random.random() < 0.1:  # families mix
            other = self.random.choice(list(self.people))
            given, surname = self.given(culture), self.surname(other)
        else:
            given, surname = self.given(culture), self.surname(culture)
        draw = self.random.random()
        if culture in ("chinese", "vietnamese") and draw < 0.6:
            return f"{surname} {given}"
        if draw < 0.1:
            return f"{given} {self.random.choice(_INITIALS)}. {surname}"
        if draw < 0.15:
            return f"{given[0]}. {surname}"
        if draw < 0.2:
            return f"{given} {self.given(culture)} {surname}"
        return f"{given} {surname}"

    def town(self) -> str:
        """A town; some with their state or country behind them, some invented."""
        if self.random.random() < self.invented:
            end = self.random.choice("ville ton burg field ford ham stad dorf ino a o".split())
            return self._invented() + end
        return self.random.choice(self.towns)

    def facility(self) -> str:
        """A place of care named for a saint, a town, a person or a view."""
        draw = self.random.random()
        if draw < 0.5:
            name = self.random.choice(_FACILITIES)
        elif draw < 0.8:
            name = self.town()
        else:
            name = self.surname(self.random.choice(list(self.people)))
        return self.random.choice(_FACILITY_FORMS).replace("X", name)

    def address(self) -> str:
        """A street address in the manner of some country, at times with the town."""
        form = self.random.choice(_ADDRESSES)
        street = self.random.choice(_STREETS)
        if self.random.random() < 0.3:
            street = self.surname(self.random.choice(list(self.people)))
        text = re.sub(r"\bN\b", lambda _: str(self.random.randint(1, 2_500)), form)
        text = text.replace("X", street)
        if self.random.random() < 0.5:
            text += self.random.choice([", ", "\n", " "]) + self.town()
        if self.random.random() < 0.3:
            text += f" {self.random.randint(1_000, 99_999)}"
        return text

    def finder(self) -> str:
        """Whoever a disease is called after, known or not."""
        if self.random.random() < 0.25:
            return self.surname(self.random.choice(list(self.people)))
        return self.random.choice(_FINDERS)

    def named_thing(self) -> str:
        """A disease, sign or method with the name of its finders."""
        draw = self.random.random()
        name = self.finder()
        if draw < 0.3:
            name += "-" + self.finder()
        elif draw < 0.5:
            name += self.random.choice(["'s", "'s", "s", "'"])
        elif draw < 0.55:
            name += f" and {self.finder()}"
        between = self.random.choice(_ADJECTIVES) if self.random.random() < 0.2 else ""
        return f"{name} {between}{self.random.choice(_HEADS)}"

    def gene(self) -> str:
        """A gene or a protein, half of them made of letters drawn."""
        if self.random.random() < 0.5:
            return self.random.choice(_GENES)
        letters = "".join(
            self.random.choice(_GENE_LETTERS) for _ in range(self.random.choice((3, 4, 4, 5, 6)))
        )
        return letters + self.random.choice(["", "", "", "1", "2", "3", "A", "B", "-1", "7"])

    def brand(self) -> str:
        """A drug's brand; half of them nobody has heard of."""
        known = self.random.random() < 0.5
        return self.random.choice(_BRANDS) if known else brand(self.random)

    def term(self) -> str:
        """What articles write with a capital: proteins, substances, words of no dictionary."""
        return term(self.random) if self.random.random() < 0.8 else odd_word(self.random)

    def _invented(self) -> str:
        parts = [
            self.random.choice(_CONSONANTS) + self.random.choice(_VOWELS)
            for _ in range(self.random.choice((1, 2, 2, 2, 3)))
        ]
        return ("".join(parts) + self.random.choice(_CODAS)).capitalize()


def _titled(words: str) -> str:
    small = {"of", "the", "da", "de", "y", "van", "von"}
    return " ".join(
        word if word in small else word[:1].upper() + word[1:] for word in words.split("_")
    )


_FINDERS = [name.capitalize() for name in vocabulary.EPONYMS.split()]
_BRANDS = _pick(vocabulary.BRANDS)
_HEADS, _GENES = _pick(vocabulary.HEADS), _pick(vocabulary.GENES)
_GENE_LETTERS = "ABCDEFGHIKLMNPRSTX"
_ADJECTIVES = ["muscular ", "congenital ", "depression ", "severity ", "renal ", "juvenile "]

_LISTED = {
    "B": _pick(vocabulary.TESTS),
    "R": _pick(vocabulary.PRODUCTS),
    "S": _pick(vocabulary.STUDIES),
    "U": _pick(vocabulary.ORGANISMS),
    "V": _pick(vocabulary.TOPICS),
    "C": _pick(fillers.CONDITIONS),
    "M": _pick(fillers.DRUGS),
    "O": _pick(fillers.ORGANISATIONS),
    "E": _pick(fillers.EPONYMS),
    "D": _pick(fillers.DATES),
    "P": [_titled(name) for name in sorted(PUBLIC_FIGURES)],
    "W": [_titled(name) for name in sorted(WIDE_PLACES)],
}
_MADE: dict[str, Callable[[Generator, str], str]] = {
    "G": lambda self, _: self.gene(),
    "J": lambda self, _: self.finder(),
    "K": lambda self, _: self.named_thing(),
    "X": lambda self, _: odd_word(self.random),
    "Q": lambda self, _: self.brand(),
    "TM": lambda self, _: self.term(),
    "N": Generator.full_name,
    "F": Generator.given,
    "L": Generator.surname,
    "LF": lambda self, culture: f"{self.surname(culture)}, {self.given(culture)}",
    "HL7": lambda self, culture: f"{self.surname(culture)}^{self.given(culture)}".upper(),
    "I": lambda self, culture: f"{self.given(culture)} {self.random.choice(_INITIALS)}.",
    "T": lambda self, _: self.town(),
    "H": lambda self, _: self.facility(),
    "A": lambda self, _: self.address(),
    "Y": lambda self, _: str(self.random.randint(2, 88)),
    "Z": lambda self, _: str(self.random.randint(10_000, 9_999_999)),
}
_STREETS, _ADDRESSES = _pick(fillers.STREETS), _pick(fillers.ADDRESSES)
_FACILITY_FORMS = _pick(fillers.FACILITY_FORMS)
_FACILITIES = [name.replace("_", " ") for name in FACILITY_NAMES.split()]


def known_people() -> dict[str, tuple[list[str], list[str]]]:
    """The lists of `people`, also without accents, which records often lack."""
    return {
        culture: (_with_plain(given.split()), _with_plain(_surnames(surnames)))
        for culture, (given, surnames) in PEOPLE.items()
    }


def _surnames(words: str) -> list[str]:
    """Joins "De Luca" and "Van der Merwe" again."""
    return re.findall(r"(?:(?:De|Dela|Van|Al|El)(?: der)? )?\S+", words)


def _with_plain(names: Sequence[str]) -> list[str]:
    plain = [folded(name).title() for name in names if not name.isascii()]
    return [*names, *plain]


def known_towns() -> list[str]:
    """All towns, also without accents."""
    names = [name.replace("_", " ") for group in TOWNS.values() for name in group.split()]
    return _with_plain(names)


def recased(prompt: Prompt, draw: random.Random) -> Iterator[Prompt]:
    """The prompt, at times followed by its copy in small letters or capitals, or with only its
    names and places so.

    Letters whose other case has another length would move what follows; such texts stay.
    """
    yield prompt
    chance = draw.random()
    if chance >= _RECASED:
        return
    change = str.lower if chance < _RECASED * 0.65 else str.upper
    if len(change(prompt.text)) != len(prompt.text):
        return
    if draw.random() < 0.4:
        yield Prompt(change(prompt.text), prompt.spans)
    else:
        text = prompt.text
        for start, end, _ in prompt.spans:
            text = text[:start] + change(text[start:end]) + text[end:]
        yield Prompt(text, prompt.spans)
