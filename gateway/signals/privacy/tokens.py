# SPDX-License-Identifier: Apache-2.0
"""Words of a text with their places, and which of them could be part of a name or a place.

A candidate is a word outside the common ones, every capitalised word in one run with it, so that
"Jane Hammer" is judged whole, and the two words behind a title. Most words of most prompts are no
candidates and cost nothing more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"[^\W_]+|'s\b|[^\w\s]|_|\n")
TITLES = frozenset("mr mrs ms dr prof Mr Mrs Ms Dr Prof MR MRS MS DR PROF".split())
_HOPS = frozenset({".", "'s", "-", "'", "&", "\u2019"})
# Bytes of `found.narrow` that are no part of a word become spaces.
_LETTERS_ONLY = bytes(each if each >= 128 or chr(each).isalpha() else 32 for each in range(256))
_OTHER = b"\xc3"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words, numbers, codes, signs and line ends of a text, in order."""

    words: list[str]
    starts: list[int]


def rare_words(data: bytes, common: frozenset[bytes]) -> frozenset[str] | None:
    """Words of `narrow` data that are not common; None when there are none, which is quick.

    Words with letters beyond ASCII are rare without being listed.
    """
    rare = set(data.translate(_LETTERS_ONLY).split()) - common
    if not rare:
        return None
    return frozenset(word.decode("ascii") for word in rare if _OTHER not in word)


def tokenise(text: str) -> Tokens:
    """Linear in the length of the text; some 0.3 us a word."""
    words, starts = [], []
    for match in _TOKEN.finditer(text):
        words.append(match.group())
        starts.append(match.start())
    return Tokens(words, starts)


def candidates(words: list[str], rare: frozenset[str]) -> list[int]:
    """Positions of the words to judge, in order."""
    chosen: set[int] = set()
    for at, word in enumerate(words):
        if word in TITLES:
            first = at + 1 + (words[at + 1 : at + 2] == ["."])
            chosen.update(range(first, min(first + 2, len(words))))
        elif (word in rare and len(word) > 1) or not word.isascii():
            chosen.add(at)
            if word[0].isupper():
                _add_run(words, at, 1, chosen)
                _add_run(words, at, -1, chosen)
    return sorted(at for at in chosen if words[at][0].isalpha() and len(words[at]) > 1)


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
