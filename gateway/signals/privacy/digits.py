# SPDX-License-Identifier: Apache-2.0
"""Numbers and names in disguise: digits as words, characters one by one, marks between them.

Each function gives edits (start, end, replacement) in order of position. A run of nine or ten
digits without groups of its own gets those of a social security or a telephone number, so that the
recognisers, which want groups before they believe a bare number, take it for one: nobody spells out
a quantity digit by digit.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

Edit = tuple[int, int, str]

# English, Spanish, French, German, Portuguese, Italian.
_DIGITS = (
    "zero|oh|cero|null|nul",
    "one|uno|un|eins|um",
    "two|dos|deux|zwei|zwo|dois|due",
    "three|tres|trois|drei|tre",
    "four|cuatro|quatre|vier|quatro|quattro",
    "five|cinco|cinq|fünf|cinque",
    "six|seis|sechs|sei",
    "seven|siete|sept|sieben|sete|sette",
    "eight|ocho|huit|acht|oito|otto",
    "nine|niner|nueve|neuf|neun|nove",
)
_VALUES = {word: str(value) for value, words in enumerate(_DIGITS) for word in words.split("|")}
_VALUES |= {"dash": "-", "hyphen": "-", "minus": "-", "dot": ".", "point": "."}
_WORD = "(?:" + "|".join(sorted(_VALUES, key=len, reverse=True)) + ")"
_GAP = r"[ ,.;\n_-]{1,3}"
_SPELLED = re.compile(rf"(?i)(?<![^\W_]){_WORD}(?:{_GAP}{_WORD}){{3,60}}(?![^\W_])")
_PART = re.compile(r"([^\W\d_]+)|[,.;]")
_SPACED = re.compile(r"(?<![\d.,])[0-9](?:[ ._-]{1,3}[0-9]){5,40}(?![0-9])")
_MARKS = re.compile(r"\*\*|~~|(?<=[^\W_])__(?=[^\W_])|</?(?:b|i|u|s|em|strong|mark|span)>")

_ASCII_WORD = _WORD.replace("ü", ".")
SPELLED_TRIGGER = rf"(?i){_ASCII_WORD}(?:{_GAP}{_ASCII_WORD}){{3}}"
# Any four in a row hold one with a space before and behind it.
SPELLED_OPENERS = tuple(
    rf"(?i)[^a-z]{word}[ ,.;\n_-]" for word in _ASCII_WORD[len("(?:") : -1].split("|")
)
# One letter after the other, as "R o s e" or "M-a-h-m-o-u-d".
_LETTERS = re.compile(r"(?<!\w)[^\W\d_](?:[ .*/-]{1,3}[^\W\d_](?!\w)){3,80}")
_BASES = frozenset("ACGTUN")
LETTERS_TRIGGER = r"\b[A-Za-z](?:[ .*/-]{1,3}[A-Za-z]\b){3}"
SPACED_TRIGGER = r"[0-9](?:[ ._-]{1,3}[0-9]){5}"
MARKS_TRIGGER = r"\*\*|~~|[A-Za-z0-9]__[A-Za-z0-9]|</?(?:b|i|u|s|em|strong|mark|span)>"


# Looking at one costs some 40 us.
_MOST_RUNS = 1_500


class TooDisguised(Exception):
    """More edits than the time bound allows; the detector answers UNKNOWN."""


def spelled_digits(text: str) -> Iterator[Edit]:
    """ "four four two, one" becomes "442-1"; counting ("one two three four") stays."""
    for count, match in enumerate(_SPELLED.finditer(text)):
        if count == _MOST_RUNS:
            raise TooDisguised
        number = "".join(
            _VALUES[word.lower()] if word else "-" for word in _PART.findall(match.group())
        )
        if edited := _grouped(number):
            yield match.start(), match.end(), edited


def spaced_digits(text: str) -> Iterator[Edit]:
    """ "4 4 2 - 1 8 8" becomes "442-188"."""
    for count, match in enumerate(_SPACED.finditer(text)):
        if count == _MOST_RUNS:
            raise TooDisguised
        run = match.group()
        gaps = re.split("[0-9]", run)[1:-1]
        is_plain = len({gap.strip() for gap in gaps}) == 1
        number = re.sub("[ ._-]+", "", run) if is_plain else re.sub(" *([._-]) *| ", r"\1", run)
        if edited := _grouped(number):
            yield match.start(), match.end(), edited


def spaced_letters(text: str) -> Iterator[Edit]:
    """ "R o s e   T e m b o" becomes "Rose Tembo"; an alphabet, and bases of a genome, stay."""
    for count, match in enumerate(_LETTERS.finditer(text)):
        if count == _MOST_RUNS:
            raise TooDisguised
        letters = re.split("[ .*/-]+", match.group())
        gaps = re.findall("[ .*/-]+", match.group())
        steps = {ord(b) - ord(a) for a, b in itertools.pairwise(letters)}
        if steps in ({1}, {-1}, {0}) or _BASES.issuperset("".join(letters).upper()):
            continue
        usual = max(set(gaps), key=gaps.count)
        words = letters[0]
        for gap, letter in zip(gaps, letters[1:], strict=True):
            is_next = gap != usual or (letter.isupper() and words[-1].islower())
            words += f" {letter}" if is_next else letter
        yield match.start(), match.end(), words


def marks(text: str) -> Iterator[Edit]:
    """Bold, strike-through and simple tags, which may stand inside a word."""
    return ((match.start(), match.end(), "") for match in _MARKS.finditer(text))


def _grouped(number: str) -> str | None:
    """The digits in groups; None for counting and for zeros and ones, which are no numbers."""
    number = re.sub(r"[.-]{2,}", "-", number).strip("-.")
    digits = re.sub(r"\D", "", number)
    steps = {int(b) - int(a) for a, b in itertools.pairwise(digits)}
    if len(digits) < 4 or steps in ({1}, {-1}) or set(digits) <= {"0", "1"}:
        return None
    # One mark between all digits is no grouping.
    number = digits if len(number) >= 2 * len(digits) - 1 else number
    if number.isdecimal() and len(digits) in (9, 10):
        middle = 5 if len(digits) == 9 else 6
        return f"{digits[:3]}-{digits[3:middle]}-{digits[middle:]}"
    return number
