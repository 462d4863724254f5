# SPDX-License-Identifier: Apache-2.0
"""Words of a text with their places, and which of them could be part of a name or a place.

A candidate is a word outside the common ones, every capitalised word in one run with it, so that
"Jane Hammer" is judged whole, and the two words behind a title. Most words of most prompts are no
candidates and cost nothing more.
"""

from __future__ import annotations

import re
from itertools import accumulate, compress, count
from operator import not_
from zlib import crc32

from gateway.signals.privacy.features import NEWLINE
from gateway.signals.privacy.lexicon import Flag, Lexicon

# With the space behind them: an engine that may begin with a character finds its way faster.
_TOKEN = re.compile(r"(?:[^\W_]+|'s\b|[^\w\s]|_)\s*")
_ASCII_TOKEN = re.compile(r"[A-Za-z0-9]+\s*|'s\b\s*|[^\sA-Za-z0-9]\s*")
TITLES = frozenset("mr mrs ms dr prof Mr Mrs Ms Dr Prof MR MRS MS DR PROF".split())
_CAPITALISED = re.compile(rb"(?<![A-Za-z])[A-Z][a-z]")
_NAMING = frozenset(b"named called name dear hi hello am".split()).union(
    title.encode("ascii") for title in TITLES
)
# Plain numbers: an operation on an enumeration costs a microsecond.
_GIVEN, _NAMES = int(Flag.GIVEN), int(Flag.GIVEN | Flag.SURNAME)
_FREQUENT, _WORD = int(Flag.FREQUENT_NAME), int(Flag.WORD)
_HOPS = frozenset({".", "'s", "-", "'", "&", "\u2019"})
# Bytes of `found.narrow` that are no part of a word become spaces.
_LETTERS_ONLY = bytes(each if each >= 128 or chr(each).isalpha() else 32 for each in range(256))
_OTHER = b"\xc3"
_TWO = b"\1\1"  # marked words side by side


class Tokens:
    """The words, numbers, codes, signs and line ends (as NEWLINE) of a text, in order.

    Where they start is worked out when asked for: most texts have nothing to point at.
    """

    def __init__(self, text: str) -> None:
        tokens = _ASCII_TOKEN if text.isascii() else _TOKEN
        plain = text.replace("\n", NEWLINE)
        self._margin_chars = len(plain) - len(plain.lstrip())
        # All of them together, behind the margin, are the text.
        self._spaced: list[str] = tokens.findall(plain)
        self.words: list[str] = list(map(str.rstrip, self._spaced))
        self._starts: list[int] = []

    def start_of(self, at: int) -> int:
        """The offset of a word in the text."""
        if not self._starts:
            lengths = map(len, self._spaced)
            self._starts = list(accumulate(lengths, initial=self._margin_chars))
        return self._starts[at]


def rare_words(data: bytes, lexicon: Lexicon) -> frozenset[str] | None:
    """Words of `narrow` data that are not common; None when there are none, which is quick.

    Words with letters beyond ASCII are rare without being listed. Where capitals are used and no
    word says that a name follows, a word in small letters is rare only if it is a frequent name,
    or one of two rare words in a row of which one is a given name, or neither is in a dictionary:
    a ward is no Ms Ward, and one odd word no person.
    """
    words = data.translate(_LETTERS_ONLY).split()
    distinct = set(words)
    rare = distinct - lexicon.common
    if rare and _NAMING.isdisjoint(distinct) and _CAPITALISED.search(data):
        rare -= _no_names(rare, words, lexicon)
    if not rare:
        return None
    return frozenset(map(bytes.decode, filter(bytes.isascii, rare)))


def _no_names(rare: set[bytes], words: list[bytes], lexicon: Lexicon) -> set[bytes]:
    """Those of the rare words that are in small letters and no names either.

    A word with letters beyond ASCII is not among them; beside an odd one it makes both a name.
    """
    small: set[bytes] = set()
    plain: set[bytes] = set()
    # Not in a dictionary; whether it is a given name.
    odd: dict[bytes, bool] = {}
    for word in rare:
        if not word.islower():
            continue
        small.add(word)
        if _OTHER in word:
            odd[word] = False
            continue
        flags = lexicon.flags_of(crc32(word))
        if not flags & _WORD:
            odd[word] = bool(flags & _GIVEN)
            if flags & _NAMES and flags & _FREQUENT:
                continue
        plain.add(word)
    if len(odd) > 1 or True in odd.values():
        plain -= _in_a_row(words, small, odd)
    return plain


def _in_a_row(words: list[bytes], small: set[bytes], odd: dict[bytes, bool]) -> set[bytes]:
    """Rare words side by side that could be given name and surname.

    A word that is only said twice is no pair, unless it is a given name.
    """
    pairs: set[bytes] = set()
    marks = bytes(map(small.__contains__, words))
    at = marks.find(_TWO)
    while at >= 0:
        left, right = words[at], words[at + 1]
        are_odd = left != right and left in odd and right in odd
        if are_odd or odd.get(left) or odd.get(right):
            pairs |= {left, right}
        at = marks.find(_TWO, at + 1)
    return pairs


def candidates(words: list[str], rare: frozenset[str], most: int) -> list[int] | None:
    """Positions of the words to judge, in order; None when there are more than `most`."""
    marked = list(compress(count(), map(rare.__contains__, words)))
    if not "".join(words).isascii():
        marked += compress(count(), map(not_, map(str.isascii, words)))
    if len(marked) > most:
        return None
    chosen = set(marked)
    for at in marked:
        if words[at][0].isupper():
            _add_run(words, at, 1, chosen)
            _add_run(words, at, -1, chosen)
    if not TITLES.isdisjoint(words):
        for at in compress(count(), map(TITLES.__contains__, words)):
            first = at + 1 + (words[at + 1 : at + 2] == ["."])
            chosen.update(range(first, min(first + 2, len(words))))
    if len(chosen) > most:
        return None
    return sorted([at for at in chosen if len(words[at]) > 1 and words[at][0].isalpha()])


def _add_run(words: list[str], at: int, step: int, chosen: set[int]) -> None:
    """The capitalised neighbours on one side, over one hyphen, point or 's at a time."""
    at += step
    while 0 <= at < len(words):
        word = words[at]
        if word[0].isupper():
            if at in chosen:
                return
            chosen.add(at)
        elif word not in _HOPS or (word == "." and len(words[at - 1]) > 3):
            return
        at += step
