# SPDX-License-Identifier: Apache-2.0
"""What is known of single words: given name, surname, town, ordinary word.

Two parts, both made by `make train-privacy` and read from the package when the first text needs
them. `common` is the set of words that never point to a person; a text of nothing else has no name
in it. `facts` holds some 400,000 further words as sorted 32-bit hashes with a byte of flags each:
3 MB instead of 40, and no list of names that could be read off. An unknown word is taken for a
known one in 1 of 10,000 cases, which the model, that weighs a flag with some twenty other signs,
does not notice.
"""

from __future__ import annotations

import unicodedata
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntFlag
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

FACT_FILES = ("facts-1.bin", "facts-2.bin", "facts-3.bin")
_SHELF_BITS = 20  # 4,096 shelves of about a hundred keys
_REMEMBERED = 8_192
_FOLDED = str.maketrans({"đ": "d", "ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})


class Flag(IntFlag):
    """What a word is known to be; several may hold."""

    GIVEN = 1
    SURNAME = 2
    FREQUENT_NAME = 4  # a common given name or surname of its culture
    TOWN = 8
    WORD = 16  # stands in a dictionary of ordinary and medical words
    LOWER = 32  # mostly written with a small letter
    WIDE = 64  # a country, state, people or language
    EPONYM = 128  # a disease, sign or method bears this name


def folded(word: str) -> str:
    """In small letters and without accents: one key for "Peña", "PEÑA" and "Pena"."""
    word = word.lower()
    if word.isascii():
        return word
    plain = unicodedata.normalize("NFKD", word.translate(_FOLDED))
    return "".join(char for char in plain if not "\u0300" <= char <= "\u036f")


def key_of(word: str) -> int:
    """The 32-bit key of a folded word."""
    return zlib.crc32(word.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Lexicon:
    """`common` holds the words as they stand in ASCII text, small and capitalised.

    `shelves` says where the keys with the same leading bits begin, so that a look-up reads a few
    neighbours and not places all over the table.
    """

    common: frozenset[bytes]
    keys: array[int]
    flags: bytes
    ordered: list[bytes]  # the common words in small letters, in order
    shelves: list[int] = field(init=False, repr=False)
    flags_of: Callable[[int], int] = field(init=False, repr=False)
    """The flags of a key; 0 for a word that is not known. The last few thousand are remembered."""

    def __post_init__(self) -> None:
        firsts = range(0, (1 << 32) + 1, 1 << _SHELF_BITS)
        shelves = [bisect_left(self.keys, first) for first in firsts]
        object.__setattr__(self, "shelves", shelves)
        object.__setattr__(self, "flags_of", lru_cache(_REMEMBERED)(self._look_up))

    def _look_up(self, key: int) -> int:
        keys, shelf = self.keys, key >> _SHELF_BITS
        end = self.shelves[shelf + 1]
        at = bisect_left(keys, key, self.shelves[shelf], end)
        return self.flags[at] if at < end and keys[at] == key else 0

    def is_beginning(self, word: str) -> bool:
        """Whether a common word goes on where this one, in small letters, ends."""
        start = word.encode("utf-8", "replace")
        at = bisect_right(self.ordered, start)
        return at < len(self.ordered) and self.ordered[at].startswith(start)


def read_lexicon(directory: Path) -> Lexicon:
    """Raises OSError, ValueError or zlib.error when the artefact is missing or broken."""
    words = zlib.decompress((directory / "common.bin").read_bytes()).split(b"\n\n")
    if len(words) != 2:
        raise ValueError("common.bin: two lists expected")
    always, small_only = (part.split() for part in words)
    common = frozenset([*always, *(word.capitalize() for word in always), *small_only])
    keys, flags = array("I"), b""
    gaps = array("H")
    for name in FACT_FILES:
        data = zlib.decompress((directory / name).read_bytes())
        count = len(data) // 3
        gaps.frombytes(data[: 2 * count])
        flags += data[2 * count :]
    keys.extend(accumulate(gaps))
    return Lexicon(common, keys, flags, sorted({*always, *small_only}))
